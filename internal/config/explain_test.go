package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"mm2/internal/config"
)

// explained is what Explain says of a setting: value, then origin.
func explained(t *testing.T, name, text, flow, key string) string {
	t.Helper()
	flows, err := config.Explain(name,
		config.WithEnv(func(name string) (string, bool) { return "hidden-topic", name == "TOPICS" }),
		config.WithReadFile(func(path string) ([]byte, error) {
			if path == name {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		}))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flows {
		for _, s := range f.Settings {
			if f.ID.String() == flow && s.Key == key {
				return s.Value + " | " + s.Origin
			}
		}
	}
	return "not explained"
}

func TestExplain(t *testing.T) {
	const toml = `[clusters.A]
bootstrap = ["a:9092"]
[clusters.B]
bootstrap = ["b:9092"]
[defaults]
topics = ["a", 'b\d']
groups = { sync = false, follow = "tail" }
[[topology]]
kind = "active-active"
clusters = ["A", "B"]
fetch.min_bytes = "1KiB"
[flows."A->B"]
groups.sync = true
rate_limit = "5MB/s"
java.group = "${env:TOPICS}"
`
	const properties = `clusters = A, B
A.bootstrap.servers = a:9092
B.bootstrap.servers = b:9092
A->B.enabled = true
replication.factor = 1
A->B.replication.factor = 2
A.replication.factor = 3
B.consumer.fetch.min.bytes = 1
A.consumer.fetch.min.bytes = 2
A->B.consumer.fetch.min.bytes = 3
B.producer.linger.ms = 5
offset.storage.replication.factor = 2
B.offset.storage.topic = offsets
A->B.offsets.storage.topic = ours
sync.topic.configs.interval.seconds = 60
sync.topic.acls.interval.seconds = 30
B.producer.transaction.timeout.ms = 900000
config.providers = env
config.providers.env.class = org.apache.kafka.common.config.provider.EnvVarConfigProvider
topics = ${env:TOPICS}
`
	tests := []struct{ name, text, flow, key, want string }{
		{"mesh.toml", toml, "A->B", "topics", `["a", 'b\d'] | line 6: defaults.topics`},
		{"mesh.toml", toml, "A->B", "groups.sync", `true | line 13: flows."A->B".groups.sync`},
		{"mesh.toml", toml, "B->A", "groups.sync", `false | line 7: defaults.groups.sync`},
		{"mesh.toml", toml, "A->B", "groups.follow", `"tail" | line 7: defaults.groups.follow`},
		{"mesh.toml", toml, "A->B", "fetch.min_bytes", `"1KiB" | line 11: topology.fetch.min_bytes`},
		{"mesh.toml", toml, "A->B", "fetch.max_wait", `mm2's choice | default`},
		{"mesh.toml", toml, "A->B", "rate_limit", `"5MB/s" | line 14: flows."A->B".rate_limit`},
		{"mesh.toml", toml, "A->B", "java.group", `"${env:TOPICS}" | line 15: flows."A->B".java.group`},
		{"mesh.toml", toml, "B->A", "rate_limit", `none | default`},
		{"mesh.toml", toml, "A->B", "lanes", `8 | default`},
		{"mesh.toml", toml, "A->B", "on.dead_letter_topic", `"mm2-dead-letter.A.internal" | default`},
		{"m.properties", properties, "A->B", "replication_factor", `2 | line 6: A->B.replication.factor`},
		{"m.properties", properties, "A->B", "fetch.min_bytes", `2 | line 9: A.consumer.fetch.min.bytes`},
		{"m.properties", properties, "A->B", "produce.linger", `"5ms" | line 11: B.producer.linger.ms`},
		{"m.properties", properties, "A->B", "lanes_replication_factor", `2 | line 12: offset.storage.replication.factor`},
		{"m.properties", properties, "A->B", "java.offsets_topic", `"ours" | line 14: A->B.offsets.storage.topic`},
		{
			"m.properties", properties, "A->B", "config_sync.interval",
			`"30s" | line 15: sync.topic.configs.interval.seconds, line 16: sync.topic.acls.interval.seconds`,
		},
		{"m.properties", properties, "A->B", "transaction_timeout", `"8s" | default`},
		{"m.properties", properties, "A->B", "heartbeats_replication_factor", `3 | Java's default`},
		{"m.properties", properties, "A->B", "groups.sync", `false | Java's default`},
		{"m.properties", properties, "A->B", "topics", `${env:TOPICS} | line 20: topics`},
		{"m.properties", properties, "A->B", "checkpoints.interval", `"250ms" | default`},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %s %s", tt.name, tt.flow, tt.key), func(t *testing.T) {
			if got := explained(t, tt.name, tt.text, tt.flow, tt.key); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// Between them the files of testdata have every setting.
func TestExplainNamesEverySetting(t *testing.T) {
	for _, name := range slices.Concat(testdata(t, "*.toml"), testdata(t, "*.properties")) {
		if isBad(name) {
			continue
		}
		missing, err := config.SaidButNotExplained(name, testOptions()...)
		if err != nil || len(missing) > 0 {
			t.Errorf("%s: %v, not explained: %q", name, err, missing)
		}
	}
}

// What is explained can be written as it stands.
func TestExplainedSettingsCanBeWritten(t *testing.T) {
	flows, err := config.Explain(filepath.Join("testdata", "follow.toml"))
	if err != nil {
		t.Fatal(err)
	}
	toml := "[clusters.A]\nbootstrap = [\"a:1\"]\n[clusters.B]\nbootstrap = [\"b:1\"]\n" +
		"[[topology]]\nkind = \"active-standby\"\nactive = \"A\"\nstandby = \"B\"\n"
	for _, s := range flows[0].Settings {
		if s.Value != "none" && s.Value != "mm2's choice" {
			toml += s.Key + " = " + s.Value + "\n"
		}
	}
	loadTOML(t, []byte(toml), nil)
}

func TestExplainRefuses(t *testing.T) {
	_, err := config.Explain("nowhere.toml")
	if e := (*config.Error)(nil); !errors.As(err, &e) {
		t.Errorf("want a *config.Error, got %v", err)
	}
}
