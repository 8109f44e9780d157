package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/mm2test"
)

// javaCases are the cases of MirrorConnectorsIntegrationBaseTest under their own
// names.
func javaCases(t *testing.T, kind javaKind) {
	javaCase(t, kind, "testReplication", testReplication)
	javaCase(t, kind, "testReplicationWithEmptyPartition", func(t *testing.T, r *javaRun) {
		r.a.Create(t, "test-topic-empty", partitions)
		some := spread("test-topic-empty", 0, records, partitions-1) // none into partition 0
		for _, rec := range some {
			rec.Partition++
		}
		r.produce(t, some...)
		commitAt(t, r.a, "group-empty", "test-topic-empty", partitions, 0)
		r.start(t, r.file(oneWay, ""))
		time.Sleep(settles)
		r.wantSamePositions(t, "group-empty", "test-topic-empty", partitions)
		if at, ok := positions(t, r.b, "group-empty", r.copy("test-topic-empty"))[0]; !ok || at != 0 {
			t.Errorf("the position in the empty partition is %d (%v), want 0", at, ok)
		}
	})
	for name, more := range map[string]string{
		"testOneWayReplicationWithAutoOffsetSync":         "offset_syncs = { lag_max = 10 }",
		"testOneWayReplicationWithFrequentOffsetSyncs":    "offset_syncs = { lag_max = 0 }",
		"testOffsetTranslationWithoutSyncsInJavasFormat":  "offset_syncs = { emit = false }",
		"testOneWayReplicationWithSyncsOnTheTargetAtOnce": `offset_syncs = { location = "target" }`,
	} {
		javaCase(t, kind, name, func(t *testing.T, r *javaRun) {
			r.a.Create(t, "test-topic-1", partitions)
			r.produce(t, spread("test-topic-1", 0, records, partitions)...)
			r.start(t, r.file(oneWay, more))
			commitAt(t, r.a, "group-auto", "test-topic-1", partitions, 7)
			time.Sleep(settles)
			r.wantSamePositions(t, "group-auto", "test-topic-1", partitions)
			r.a.Create(t, "test-topic-2", partitions)
			r.produce(t, spread("test-topic-2", 0, records, partitions)...)
			commitAt(t, r.a, "group-auto", "test-topic-2", partitions, 3)
			time.Sleep(settles)
			r.wantSamePositions(t, "group-auto", "test-topic-1", partitions)
			r.wantSamePositions(t, "group-auto", "test-topic-2", partitions)
			if hasTopic(t, r.a, "B.test-topic-1") {
				t.Error("a reverse topic was made")
			}
		})
	}
	javaCase(t, kind, "testReplicationWithoutOffsetSyncWillNotCreateOffsetSyncsTopic", func(t *testing.T, r *javaRun) {
		r.a.Create(t, "test-topic-1", partitions)
		r.produce(t, spread("test-topic-1", 0, records, partitions)...)
		r.start(t, r.file(oneWay, "offset_syncs = { emit = false }"))
		time.Sleep(settles)
		for _, c := range []*mm2test.Cluster{r.a, r.b} {
			for _, name := range topicNames(t, c) {
				if strings.HasPrefix(name, "mm2-offset-syncs") {
					t.Errorf("there is a topic %s", name)
				}
			}
		}
	})
	javaCase(t, kind, "testOffsetSyncsTopicsOnTarget", func(t *testing.T, r *javaRun) {
		r.a.Create(t, "test-topic-1", partitions)
		r.produce(t, spread("test-topic-1", 0, records, partitions)...)
		commitAt(t, r.a, "group-target", "test-topic-1", partitions, 5)
		r.start(t, r.file(oneWay, `offset_syncs = { location = "target" }`))
		time.Sleep(settles)
		if len(r.b.Committed(t, "mm2-offset-syncs.A.internal")) == 0 {
			t.Error("there are no offset syncs in mm2-offset-syncs.A.internal on the target")
		}
		if hasTopic(t, r.a, "mm2-offset-syncs.B.internal") {
			t.Error("there is an offset syncs topic on the source")
		}
		if len(r.b.Committed(t, "A.checkpoints.internal")) == 0 {
			t.Error("there are no checkpoints")
		}
	})
	javaCase(t, kind, "testNoCheckpointsIfNoRecordsAreMirrored", func(t *testing.T, r *javaRun) {
		r.a.Create(t, "test-topic-1", partitions)
		r.a.Create(t, "other", partitions)
		r.produce(t, spread("other", 0, records, partitions)...)
		commitAt(t, r.a, "group-none", "other", partitions, 5)
		r.start(t, r.file(oneWay, ""))
		time.Sleep(settles)
		if n := len(r.b.Committed(t, "A.checkpoints.internal")); n != 0 {
			t.Errorf("there are %d checkpoints of a topic that is not copied", n)
		}
		r.produce(t, spread("test-topic-1", 0, records, partitions)...)
		commitAt(t, r.a, "group-none", "test-topic-1", partitions, 5)
		time.Sleep(settles)
		if n := len(r.b.Committed(t, "A.checkpoints.internal")); n < partitions {
			t.Errorf("there are %d checkpoints, want one for each of %d partitions", n, partitions)
		}
	})
	javaCase(t, kind, "testRestartReplication", testRestartReplication)
	javaCase(t, kind, "testOffsetTranslationBehindReplicationFlow", func(t *testing.T, r *javaRun) {
		r.a.Create(t, "test-topic-1", 1)
		r.produce(t, spread("test-topic-1", 0, 10*records, 1)...)
		commitAt(t, r.a, "group-behind", "test-topic-1", 1, 3)
		r.start(t, r.file(oneWay, ""))
		for _, at := range []int64{3, 100, 400, 950, 20, 10 * records} { // on, and once back
			commitAt(t, r.a, "group-behind", "test-topic-1", 1, at)
			time.Sleep(settles)
			r.wantSamePositions(t, "group-behind", "test-topic-1", 1)
		}
	})
	javaCase(t, kind, "testSyncTopicConfigs", func(t *testing.T, r *javaRun) {
		r.a.Create(t, "test-topic-config", 1)
		r.start(t, r.file(oneWay, `config_exclude = ["delete\\.retention\\.ms"]`))
		time.Sleep(20 * time.Second)
		alter(t, r.b, r.copy("test-topic-config"), set("delete.retention.ms", "2000"))
		alter(t, r.b, r.copy("test-topic-config"), set("retention.bytes", "2000"))
		alter(t, r.a, "test-topic-config", set("delete.retention.ms", "1000"))
		alter(t, r.a, "test-topic-config", set("retention.bytes", "1000"))
		time.Sleep(20 * time.Second)
		if v, _ := override(t, r.b, r.copy("test-topic-config"), "delete.retention.ms"); v != "2000" {
			t.Errorf("an excluded config is %q, want 2000 as set on the target", v)
		}
		if v, _ := override(t, r.b, r.copy("test-topic-config"), "retention.bytes"); v != "1000" {
			t.Errorf("retention.bytes is %q, want the source's 1000", v)
		}
	})
	for name, from := range map[string]string{"testReplicateSourceDefault": "source", "testReplicateTargetDefault": "target"} {
		javaCase(t, kind, name, func(t *testing.T, r *javaRun) { testDefaults(t, r, from) })
	}
	for name, formats := range map[string]string{
		"testConnectorMetricsNew": `["new"]`, "testConnectorMetricsLegacy": `["legacy"]`,
		"testConnectorMetricsDefault": "", "testConnectorMetricsNewAndLegacy": `["new", "legacy"]`,
	} {
		javaCase(t, kind, name, func(t *testing.T, r *javaRun) { testConnectorMetrics(t, r, formats) })
	}
	javaCase(t, kind, "testReplicateFromLatest", func(t *testing.T, r *javaRun) {
		r.a.Create(t, "test-topic-1", partitions)
		r.produce(t, spread("test-topic-1", 0, records, partitions)...)
		r.start(t, r.file(oneWay, `start = "latest"`))
		time.Sleep(settles)
		r.produce(t, spread("test-topic-1", records, records, partitions)...)
		time.Sleep(settles)
		for _, v := range mm2test.Values(r.b.Committed(t, r.copy("test-topic-1"))) {
			var n int
			if _, err := fmt.Sscanf(v, "message-%d", &n); err != nil || n < records {
				t.Errorf("%q was copied, which was there before the flow", v)
			}
		}
		if n := len(r.b.Committed(t, r.copy("test-topic-1"))); n != records {
			t.Errorf("%d records were copied, want %d", n, records)
		}
	})
}

