package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mm2/internal/config"
	"mm2/internal/connection"
)

// importFile imports a file of testdata on a machine that has none of what its
// placeholders stand for.
func importFile(name string) ([]byte, error) {
	return config.Import(name,
		config.WithEnv(func(string) (string, bool) { return "", false }),
		config.WithReadFile(func(path string) ([]byte, error) {
			if filepath.IsAbs(path) {
				return nil, fs.ErrNotExist
			}
			return os.ReadFile(filepath.Join("testdata", path))
		}))
}

// loadTOML loads a document where every variable has a text.
func loadTOML(t *testing.T, document []byte, env map[string]string) *config.Config {
	t.Helper()
	c, err := config.Load("mesh.toml",
		config.WithEnv(func(name string) (string, bool) {
			if v, ok := env[name]; ok {
				return v, true
			}
			return "env-secret", true
		}),
		config.WithReadFile(func(path string) ([]byte, error) {
			if path == "mesh.toml" {
				return document, nil
			}
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		}))
	if err != nil {
		t.Fatalf("what was imported cannot be loaded: %v\n%s", err, document)
	}
	return c
}

func TestImport(t *testing.T) {
	names := slices.DeleteFunc(testdata(t, "*.properties"), isBad)
	if len(names) < 6 {
		t.Fatalf("only %d files", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			toml, err := importFile(name)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", name+".import"), string(toml))

			java, err := load(t, name)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := meaning(loadTOML(t, toml, environment)), meaning(java); got != want {
				t.Errorf("the TOML means\n%s\nthe properties mean\n%s\nthe TOML is\n%s", got, want, toml)
			}
		})
	}
}

// meaning is a tree without what differs between two formats: the file, the
// warnings, and whether the default protocol is written.
func meaning(c *config.Config) string {
	c.Warnings = nil
	for alias, conn := range c.Clusters {
		if conn.Protocol == "" {
			conn.Protocol = connection.Plaintext
		}
		c.Clusters[alias] = conn
	}
	return dump(c)
}

// Each line alone, beside two flows that differ, survives the way to TOML.
func TestImportMeansTheSame(t *testing.T) {
	const base = "clusters = A, B\nA.bootstrap.servers = a:9092\nB.bootstrap.servers = b:9092\n" +
		"A->B.enabled = true\nB->A.enabled = true\nB->A.topics = other\n"
	for _, line := range []string{
		"", "topics =", `topics = a"b, c'd, e\\\\f`, "topics.exclude =", "config.properties.exclude = ", "A->B.topics = a, b",
		"replication.policy.separator = -", "A->B.replication.policy.separator = __", "replication.policy.internal.topic.separator.enabled = false",
		"replication.factor = -1", "A->B.heartbeats.topic.replication.factor = 1", "B.offset.storage.replication.factor = 1",
		"refresh.topics.interval.seconds = 0", "refresh.topics.interval.seconds = 86400", "A->B.refresh.topics.interval.seconds = -7",
		"emit.heartbeats.enabled = false", "A->B.emit.heartbeats.enabled = false", "heartbeats.replication.enabled = false",
		"A.consumer.isolation.level = read_uncommitted", "B.consumer.auto.offset.reset = latest", "A.consumer.fetch.max.bytes = 2147483647",
		"A.consumer.fetch.max.wait.ms = 0", "B.producer.linger.ms = 0", "B.producer.linger.ms = 7", "B.producer.buffer.memory = 500",
		"B.producer.compression.type = gzip", "B.session.timeout.ms = 1800000", "B.producer.transaction.timeout.ms = 5000",
		"sync.topic.configs.enabled = false", "sync.topic.acls.interval.seconds = 1", "A->B.use.defaults.from = source",
		"offset.lag.max = 9223372036854775807", "offset-syncs.topic.location = target", "emit.offset-syncs.enabled = false",
		"groups =", "groups.exclude =", "A->B.groups = g", "emit.checkpoints.interval.seconds = 60", "emit.checkpoints.enabled = false",
		"sync.group.offsets.enabled = true", "A->B.sync.group.offsets.enabled = true", "checkpoints.topic.replication.factor = 1",
		"metric.names.formats = new", "A->B.metric.names.formats = new", "offset.storage.topic = offsets", "B.group.id = mirrors",
		"client.id = x", "B.client.id = x", "A.consumer.client.rack = r\\u00fcm", "A.admin.request.timeout.ms = 1234",
		"security.protocol = SSL", "A.security.protocol = plaintext",
	} {
		t.Run(line, func(t *testing.T) {
			read := config.WithReadFile(func(string) ([]byte, error) { return []byte(base + line), nil })
			java, err := config.Load("x.properties", read)
			if err != nil {
				t.Fatal(err)
			}
			toml, err := config.Import("x.properties", read)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := meaning(loadTOML(t, toml, nil)), meaning(java); got != want {
				t.Errorf("the TOML means\n%s\nthe properties mean\n%s\nthe TOML is\n%s", got, want, toml)
			}
		})
	}
}

