package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/mm2test"
)

// The cases of Java MirrorMaker 2's MirrorConnectorsIntegrationBaseTest under
// their own names, in virtual time: two clusters, ten partitions, a hundred
// records.

const (
	partitions = 10
	records    = 100
)

// javaMesh is a file for A and B with Java's spacing of offset syncs and what
// more says about the flows.
func javaMesh(flows, more string) string {
	return fmt.Sprintf(`
[service]
listen = "off"
[clusters.A]
bootstrap = ["127.0.0.1:9093"]
[clusters.B]
bootstrap = ["127.0.0.1:9094"]
[defaults]
lanes = 2
discovery_interval = "1s"
config_sync = { interval = "1s" }
[[topology]]
kind = "custom"
flows = [%s]
topics = ["test-topic-.*"]
%s
`, flows, more)
}

func javaCase(t *testing.T, name string, run func(t *testing.T, m *mesh)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMesh(t)
			run(t, m)
		})
	})
}

// spread makes n records, evenly over the partitions, from number on.
func spread(topic string, from, n, partitions int) (out []*kgo.Record) {
	for i := range n {
		out = append(out, &kgo.Record{
			Topic: topic, Partition: int32(i % partitions),
			Key: fmt.Appendf(nil, "key-%d", from+i), Value: fmt.Appendf(nil, "message-%d", from+i),
		})
	}
	return out
}

// commitAt commits one position in every partition.
func commitAt(t *testing.T, c *mm2test.Cluster, group, topic string, partitions int, at int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	for p := range partitions {
		offsets.AddOffset(topic, int32(p), at, -1)
	}
	if err := kadm.NewClient(c.Client(t)).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatalf("commit for %s: %v", group, err)
	}
}

// positions are a group's committed offsets in a topic, by partition.
func positions(t *testing.T, c *mm2test.Cluster, group, topic string) map[int32]int64 {
	t.Helper()
	answer, err := kadm.NewClient(c.Client(t)).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatalf("offsets of %s: %v", group, err)
	}
	at := map[int32]int64{}
	answer.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At >= 0 {
			at[o.Partition] = o.At
		}
	})
	return at
}

// valueAt is the value of the first record at or after an offset.
func valueAt(all []*kgo.Record, partition int32, offset int64) string {
	for _, r := range all {
		if r.Partition == partition && r.Offset >= offset {
			return string(r.Value)
		}
	}
	return "the end"
}

// wantSamePositions compares the record that a group reads next on both sides.
func wantSamePositions(t *testing.T, m *mesh, group, topic string, want int) {
	t.Helper()
	here, there := positions(t, m.a, group, topic), positions(t, m.b, group, "A."+topic)
	source, copies := m.a.Committed(t, topic), m.b.Committed(t, "A."+topic)
	if len(there) != want {
		t.Errorf("%s has %d positions in A.%s, want %d: %v", group, len(there), topic, want, there)
	}
	for p, at := range there {
		if a, b := valueAt(source, p, here[p]), valueAt(copies, p, at); a != b {
			t.Errorf("%s in %s-%d reads %q next on A (%d) and %q on B (%d)", group, topic, p, a, here[p], b, at)
		}
	}
}

func topicNames(t *testing.T, c *mm2test.Cluster) []string {
	t.Helper()
	topics, err := kadm.NewClient(c.Client(t)).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return topics.Names()
}

func hasTopic(t *testing.T, c *mm2test.Cluster, name string) bool {
	t.Helper()
	return slices.Contains(topicNames(t, c), name)
}

func override(t *testing.T, c *mm2test.Cluster, topic, key string) (string, bool) {
	t.Helper()
	answers, err := kadm.NewClient(c.Client(t)).DescribeTopicConfigs(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		for _, e := range a.Configs {
			if e.Key == key && e.Source.String() == "DYNAMIC_TOPIC_CONFIG" {
				return e.MaybeValue(), true
			}
		}
	}
	return "", false
}

func alter(t *testing.T, c *mm2test.Cluster, topic string, change kadm.AlterConfig) {
	t.Helper()
	answers, err := kadm.NewClient(c.Client(t)).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{change}, topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if a.Err != nil {
			t.Fatalf("alter %s of %s: %v", change.Name, topic, a.Err)
		}
	}
}

func set(key, value string) kadm.AlterConfig {
	return kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: &value}
}

