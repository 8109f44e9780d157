package app_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/mm2test"
)

// Four clusters in a row: records, positions and heartbeats of the first arrive
// on the last under names that say which way they came.
func TestAChainOfThreeHops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.c = mm2test.NewCluster(t, &m.net, portC, "cluster-c")
		d := mm2test.NewCluster(t, &m.net, 9096, "cluster-d")
		m.a.Create(t, "test-topic-1", partitions)
		m.a.Produce(t, spread("test-topic-1", 0, records, partitions)...)
		commitAt(t, m.a, "group-1", "test-topic-1", partitions, 4)
		m.start(t, `
[service]
listen = "off"
[clusters.A]
bootstrap = ["127.0.0.1:9093"]
[clusters.B]
bootstrap = ["127.0.0.1:9094"]
[clusters.C]
bootstrap = ["127.0.0.1:9095"]
[clusters.D]
bootstrap = ["127.0.0.1:9096"]
[defaults]
lanes = 2
discovery_interval = "1s"
[[topology]]
kind = "custom"
flows = ["A->B", "B->C", "C->D"]
topics = ["(.+\\.)?test-topic-.*"]
`)
		time.Sleep(2 * time.Minute)
		const last = "C.B.A.test-topic-1"
		source, copies := m.a.Committed(t, "test-topic-1"), d.Committed(t, last)
		if diff := cmp.Diff(mm2test.Values(source), mm2test.Values(copies)); diff != "" {
			t.Errorf("%s on D (-A +D):\n%s", last, diff)
		}
		there := positions(t, d, "group-1", last)
		if len(there) != partitions {
			t.Errorf("%d positions on D, want %d: %v", len(there), partitions, there)
		}
		for p, at := range there {
			if a, b := valueAt(source, p, 4), valueAt(copies, p, at); a != b {
				t.Errorf("partition %d: %q is next on D, %q on A", p, b, a)
			}
		}
		wantWay(t, d, "C", 1)
		wantWay(t, m.c, "B", 1)
		if len(d.Committed(t, "C.B.A.heartbeats")) == 0 {
			t.Error("the heartbeats of A have not come to D")
		}
	})
}

// Ten thousand partitions and ten thousand groups through one worker. The times
// are of the machine; only that everything arrives is checked.
func TestTenThousandPartitionsAndGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	// The race detector makes it ten times as slow, and needs fewer to see a race.
	topics, partitions, groups := 100, 100, 10_000
	if raceDetector {
		topics, groups = 10, 1_000
	}
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		var all []*kgo.Record
		for i := range topics {
			name := fmt.Sprintf("test-topic-%d", i)
			m.a.Create(t, name, int32(partitions))
			all = append(all, spread(name, 0, 2*partitions, partitions)...)
		}
		m.a.Produce(t, all...)
		admin := kadm.NewClient(m.a.Client(t))
		var working sync.WaitGroup
		for worker := range 8 {
			working.Go(func() {
				for g := worker; g < groups; g += 8 {
					offsets := kadm.Offsets{}
					offsets.AddOffset(fmt.Sprintf("test-topic-%d", g%topics), int32(g/topics%partitions), 1, -1)
					if err := admin.CommitAllOffsets(t.Context(), fmt.Sprintf("group-%d", g), offsets); err != nil {
						t.Errorf("commit of group %d: %v", g, err)
						return
					}
				}
			})
		}
		working.Wait()
		_, stop := m.serve(t, strings.Replace(meshTOML, `flows = ["A->B", "B->A", "A->C"]
topics = ["orders.*"]`, `flows = ["A->B"]
topics = ["test-topic-.*"]
discovery_interval = "1m"
config_sync = { interval = "1h" }
heartbeats = { interval = "10s" }
fetch = { max_wait = "20s" }
groups = { poll_interval = "1m" }`, 1))
		time.Sleep(time.Minute)
		copied := 0
		for i := range topics {
			ends, err := kadm.NewClient(m.b.Client(t)).ListCommittedOffsets(t.Context(), fmt.Sprintf("A.test-topic-%d", i))
			if err != nil {
				t.Fatal(err)
			}
			for _, end := range ends.Offsets().Sorted() {
				if end.At >= 2 {
					copied++
				}
			}
		}
		if copied != topics*partitions {
			t.Errorf("%d partitions were copied, want %d", copied, topics*partitions)
		}
		if n := len(m.b.Committed(t, "A.checkpoints.internal")); n < groups {
			t.Errorf("%d checkpoints, want one for each of %d groups at least", n, groups)
		}
		synced := 0
		listed, err := kadm.NewClient(m.b.Client(t)).ListGroups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name := range listed {
			if strings.HasPrefix(name, "group-") {
				synced++
			}
		}
		if synced != groups {
			t.Errorf("%d groups are on the target, want %d", synced, groups)
		}
		stop()
	})
	t.Logf("%d partitions and %d groups in %v", topics*partitions, groups, time.Since(began).Round(time.Millisecond))
}
