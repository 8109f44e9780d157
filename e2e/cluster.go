package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

// Options say what a [Cluster] is made of. The zero value is one node that
// speaks plaintext.
type Options struct {
	Nodes  int               // 1 or 3; 0 means 1
	Secure *Security         // adds a SASL_SSL listener
	Config map[string]string // broker settings on top of the usual ones
	Env    map[string]string // of the containers, on top of the usual
}

// Cluster is a Kafka cluster in containers. Its ports are the same after a
// restart, and so is its data. All nodes are broker and controller.
//
// The containers share the network of the host: what a broker advertises is
// then true for its clients and for the other nodes alike.
type Cluster struct {
	id    string // as brokers tell it; no two clusters have the same
	opts  Options
	nodes []*node
}

type node struct {
	id                               int
	clientPort, controlPort, tlsPort int
	container                        *testcontainers.DockerContainer
}

const startTimeout = 90 * time.Second

// Start starts a cluster and returns when all nodes serve. The cluster lives
// until [Cluster.Close].
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	opts.Nodes = max(opts.Nodes, 1)
	c := &Cluster{id: newClusterID(), opts: opts}
	for id := 1; id <= opts.Nodes; id++ {
		n := &node{id: id}
		for _, port := range []*int{&n.clientPort, &n.controlPort, &n.tlsPort} {
			var err error
			if *port, err = FreePort(ctx); err != nil {
				return nil, err
			}
		}
		c.nodes = append(c.nodes, n)
	}
	var group errgroup.Group
	for _, n := range c.nodes {
		group.Go(func() error { return c.create(ctx, n) })
	}
	err := group.Wait()
	if err == nil {
		err = c.serving(ctx)
	}
	if err == nil && opts.Secure != nil {
		err = c.createUser(ctx)
	}
	if err != nil {
		err = fmt.Errorf("start a cluster of %d: %w\n%s", opts.Nodes, err, c.LogTail(ctx, 20))
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

// StartFor starts a cluster that ends with the test. If the test fails, the end
// of the brokers' logs is shown.
func StartFor(t testing.TB, opts Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.LogTail(context.WithoutCancel(t.Context()), 30))
		}
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *Cluster) create(ctx context.Context, n *node) error {
	options := []testcontainers.ContainerCustomizer{
		testcontainers.WithEnv(c.env(n)),
		testcontainers.WithLabels(map[string]string{label: strconv.Itoa(os.Getpid())}),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) { host.NetworkMode = "host" }),
		// Stopping is always killing: a clean stop proves less.
		testcontainers.WithConfigModifier(func(config *container.Config) { config.StopSignal = "SIGKILL" }),
		testcontainers.WithLogger(tclog.NewNoopLogger()),
	}
	if c.opts.Secure != nil {
		options = append(options, testcontainers.WithFiles(testcontainers.ContainerFile{
			Reader: bytes.NewReader(c.opts.Secure.broker), ContainerFilePath: keyStorePath, FileMode: 0o644,
		}))
	}
	created, err := testcontainers.Run(ctx, image(), options...)
	n.container = created
	if err != nil {
		return fmt.Errorf("node %d of %s: %w", n.id, image(), err)
	}
	return nil
}