// importText imports the text of a properties file and returns the lines of
// the result that hold settings.
func importText(t *testing.T, text string, env map[string]string) []string {
	t.Helper()
	toml, err := config.Import("mirror.properties",
		config.WithEnv(func(name string) (string, bool) { v, ok := env[name]; return v, ok }),
		config.WithReadFile(func(path string) ([]byte, error) {
			if path == "mirror.properties" {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		}))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(toml)) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	loadTOML(t, toml, env)
	return lines
}

const envProvider = "config.providers = env\nconfig.providers.env.class = org.apache.kafka.common.config.provider.EnvVarConfigProvider\n"

func TestImportFindsTheShape(t *testing.T) {
	tests := []struct {
		name, clusters, enabled string
		want                    []string
	}{
		{"one", "A, B", "B->A", []string{`kind = "active-standby"`, `active = "B"`, `standby = "A"`}},
		{"both ways", "A, B", "A->B B->A", []string{`kind = "active-active"`, `clusters = ["A", "B"]`}},
		{"in", "hq, x, y", "x->hq y->hq", []string{`kind = "hub-and-spoke"`, `hub = "hq"`, `spokes = ["x", "y"]`, `direction = "in"`}},
		{"out", "x, hq, y", "hq->x hq->y", []string{`kind = "hub-and-spoke"`, `hub = "hq"`, `spokes = ["x", "y"]`, `direction = "out"`}},
		{"in and out", "hq, x, y", "hq->x hq->y x->hq y->hq", []string{`kind = "hub-and-spoke"`, `direction = "both"`}},
		{"chain", "A, B, C", "B->C A->B", []string{`kind = "custom"`, `flows = ["A->B", "B->C"]`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "clusters = " + tt.clusters + "\n"
			for alias := range strings.SplitSeq(tt.clusters, ", ") {
				text += alias + ".bootstrap.servers = " + strings.ToLower(alias) + ":9092\n"
			}
			for flow := range strings.FieldsSeq(tt.enabled) {
				text += flow + ".enabled = true\n"
			}
			lines := importText(t, text, nil)
			for _, want := range tt.want {
				if !slices.Contains(lines, want) {
					t.Errorf("no line %s in\n%s", want, strings.Join(lines, "\n"))
				}
			}
		})
	}
}

