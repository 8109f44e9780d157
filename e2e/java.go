package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// JavaMirror is a Java MirrorMaker 2 in dedicated mode, in a container of the
// brokers' image.
type JavaMirror struct {
	name      string
	container *testcontainers.DockerContainer
}

const javaFile = "/tmp/connect-mirror-maker.properties"

// RunJava starts Java MirrorMaker 2 with a properties file. It is killed at the
// end of the test if it still runs, and the end of its log is shown if the test
// failed.
func RunJava(t testing.TB, name, properties string) *JavaMirror {
	t.Helper()
	created, err := testcontainers.Run(t.Context(), image(),
		testcontainers.WithEntrypoint("/opt/kafka/bin/kafka-run-class.sh", "org.apache.kafka.connect.mirror.MirrorMaker", javaFile),
		testcontainers.WithEnv(map[string]string{
			"KAFKA_HEAP_OPTS": "-Xms96m -Xmx512m", "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1", "LOG_LEVEL": "info",
		}),
		testcontainers.WithLabels(map[string]string{label: strconv.Itoa(os.Getpid())}),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) { host.NetworkMode = "host" }),
		testcontainers.WithFiles(testcontainers.ContainerFile{
			Reader: strings.NewReader(properties), ContainerFilePath: javaFile, FileMode: 0o644,
		}),
		testcontainers.WithLogger(tclog.NewNoopLogger()),
	)
	j := &JavaMirror{name: name, container: created}
	if created != nil {
		t.Cleanup(func() { j.cleanUp(t) })
	}
	if err != nil {
		t.Fatalf("start Java MirrorMaker 2 %s: %v", name, err)
	}
	return j
}

func (j *JavaMirror) cleanUp(t testing.TB) {
	ctx := context.WithoutCancel(t.Context())
	if t.Failed() {
		t.Logf("--- %s, last lines of its log\n%s", j.name, j.LogTail(ctx, 40))
	}
	if err := j.container.Terminate(ctx, testcontainers.StopTimeout(0)); err != nil {
		t.Errorf("remove %s: %v", j.name, err)
	}
}

// LogTail is the end of what it printed, without what is merely informative.
func (j *JavaMirror) LogTail(ctx context.Context, lines int) string {
	logs, err := j.container.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(logs)
	var kept []string
	for line := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
		if !strings.Contains(line, " INFO ") && !strings.HasPrefix(line, "\t") {
			kept = append(kept, line)
		}
	}
	if err := errors.Join(err, logs.Close()); err != nil {
		kept = append(kept, err.Error())
	}
	return strings.Join(kept[max(0, len(kept)-lines):], "\n")
}

// Stop asks it to end with SIGTERM, which commits what it has copied, and
// returns when it has.
func (j *JavaMirror) Stop(t testing.TB) {
	t.Helper()
	patience := 30 * time.Second
	if err := j.container.Stop(t.Context(), &patience); err != nil {
		t.Fatalf("stop %s: %v", j.name, err)
	}
}

// Kill ends it with SIGKILL.
func (j *JavaMirror) Kill(t testing.TB) {
	t.Helper()
	at := time.Duration(0)
	if err := j.container.Stop(t.Context(), &at); err != nil {
		t.Fatalf("kill %s: %v", j.name, err)
	}
}

// JavaProgram runs a Java source file of this package's java folder with Kafka's
// jars and returns what it printed. The jars are those of the brokers' image.
func JavaProgram(t testing.TB, source string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "java", append(javaArgs(t, source, "-Xmx256m", "-XX:TieredStopAtLevel=1"), args...)...)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", source, err, out, stderr.String())
	}
	return string(out)
}

// javaArgs are the arguments of java, options first, that run a source file of
// this package's java folder with Kafka's jars.
func javaArgs(t testing.TB, source string, options ...string) []string {
	t.Helper()
	jars, err := exec.CommandContext(t.Context(), "image/fetch-kafka.sh").Output()
	if err != nil {
		t.Fatalf("find Kafka's jars: %v", err)
	}
	return append(options, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
		"-cp", filepath.Join(strings.TrimSpace(string(jars)), "*"), filepath.Join("java", source))
}

// JavaWorker starts a Java source file of this package's java folder as a worker.
// Options are those of the virtual machine.
func JavaWorker(t testing.TB, name, source string, options []string, args ...string) *Worker {
	t.Helper()
	return Program(t, name, nil, "java", append(javaArgs(t, source, options...), args...)...)
}

// Properties is the file of a Java MirrorMaker 2 for these clusters, with one
// replica everywhere, short intervals, and what lines add.
func Properties(clusters map[string]*Cluster, order []string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "clusters = %s\n", strings.Join(order, ", "))
	for _, name := range order {
		fmt.Fprintf(&b, "%s.bootstrap.servers = %s\n", name, strings.Join(clusters[name].Bootstrap(), ","))
		fmt.Fprintf(&b, "%s.offset.flush.interval.ms = 1000\n%s.producer.linger.ms = 5\n", name, name)
	}
	b.WriteString(`replication.factor = 1
checkpoints.topic.replication.factor = 1
heartbeats.topic.replication.factor = 1
offset-syncs.topic.replication.factor = 1
offset.storage.replication.factor = 1
status.storage.replication.factor = 1
config.storage.replication.factor = 1
refresh.topics.interval.seconds = 1
refresh.groups.interval.seconds = 1
emit.heartbeats.interval.seconds = 1
emit.checkpoints.interval.seconds = 1
sync.topic.configs.interval.seconds = 2
sync.topic.acls.interval.seconds = 2
`)
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	return b.String()
}