const bothWays, oneWay = `"A->B", "B->A"`, `"A->B"`

func TestMirrorConnectorsIntegration(t *testing.T) {
	javaCase(t, "testReplication", testReplication)
	javaCase(t, "testReplicationWithEmptyPartition", func(t *testing.T, m *mesh) {
		m.a.Create(t, "test-topic-empty", partitions)
		for i := range records { // none into partition 0
			r := spread("test-topic-empty", i, 1, 1)[0]
			r.Partition = int32(1 + i%(partitions-1))
			m.a.Produce(t, r)
		}
		commitAt(t, m.a, "group-empty", "test-topic-empty", partitions, 0)
		m.start(t, javaMesh(oneWay, ""))
		time.Sleep(time.Minute)
		wantSamePositions(t, m, "group-empty", "test-topic-empty", partitions)
		if at, ok := positions(t, m.b, "group-empty", "A.test-topic-empty")[0]; !ok || at != 0 {
			t.Errorf("the position in the empty partition is %d (%v), want 0", at, ok)
		}
	})
	for name, more := range map[string]string{
		"testOneWayReplicationWithAutoOffsetSync":         "offset_syncs = { lag_max = 10 }",
		"testOneWayReplicationWithFrequentOffsetSyncs":    "offset_syncs = { lag_max = 0 }",
		"testOffsetTranslationWithoutSyncsInJavasFormat":  "offset_syncs = { emit = false }",
		"testOneWayReplicationWithSyncsOnTheTargetAtOnce": `offset_syncs = { location = "target" }`,
	} {
		javaCase(t, name, func(t *testing.T, m *mesh) {
			m.a.Create(t, "test-topic-1", partitions)
			m.a.Produce(t, spread("test-topic-1", 0, records, partitions)...)
			m.start(t, javaMesh(oneWay, more))
			commitAt(t, m.a, "group-auto", "test-topic-1", partitions, 7)
			time.Sleep(time.Minute)
			wantSamePositions(t, m, "group-auto", "test-topic-1", partitions)
			m.a.Create(t, "test-topic-2", partitions)
			m.a.Produce(t, spread("test-topic-2", 0, records, partitions)...)
			commitAt(t, m.a, "group-auto", "test-topic-2", partitions, 3)
			time.Sleep(time.Minute)
			wantSamePositions(t, m, "group-auto", "test-topic-1", partitions)
			wantSamePositions(t, m, "group-auto", "test-topic-2", partitions)
			if hasTopic(t, m.a, "B.test-topic-1") {
				t.Error("a reverse topic was made")
			}
		})
	}
	javaCase(t, "testReplicationWithoutOffsetSyncWillNotCreateOffsetSyncsTopic", func(t *testing.T, m *mesh) {
		m.a.Create(t, "test-topic-1", partitions)
		m.a.Produce(t, spread("test-topic-1", 0, records, partitions)...)
		m.start(t, javaMesh(oneWay, "offset_syncs = { emit = false }"))
		time.Sleep(time.Minute)
		for _, c := range []*mm2test.Cluster{m.a, m.b} {
			for _, name := range topicNames(t, c) {
				if strings.HasPrefix(name, "mm2-offset-syncs") {
					t.Errorf("there is a topic %s", name)
				}
			}
		}
	})
	javaCase(t, "testOffsetSyncsTopicsOnTarget", func(t *testing.T, m *mesh) {
		m.a.Create(t, "test-topic-1", partitions)
		m.a.Produce(t, spread("test-topic-1", 0, records, partitions)...)
		commitAt(t, m.a, "group-target", "test-topic-1", partitions, 5)
		m.start(t, javaMesh(oneWay, `offset_syncs = { location = "target" }`))
		time.Sleep(time.Minute)
		if len(m.b.Committed(t, "mm2-offset-syncs.A.internal")) == 0 {
			t.Error("there are no offset syncs in mm2-offset-syncs.A.internal on the target")
		}
		if hasTopic(t, m.a, "mm2-offset-syncs.B.internal") {
			t.Error("there is an offset syncs topic on the source")
		}
		if len(m.b.Committed(t, "A.checkpoints.internal")) == 0 {
			t.Error("there are no checkpoints")
		}
	})
	javaCase(t, "testNoCheckpointsIfNoRecordsAreMirrored", func(t *testing.T, m *mesh) {
		m.a.Create(t, "test-topic-1", partitions)
		m.a.Create(t, "other", partitions)
		m.a.Produce(t, spread("other", 0, records, partitions)...)
		commitAt(t, m.a, "group-none", "other", partitions, 5)
		m.start(t, javaMesh(oneWay, ""))
		time.Sleep(time.Minute)
		if n := len(m.b.Committed(t, "A.checkpoints.internal")); n != 0 {
			t.Errorf("there are %d checkpoints of a topic that is not copied", n)
		}
		m.a.Produce(t, spread("test-topic-1", 0, records, partitions)...)
		commitAt(t, m.a, "group-none", "test-topic-1", partitions, 5)
		time.Sleep(time.Minute)
		if n := len(m.b.Committed(t, "A.checkpoints.internal")); n < partitions {
			t.Errorf("there are %d checkpoints, want one for each of %d partitions", n, partitions)
		}
	})
	javaCase(t, "testRestartReplication", testRestartReplication)
	javaCase(t, "testOffsetTranslationBehindReplicationFlow", func(t *testing.T, m *mesh) {
		m.a.Create(t, "test-topic-1", 1)
		m.a.Produce(t, spread("test-topic-1", 0, 10*records, 1)...)
		commitAt(t, m.a, "group-behind", "test-topic-1", 1, 3)
		m.start(t, javaMesh(oneWay, ""))
		for _, at := range []int64{3, 100, 400, 950, 20, 10 * records} { // on, and once back
			commitAt(t, m.a, "group-behind", "test-topic-1", 1, at)
			time.Sleep(time.Minute)
			wantSamePositions(t, m, "group-behind", "test-topic-1", 1)
		}
	})
	javaCase(t, "testSyncTopicConfigs", func(t *testing.T, m *mesh) {
		m.a.Create(t, "test-topic-config", 1)
		m.start(t, javaMesh(oneWay, `config_exclude = ["delete\\.retention\\.ms"]`))
		time.Sleep(20 * time.Second)
		alter(t, m.b, "A.test-topic-config", set("delete.retention.ms", "2000"))
		alter(t, m.b, "A.test-topic-config", set("retention.bytes", "2000"))
		alter(t, m.a, "test-topic-config", set("delete.retention.ms", "1000"))
		alter(t, m.a, "test-topic-config", set("retention.bytes", "1000"))
		time.Sleep(20 * time.Second)
		if v, _ := override(t, m.b, "A.test-topic-config", "delete.retention.ms"); v != "2000" {
			t.Errorf("an excluded config is %q, want 2000 as set on the target", v)
		}
		if v, _ := override(t, m.b, "A.test-topic-config", "retention.bytes"); v != "1000" {
			t.Errorf("retention.bytes is %q, want the source's 1000", v)
		}
	})
	for name, from := range map[string]string{"testReplicateSourceDefault": "source", "testReplicateTargetDefault": "target"} {
		javaCase(t, name, func(t *testing.T, m *mesh) { testDefaults(t, m, from) })
	}
	javaCase(t, "testReplicateFromLatest", func(t *testing.T, m *mesh) {
		m.a.Create(t, "test-topic-1", partitions)
		m.a.Produce(t, spread("test-topic-1", 0, records, partitions)...)
		m.start(t, javaMesh(oneWay, `start = "latest"`))
		time.Sleep(time.Minute)
		m.a.Produce(t, spread("test-topic-1", records, records, partitions)...)
		time.Sleep(time.Minute)
		for _, v := range mm2test.Values(m.b.Committed(t, "A.test-topic-1")) {
			var n int
			if _, err := fmt.Sscanf(v, "message-%d", &n); err != nil || n < records {
				t.Errorf("%q was copied, which was there before the flow", v)
			}
		}
		if n := len(m.b.Committed(t, "A.test-topic-1")); n != records {
			t.Errorf("%d records were copied, want %d", n, records)
		}
	})
}