func TestImportKeepsSecretsOut(t *testing.T) {
	const jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required "
	sasl := "clusters = us-west, us.west\nus-west.bootstrap.servers = a:9092\nus.west.bootstrap.servers = b:9092\nus-west->us.west.enabled = true\n" +
		"security.protocol = SASL_PLAINTEXT\nsasl.mechanism = PLAIN\n" + envProvider
	tests := []struct {
		name, text string
		want       []string
	}{
		{
			"in the file",
			sasl + `sasl.jaas.config = ` + jaas + `username="me" password="hunter2";`,
			[]string{
				`username = "me"`,
				`password = "${env:US_WEST_PASSWORD}" # set US_WEST_PASSWORD: the password in sasl.jaas.config`,
				`password = "${env:US_WEST_PASSWORD_2}" # set US_WEST_PASSWORD_2: the password in sasl.jaas.config`,
			},
		},
		{"behind a placeholder", sasl + `sasl.jaas.config = ` + jaas + `username=${env:USER} password=${env:PW};`, []string{`username = "${env:USER}"`, `password = "${env:PW}"`}},
		{
			"partly behind one",
			sasl + `sasl.jaas.config = ` + jaas + `username="me" password="hunter2${env:PW}";`,
			[]string{`password = "${env:US_WEST_PASSWORD}" # set US_WEST_PASSWORD: the password in sasl.jaas.config`},
		},
		{
			"all of it behind one",
			sasl + "sasl.jaas.config = ${env:JAAS}",
			[]string{
				`username = "${env:US_WEST_USERNAME}" # set US_WEST_USERNAME: the name in sasl.jaas.config`,
				`password = "${env:US_WEST_PASSWORD}" # set US_WEST_PASSWORD: the password in sasl.jaas.config`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := importText(t, tt.text, nil)
			for _, want := range tt.want {
				if !slices.Contains(lines, want) {
					t.Errorf("no line %s in\n%s", want, strings.Join(lines, "\n"))
				}
			}
			if strings.Contains(strings.Join(lines, ""), "hunter2") {
				t.Error("the password shows")
			}
		})
	}
}

func TestImportResolvesWhatTOMLCannotPostpone(t *testing.T) {
	text := "clusters = A, B\nA.bootstrap.servers = ${env:A}\nB.bootstrap.servers = ${env:B}\nA->B.enabled = ${env:ON}\n" + envProvider +
		"topics = ${env:TOPICS}\nreplication.factor = ${env:FACTOR}\nA.consumer.client.rack = ${env:RACK}\n"
	lines := importText(t, text, map[string]string{"A": "a1:9092,a2:9092", "B": "b:9092", "ON": "true", "TOPICS": `o\d+, x`, "FACTOR": "2", "RACK": "r"})
	for _, want := range []string{
		`bootstrap = ["a1:9092", "a2:9092"]`,
		`bootstrap = ["${env:B}"]`,
		`rack = "${env:RACK}"`,
		`topics = ['o\d+', "x"] # was ${env:TOPICS}: a list in TOML has no placeholders`,
		`replication_factor = 2`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

// Without a provider Java takes ${env:RACK} as it stands.
func TestImportRemarksOnWhatBecomesAPlaceholder(t *testing.T) {
	text := "clusters = A, B\nA.bootstrap.servers = a:9092\nB.bootstrap.servers = b:9092\nA->B.enabled = true\nA.consumer.client.rack = ${env:RACK}\n"
	toml, err := config.Import("x.properties", config.WithReadFile(func(string) ([]byte, error) { return []byte(text), nil }))
	if err != nil {
		t.Fatal(err)
	}
	if want := "# line 5: A.consumer.client.rack = ${env:RACK}: is plain text in Java and a placeholder in TOML\n"; !strings.Contains(string(toml), want) {
		t.Errorf("no %q in\n%s", want, toml)
	}
}

func TestImportRefuses(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"another format", "custom.toml", `custom.toml: the extension ".toml" is not .properties: there is nothing to import`},
		{"nothing", "nowhere.properties", "nowhere.properties: cannot be read: no such file or directory"},
		{"a bad file", "one-cluster.bad.properties", "one-cluster.bad.properties:1: clusters = A: want two or more clusters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			toml, err := importFile(tt.file)
			if e := (*config.Error)(nil); !errors.As(err, &e) || err.Error() != tt.want || toml != nil {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
