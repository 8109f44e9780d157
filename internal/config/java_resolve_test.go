package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"mm2/topology"
)

func readerOf(t testing.TB, text string) *javaReader {
	t.Helper()
	s := &source{file: "test.properties", readFile: os.ReadFile, lookup: func(string) (string, bool) { return "", false }}
	j := &javaReader{source: s, raw: make(javaConfig)}
	j.parse([]byte(text))
	if !j.readClusters() {
		t.Fatal(s.problems)
	}
	return j
}

// goldenResolution uses each layer that can hide another.
const goldenResolution = `
clusters = A, B
A.bootstrap.servers = a1:9092, a2:9092
B.bootstrap.servers = b1:9092
security.protocol = SASL_SSL
B.security.protocol = SSL
A.consumer.max.poll.records = 111
A->B.consumer.max.poll.records = 222
A->B.source.consumer.fetch.min.bytes = 333
consumer.max.poll.records = 999
producer.linger.ms = 999
B.producer.linger.ms = 5
A->B.producer.linger.ms = 6
A->B.producer.override.batch.size = 77
A.producer.acks = 1
A.replication.factor = 9
B.replication.factor = 8
replication.factor = 3
A->B.replication.factor = 4
topics = t1, t2
A->B.topics.exclude = x.*
A->B.enabled = true
tasks.max = 5
offset.storage.replication.factor = 1
B.offset.storage.replication.factor = 2
B.offset.flush.interval.ms = 1234
offset.flush.interval.ms = 4321
A->B.offset.flush.interval.ms = 5555
use.defaults.from = source
A->B.emit.checkpoints.interval.seconds = 7
emit.heartbeats.interval.seconds = 2
B.exactly.once.source.support = enabled
exactly.once.source.support = preparing
A.admin.request.timeout.ms = 7000
replication.policy.separator = _
A->B.replication.policy.separator = -
B.client.id = bb
`

const absent = "(absent)"

// resolved is what a key of one of Java's string maps must be.
type resolved struct {
	of     string // which map, for people
	config javaConfig
	key    string
	want   string // or absent
}

func checkResolved(t *testing.T, tests []resolved) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.of+" "+tt.key, func(t *testing.T) {
			got := absent
			if v, ok := tt.config[tt.key]; ok {
				got = v.text
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The values were made by running MirrorMakerConfig and the connectors'
// configurations of Kafka 4.3.1 on the file above.
func TestResolution(t *testing.T) {
	j := readerOf(t, goldenResolution)
	ab := topology.FlowID{Source: "A", Target: "B"}
	worker, connector := j.raw.workerConfig(ab), j.raw.connectorConfig(ab)
	if got := flowIDs(j.herders()); got != "A->B B->A" {
		t.Errorf("the flows that get a herder are %s, want A->B B->A", got)
	}
	checkResolved(t, []resolved{
		{"worker", worker, "group.id", "A-mm2"},
		{"worker", worker, "client.id", "bb"},
		{"worker", worker, "offset.storage.topic", "mm2-offsets.A.internal"},
		{"worker", worker, "config.storage.topic", "mm2-configs.A.internal"},
		{"worker", worker, "status.storage.topic", "mm2-status.A.internal"},
		{"worker", worker, "offset.storage.replication.factor", "1"},
		{"worker", worker, "offset.flush.interval.ms", "1234"},
		{"worker", worker, "exactly.once.source.support", "enabled"},
		{"worker", worker, "producer.linger.ms", "5"},
		{"worker", worker, "security.protocol", "SSL"},
		{"worker", worker, "producer.security.protocol", "SSL"},
		{"connector", connector, "replication.factor", "4"},
		{"connector", connector, "replication.policy.separator", "-"},
		{"connector", connector, "topics", "t1, t2"},
		{"connector", connector, "topics.exclude", "x.*"},
		{"connector", connector, "tasks.max", "5"},
		{"connector", connector, "use.defaults.from", absent},
		{"connector", connector, "enabled", "true"},
		{"way back", j.raw.connectorConfig(ab.Reverse()), "enabled", "false"},
		{"source consumer", connector.clientConfig("source", "consumer"), "bootstrap.servers", "a1:9092, a2:9092"},
		{"source consumer", connector.clientConfig("source", "consumer"), "security.protocol", "SASL_SSL"},
		{"source consumer", connector.clientConfig("source", "consumer"), "max.poll.records", "111"},
		{"source consumer", connector.clientConfig("source", "consumer"), "fetch.min.bytes", "333"},
		{"source consumer", connector.clientConfig("source", "consumer"), "auto.offset.reset", "earliest"},
		{"source consumer", connector.clientConfig("source", "consumer"), "enable.auto.commit", "false"},
		{"syncs producer", connector.clientConfig("source", "producer"), "acks", "1"},
		{"syncs producer", connector.clientConfig("source", "producer"), "linger.ms", "6"},
		{"syncs producer", connector.clientConfig("source", "producer"), "security.protocol", "SASL_SSL"},
		{"syncs producer", connector.clientConfig("source", "producer"), "override.batch.size", "77"},
		{"source admin", connector.clientConfig("source", "admin"), "request.timeout.ms", "7000"},
		{"source admin", connector.clientConfig("source", "admin"), "security.protocol", "SASL_SSL"},
		{"target admin", connector.clientConfig("target", "admin"), "request.timeout.ms", absent},
		{"target admin", connector.clientConfig("target", "admin"), "security.protocol", "SSL"},
		{"data producer", dataProducerConfig(worker, connector), "linger.ms", "5"},
		{"data producer", dataProducerConfig(worker, connector), "batch.size", "77"},
	})

	flow := j.flow(ab)
	j.complete(flow, nil)
	if got := flow.flow.RemoteTopic("t1"); got != "A-t1" {
		t.Errorf("the remote topic is %q, want A-t1", got)
	}
	if got := flow.flow.Policy.OffsetSyncsTopic("B"); got != "mm2-offset-syncs-B-internal" {
		t.Errorf("the offset syncs topic is %q, want mm2-offset-syncs-B-internal", got)
	}
	f := flow.flow
	if len(j.problems) > 0 {
		t.Errorf("problems: %v", j.problems)
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"factor of copies", f.ReplicationFactor, int16(4)},
		{"factor of the lanes topic", f.LanesReplicationFactor, int16(1)},
		{"defaults of", f.ConfigSync.DefaultsFrom, "target"},
		{"interval of checkpoints", f.Checkpoints.Interval, 7 * time.Second},
		{"interval of heartbeats", f.Heartbeats.Interval, 2 * time.Second},
		{"linger", f.Produce.Linger, 5 * time.Millisecond},
		{"fetch", f.Fetch.MinBytes, int32(333)},
		{"offsets topic of Java", f.Java.OffsetsTopic, "mm2-offsets.A.internal"},
		{"group of Java", f.Java.Group, "A-mm2"},
		{"groups are synchronised", f.Groups.Sync, false},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.what, tt.got, tt.want)
		}
	}
}

func flowIDs(ids []topology.FlowID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	return strings.Join(names, " ")
}