func testReplication(t *testing.T, m *mesh) {
	for _, c := range []*mm2test.Cluster{m.a, m.b} {
		c.Create(t, "test-topic-1", partitions)
	}
	alter(t, m.a, "test-topic-1", set("retention.bytes", "1000000"))
	m.a.Produce(t, spread("test-topic-1", 0, records, partitions)...)
	m.b.Produce(t, spread("test-topic-1", 1000, records, partitions)...)
	commitAt(t, m.a, "group-1", "test-topic-1", partitions, 4)
	m.start(t, javaMesh(bothWays, ""))
	time.Sleep(time.Minute)
	if n, k := len(m.b.Committed(t, "A.test-topic-1")), len(m.a.Committed(t, "B.test-topic-1")); n != records || k != records {
		t.Errorf("%d records arrived on B and %d on A, want %d", n, k, records)
	}
	if v, _ := override(t, m.b, "A.test-topic-1", "retention.bytes"); v != "1000000" {
		t.Errorf("retention.bytes of the copy is %q", v)
	}
	for _, heartbeats := range []string{"heartbeats", "A.heartbeats"} {
		if len(m.b.Committed(t, heartbeats)) == 0 {
			t.Errorf("there are no %s on B", heartbeats)
		}
	}
	if len(m.b.Committed(t, "A.checkpoints.internal")) == 0 {
		t.Error("there are no checkpoints on B")
	}
	wantSamePositions(t, m, "group-1", "test-topic-1", partitions)

	// A topic made at run time, with records in one partition only.
	m.a.Create(t, "test-topic-2", partitions)
	m.a.Produce(t, spread("test-topic-2", 0, records, 1)...)
	commitAt(t, m.a, "group-1", "test-topic-2", 1, 50)
	time.Sleep(time.Minute)
	if n := len(m.b.Committed(t, "A.test-topic-2")); n != records {
		t.Errorf("%d records of the new topic arrived, want %d", n, records)
	}
	wantSamePositions(t, m, "group-1", "test-topic-2", 1)
	monotonic(t, m)
}

