package app_test

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/app"
	"mm2/internal/mm2test"
	"mm2/topology"
)

// testReplication goes both ways; with the identity policy one way, because
// there the records of both clusters would meet in one topic, which is
// replicator.TestSameNamesEverywhere.
func testReplication(t *testing.T, r *javaRun) {
	flows := bothWays
	r.a.Create(t, "test-topic-1", partitions)
	alter(t, r.a, "test-topic-1", set("retention.bytes", "1000000"))
	r.produce(t, spread("test-topic-1", 0, records, partitions)...)
	commitAt(t, r.a, "group-1", "test-topic-1", partitions, 4)
	if r.identity {
		flows = oneWay
	} else {
		r.b.Create(t, "test-topic-1", partitions)
		r.b.Produce(t, spread("test-topic-1", 1000, records, partitions)...)
	}
	file := r.file(flows, `config_exclude = ["delete\\.retention\\.ms"]`)
	r.start(t, file)
	time.Sleep(settles)
	r.wantCopied(t, "test-topic-1", records)
	if n := len(r.a.Committed(t, "B.test-topic-1")); !r.identity && n != records {
		t.Errorf("%d records of B arrived on A, want %d", n, records)
	}
	if v, _ := override(t, r.b, r.copy("test-topic-1"), "retention.bytes"); v != "1000000" {
		t.Errorf("retention.bytes of the copy is %q", v)
	}
	wantWay(t, r.b, "A", 1)
	if !r.identity {
		wantWay(t, r.a, "B", 1)
	}
	if len(r.b.Committed(t, "A.checkpoints.internal")) == 0 {
		t.Error("there are no checkpoints on B")
	}
	r.wantSamePositions(t, "group-1", "test-topic-1", partitions)

	// A topic made at run time, with records in one partition only, and a config
	// that is not copied.
	r.a.Create(t, "test-topic-2", partitions)
	alter(t, r.a, "test-topic-2", set("delete.retention.ms", "1000"))
	r.produce(t, spread("test-topic-2", 0, records, 1)...)
	commitAt(t, r.a, "group-1", "test-topic-2", 1, 50)
	time.Sleep(settles)
	r.wantCopied(t, "test-topic-2", records)
	if v, there := override(t, r.b, r.copy("test-topic-2"), "delete.retention.ms"); there {
		t.Errorf("delete.retention.ms of the new copy is %q, although it is excluded", v)
	}
	r.wantSamePositions(t, "group-1", "test-topic-2", 1)
	r.monotonic(t)
	r.failback(t, file)
}

// wantCopied wants the records of a topic on B as they are on A.
func (r *javaRun) wantCopied(t *testing.T, topic string, n int) {
	t.Helper()
	here, there := mm2test.Values(r.a.Committed(t, topic)), mm2test.Values(r.b.Committed(t, r.copy(topic)))
	if len(there) != n || !slices.Equal(here, there) {
		t.Errorf("%d records of %s arrived on B, want the %d of A in their order", len(there), topic, n)
	}
}

// wantWay wants the heartbeats to say how far an upstream cluster is.
func wantWay(t *testing.T, c *mm2test.Cluster, upstream topology.Alias, hops int) {
	t.Helper()
	policy, topics := topology.NewDefaultPolicy("", ""), topicNames(t, c)
	if got, ok := topology.ReplicationHops(policy, topics, upstream); !ok || got != hops {
		t.Errorf("%s is %d hops away (%v), want %d", upstream, got, ok, hops)
	}
	if got := topology.UpstreamClusters(policy, topics); !slices.Contains(got, upstream) {
		t.Errorf("upstream are %v, want %s among them", got, upstream)
	}
	for _, heartbeats := range []string{"heartbeats", string(upstream) + ".heartbeats"} {
		if len(c.Committed(t, heartbeats)) == 0 {
			t.Errorf("there are no %s", heartbeats)
		}
	}
}