// env configures a node: as little memory and waiting as tests can do with.
func (c *Cluster) env(n *node) map[string]string {
	voters := make([]string, len(c.nodes))
	for i, other := range c.nodes {
		voters[i] = fmt.Sprintf("%d@127.0.0.1:%d", other.id, other.controlPort)
	}
	copies, inSync := strconv.Itoa(len(c.nodes)), strconv.Itoa((len(c.nodes)+1)/2)
	settings := map[string]string{
		"node.id":                                          strconv.Itoa(n.id),
		"process.roles":                                    "broker,controller",
		"controller.quorum.voters":                         strings.Join(voters, ","),
		"controller.listener.names":                        "CONTROLLER",
		"inter.broker.listener.name":                       "PLAIN",
		"listeners":                                        fmt.Sprintf("PLAIN://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", n.clientPort, n.controlPort),
		"advertised.listeners":                             fmt.Sprintf("PLAIN://127.0.0.1:%d", n.clientPort),
		"listener.security.protocol.map":                   "CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,LOCKED:SASL_SSL",
		"log.dirs":                                         "/var/lib/kafka/data",
		"num.partitions":                                   "2",
		"default.replication.factor":                       copies,
		"min.insync.replicas":                              inSync,
		"offsets.topic.replication.factor":                 copies,
		"offsets.topic.num.partitions":                     "4",
		"transaction.state.log.replication.factor":         copies,
		"transaction.state.log.min.isr":                    inSync,
		"transaction.state.log.num.partitions":             "4",
		"share.coordinator.state.topic.replication.factor": copies,
		"share.coordinator.state.topic.min.isr":            inSync,
		"group.initial.rebalance.delay.ms":                 "0",
		"log.cleaner.dedupe.buffer.size":                   "20000000",
		// So that tests need not wait long for members and transactions that died.
		"group.min.session.timeout.ms":                                "1000",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
		// A killed broker may register again only after its old session: the
		// usual 9 s would be the longest part of a restart.
		"broker.session.timeout.ms":    "3000",
		"broker.heartbeat.interval.ms": "500",
	}
	if c.opts.Secure != nil {
		settings["listeners"] += fmt.Sprintf(",LOCKED://127.0.0.1:%d", n.tlsPort)
		settings["advertised.listeners"] += fmt.Sprintf(",LOCKED://127.0.0.1:%d", n.tlsPort)
		maps.Copy(settings, c.opts.Secure.settings())
	}
	maps.Copy(settings, c.opts.Config)
	env := map[string]string{
		"CLUSTER_ID":      c.id,
		"KAFKA_HEAP_OPTS": "-Xms96m -Xmx384m",
		// One collector thread and no second compiler: several JVMs share few cores.
		"KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
	}
	for key, value := range settings {
		env[envName(key)] = value
	}
	maps.Copy(env, c.opts.Env)
	return env
}

// newClusterID is a UUID as Kafka writes them.
func newClusterID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	id[0] &= 0x7f        // a leading dash would look like an option to Kafka's tools
	return base64.RawURLEncoding.EncodeToString(id)
}

// envName is the variable that sets a broker setting in the image.
func envName(setting string) string {
	return "KAFKA_" + strings.ToUpper(strings.NewReplacer("_", "__", "-", "___", ".", "_").Replace(setting))
}

// serving waits until all brokers are registered and every partition is complete.
func (c *Cluster) serving(ctx context.Context) error {
	want := len(c.nodes)
	client, err := kgo.NewClient(c.clientOpts()...)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return until(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		for _, n := range c.nodes {
			state, err := n.container.State(ctx)
			if err != nil {
				return fmt.Errorf("node %d: %w", n.id, err)
			}
			if !state.Running {
				return Hopeless("node %d ended with code %d:\n%s", n.id, state.ExitCode, c.LogTail(ctx, 20))
			}
		}
		// Asked for directly: the administrative client may answer from what it
		// remembers, and it keeps a list of brokers that was once too short.
		metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
		if err != nil {
			return fmt.Errorf("ask for brokers: %w", err)
		}
		if len(metadata.Brokers) < want {
			return fmt.Errorf("%d of %d brokers are registered", len(metadata.Brokers), want)
		}
		return inSync(metadata)
	})
}

// inSync tells which partition has no leader or lacks a replica. Killing the next
// node before all are back would take more replicas than a cluster can lose.
func inSync(metadata *kmsg.MetadataResponse) error {
	for _, topic := range metadata.Topics {
		for _, p := range topic.Partitions {
			if p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
				return fmt.Errorf("%s-%d: leader %d, %d of %d replicas are in sync",
					*topic.Topic, p.Partition, p.Leader, len(p.ISR), len(p.Replicas))
			}
		}
	}
	return nil
}

// Bootstrap are the addresses of the plaintext listeners.
func (c *Cluster) Bootstrap() []string {
	addresses := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addresses[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(n.clientPort))
	}
	return addresses
}

// SecureBootstrap are the addresses of the SASL_SSL listeners.
func (c *Cluster) SecureBootstrap() []string {
	addresses := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addresses[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(n.tlsPort))
	}
	return addresses
}