// monotonic reads all checkpoints and fails where one goes back.
func monotonic(t *testing.T, m *mesh) {
	t.Helper()
	last := map[string]int64{}
	for _, r := range m.b.Committed(t, "A.checkpoints.internal") {
		var downstream int64
		for _, b := range r.Value[10:18] {
			downstream = downstream<<8 | int64(b)
		}
		key := string(r.Key)
		if downstream < last[key] {
			t.Errorf("the checkpoint %q at offset %d goes back from %d to %d", key, r.Offset, last[key], downstream)
		}
		last[key] = downstream
	}
}

func testRestartReplication(t *testing.T, m *mesh) {
	m.a.Create(t, "test-topic-1", partitions)
	syncs := 0
	for i := range 3 {
		m.a.Produce(t, spread("test-topic-1", i*records, records, partitions)...)
		commitAt(t, m.a, "group-1", "test-topic-1", partitions, int64(5+10*i))
		_, stop := m.serve(t, javaMesh(oneWay, ""))
		time.Sleep(time.Minute)
		wantSamePositions(t, m, "group-1", "test-topic-1", partitions)
		stop()
		now := len(m.a.Committed(t, "mm2-offset-syncs.B.internal"))
		if now <= syncs {
			t.Errorf("run %d wrote no offset syncs: %d before, %d after", i, syncs, now)
		}
		syncs = now
	}
	monotonic(t, m)
}

func testDefaults(t *testing.T, m *mesh, from string) {
	m.a.Create(t, "test-topic-1", 1)
	alter(t, m.a, "test-topic-1", set("retention.bytes", "1000"))
	m.start(t, javaMesh(oneWay, fmt.Sprintf("config_sync = { interval = \"1s\", defaults_from = %q }", from)))
	time.Sleep(20 * time.Second)
	if v, ok := override(t, m.b, "A.test-topic-1", "retention.bytes"); !ok || v != "1000" {
		t.Errorf("retention.bytes is %q", v)
	}
	alter(t, m.b, "A.test-topic-1", set("delete.retention.ms", "2000"))
	alter(t, m.a, "test-topic-1", kadm.AlterConfig{Op: kadm.DeleteConfig, Name: "retention.bytes"})
	time.Sleep(20 * time.Second)
	_, kept := override(t, m.b, "A.test-topic-1", "retention.bytes")
	v, other := override(t, m.b, "A.test-topic-1", "delete.retention.ms")
	switch from {
	case "target":
		if kept || other {
			t.Errorf("overrides are left: retention.bytes %v, delete.retention.ms %v", kept, other)
		}
	default:
		if v == "2000" {
			t.Error("the source's default of delete.retention.ms has not replaced the override on the target")
		}
	}
}