// failback has the group go on on B and take its positions home: it reads the
// very record next that it would have read on B.
func (r *javaRun) failback(t *testing.T, file string) {
	t.Helper()
	commitAt(t, r.b, "group-1", r.copy("test-topic-1"), partitions, 8)
	opts := app.Options{ClientOpts: []kgo.Opt{kgo.Dialer(r.net.DialContext)}}
	home, err := app.TranslateOffsets(t.Context(), load(t, file), opts, topology.FlowID{Source: "B", Target: "A"}, "group-1", app.LiveMaps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	source, copies, found := r.a.Committed(t, "test-topic-1"), r.b.Committed(t, r.copy("test-topic-1")), 0
	for _, o := range home {
		if o.Topic != r.copy("test-topic-1") || !o.Translated {
			continue
		}
		found++
		if a, b := valueAt(source, o.TargetPartition, o.TargetOffset), valueAt(copies, o.Partition, o.Offset); a != b || !o.Exact {
			t.Errorf("%s-%d: %q is next on B, %q at home (%+v)", o.Topic, o.Partition, b, a, o)
		}
	}
	if found != partitions {
		t.Errorf("%d positions lead home, want %d: %+v", found, partitions, home)
	}
}

// testAlteredOffsets is what MirrorConnectorsIntegrationExactlyOnceTest adds to
// testReplication: a position that is set counts, and one that is deleted starts
// the partition anew. Java's is the last record copied, a mark the next one.
func testAlteredOffsets(t *testing.T, r *javaRun) {
	for _, topic := range []string{"test-topic-1", "test-topic-2"} {
		r.a.Create(t, topic, partitions)
		r.produce(t, spread(topic, 0, records, partitions)...)
	}
	_, stop := r.serve(t, r.file(oneWay, ""))
	time.Sleep(settles)
	r.wantCopied(t, "test-topic-1", records)
	stop()
	for p := range int32(partitions) {
		for topic, mark := range map[string][]byte{"test-topic-1": []byte(`{"offset":1,"epoch":-1}`), "test-topic-2": nil} {
			lane := topology.Lane(topology.Partition{Topic: topic, Partition: p}, 2)
			r.b.Produce(t, &kgo.Record{Topic: topology.LanesTopic("A"), Partition: int32(lane), Key: fmt.Appendf(nil, "%s/%d", topic, p), Value: mark})
		}
	}
	r.start(t, r.file(oneWay, ""))
	time.Sleep(settles)
	want := map[string]int{"test-topic-1": records + (records/partitions-1)*partitions, "test-topic-2": 2 * records}
	got := map[string]int{}
	for topic := range want {
		got[topic] = len(r.b.Committed(t, r.copy(topic)))
	}
	if !maps.Equal(got, want) {
		t.Errorf("copied %v records, want %v", got, want)
	}
}

// testConnectorMetrics looks for the metrics of one partition and one group in
// Java's formats; without any named, the legacy one is there.
func testConnectorMetrics(t *testing.T, r *javaRun, formats string) {
	r.a.Create(t, "test-topic-1", partitions)
	r.produce(t, spread("test-topic-1", 0, records, partitions)...)
	commitAt(t, r.a, "group-1", "test-topic-1", partitions, 4)
	if formats != "" {
		r.service = "java_metrics = " + formats
	}
	a := r.start(t, r.file(oneWay, ""))
	time.Sleep(20 * time.Second)
	_, body := get(t, a, "/metrics")
	for _, tt := range []struct {
		name  string
		there bool
	}{
		{fmt.Sprintf(`kafka_connect_mirror_mirrorsourceconnector_record_count{partition="0",source="A",target="B",topic=%q} 10`, r.copy("test-topic-1")), formats == "" || strings.Contains(formats, "legacy")},
		{fmt.Sprintf(`kafka_connect_mirror_mirrorcheckpointconnector_checkpoint_latency_ms{group="group-1",partition="0",source="A",target="B",topic=%q} `, r.copy("test-topic-1")), formats == "" || strings.Contains(formats, "legacy")},
		{fmt.Sprintf(`kafka_connect_plugins_record_count{connector="MirrorSourceConnector",partition="0",source="A",target="B",task="%d",topic=%q} 10`,
			topology.Lane(topology.Partition{Topic: "test-topic-1"}, 2), r.copy("test-topic-1")), strings.Contains(formats, "new")},
		{fmt.Sprintf(`kafka_connect_plugins_checkpoint_latency_ms{connector="MirrorCheckpointConnector",group="group-1",partition="0",source="A",target="B",task="0",topic=%q} `,
			r.copy("test-topic-1")), strings.Contains(formats, "new")},
	} {
		if strings.Contains(body, tt.name) != tt.there {
			t.Errorf("formats %s: %s is there: %v, want %v", formats, tt.name, !tt.there, tt.there)
		}
	}
}