func (c *Cluster) clientOpts(opts ...kgo.Opt) []kgo.Opt {
	return append([]kgo.Opt{
		kgo.SeedBrokers(c.Bootstrap()...),
		// Tests add topics and partitions and want them seen soon.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.MetadataMaxAge(2 * time.Second),
		kgo.RetryBackoffFn(func(int) time.Duration { return 200 * time.Millisecond }),
	}, opts...)
}

// Client returns a client on the plaintext listener that is closed with the test.
func (c *Cluster) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(c.clientOpts(opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Admin returns an administrative client that is closed with the test.
func (c *Cluster) Admin(t testing.TB) *kadm.Client { return kadm.NewClient(c.Client(t)) }

// CreateTopic creates a topic with as many replicas as there are nodes, up to
// three. Settings are pairs of name and value.
func (c *Cluster) CreateTopic(t testing.TB, topic string, partitions int, settings ...string) {
	t.Helper()
	configs := make(map[string]*string)
	for i := 0; i+1 < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	_, err := c.Admin(t).CreateTopic(t.Context(), int32(partitions), -1, configs, topic)
	if err != nil {
		t.Fatalf("create topic %s: %v", topic, err)
	}
}

// Nodes is the number of nodes.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// Kill ends node i, counted from 0, with SIGKILL. Its data stays.
func (c *Cluster) Kill(t testing.TB, i int) {
	t.Helper()
	if err := c.nodes[i].container.Stop(t.Context(), nil); err != nil {
		t.Fatalf("kill node %d: %v", i+1, err)
	}
}

// Restart starts node i again after [Cluster.Kill] and returns when it serves and
// every partition of the cluster has all its replicas.
func (c *Cluster) Restart(t testing.TB, i int) {
	t.Helper()
	if err := c.nodes[i].container.Start(t.Context()); err != nil {
		t.Fatalf("start node %d: %v", i+1, err)
	}
	if err := c.serving(t.Context()); err != nil {
		t.Fatalf("node %d after its restart: %v", i+1, err)
	}
}

// Exec runs a command in the container of the first node and returns what it
// printed. Text for its standard input is passed through a shell.
func (c *Cluster) Exec(t testing.TB, input string, command ...string) string {
	t.Helper()
	script := []string{"sh", "-c", `printf '%s' "$INPUT" | exec "$@"`, "sh"}
	code, output, err := c.nodes[0].container.Exec(t.Context(), append(script, command...),
		exec.Multiplexed(), exec.WithEnv([]string{"INPUT=" + input, "KAFKA_HEAP_OPTS=-Xmx128m"}))
	if err != nil {
		t.Fatalf("%s: %v", command[0], err)
	}
	text, err := io.ReadAll(output)
	if err != nil {
		t.Fatalf("read the output of %s: %v", command[0], err)
	}
	if code != 0 {
		t.Fatalf("%s ended with code %d:\n%s", command[0], code, text)
	}
	return string(text)
}

// LogTail is the end of each node's log without what is merely informative, or
// why it cannot be read.
func (c *Cluster) LogTail(ctx context.Context, lines int) string {
	var b strings.Builder
	for _, n := range c.nodes {
		if n.container == nil {
			continue
		}
		logs, err := n.container.Logs(ctx)
		if err != nil {
			fmt.Fprintf(&b, "node %d: %v\n", n.id, err)
			continue
		}
		text, err := io.ReadAll(logs)
		all := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(line string) bool {
			return strings.Contains(line, " INFO ")
		})
		fmt.Fprintf(&b, "--- node %d, last lines of its log\n%s\n", n.id, strings.Join(all[max(0, len(all)-lines):], "\n"))
		if err := errors.Join(err, logs.Close()); err != nil {
			fmt.Fprintf(&b, "node %d: %v\n", n.id, err)
		}
	}
	return b.String()
}

// Close removes the containers with their data.
func (c *Cluster) Close(ctx context.Context) error {
	var group errgroup.Group
	for _, n := range c.nodes {
		if n.container == nil {
			continue
		}
		group.Go(func() error {
			if err := n.container.Terminate(ctx); err != nil {
				return fmt.Errorf("remove node %d: %w", n.id, err)
			}
			return nil
		})
	}
	return group.Wait()
}