func testRestartReplication(t *testing.T, r *javaRun) {
	r.a.Create(t, "test-topic-1", partitions)
	syncs := 0
	for i := range 3 {
		r.produce(t, spread("test-topic-1", i*records, records, partitions)...)
		commitAt(t, r.a, "group-1", "test-topic-1", partitions, int64(5+10*i))
		_, stop := r.serve(t, r.file(oneWay, ""))
		time.Sleep(settles)
		r.wantSamePositions(t, "group-1", "test-topic-1", partitions)
		stop()
		now := len(r.a.Committed(t, "mm2-offset-syncs.B.internal"))
		if now <= syncs {
			t.Errorf("run %d wrote no offset syncs: %d before, %d after", i, syncs, now)
		}
		syncs = now
	}
	r.monotonic(t)
}

func testDefaults(t *testing.T, r *javaRun, from string) {
	r.a.Create(t, "test-topic-1", 1)
	alter(t, r.a, "test-topic-1", set("retention.bytes", "1000"))
	r.start(t, r.file(oneWay, fmt.Sprintf("config_sync = { interval = \"1s\", defaults_from = %q }", from)))
	time.Sleep(20 * time.Second)
	if v, ok := override(t, r.b, r.copy("test-topic-1"), "retention.bytes"); !ok || v != "1000" {
		t.Errorf("retention.bytes is %q", v)
	}
	alter(t, r.b, r.copy("test-topic-1"), set("delete.retention.ms", "2000"))
	alter(t, r.a, "test-topic-1", kadm.AlterConfig{Op: kadm.DeleteConfig, Name: "retention.bytes"})
	time.Sleep(20 * time.Second)
	_, kept := override(t, r.b, r.copy("test-topic-1"), "retention.bytes")
	v, other := override(t, r.b, r.copy("test-topic-1"), "delete.retention.ms")
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
