package replicator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/mm2test"
	"mm2/replicator"
	"mm2/topology"
)

// These tests hold the limits that docs/guarantees.md and docs/operations.md
// state, so that nobody changes them without changing what people read.

const lanesTopic = "mm2-lanes.A.internal"

// createLanes makes the lanes topic as an earlier version or another setting
// would have.
func createLanes(t *testing.T, c *mm2test.Cluster, lanes int32) {
	t.Helper()
	compact := "compact"
	if _, err := kadm.NewClient(c.Client(t)).CreateTopic(t.Context(), lanes, 1, map[string]*string{"cleanup.policy": &compact}, lanesTopic); err != nil {
		t.Fatal(err)
	}
}

func TestExistingLanesTopicDecidesTheNumberOfLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 4)
		m.a.Produce(t, numbered("orders", 4, 0, 20)...)
		createLanes(t, m.b, 2)
		w := m.start(t, "w", func(c *replicator.Config) { c.Lanes = 6 })
		time.Sleep(10 * time.Second)
		if s := w.Status(); s.LaneCount != 2 || len(s.Lanes) != 2 {
			t.Errorf("%d lanes, %d of them here; want the 2 of the topic", s.LaneCount, len(s.Lanes))
		}
		wantValues(t, m.b, "A.orders", numbered("orders", 4, 0, 20))
	})
}

// A lane that somebody owned before never starts at the end again: what was
// written while no worker ran is copied.
func TestLatestCountsOnlyForALaneThatNobodyOwned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 4)
		m.a.Produce(t, numbered("orders", 4, 0, 20)...)
		latest := func(c *replicator.Config) { c.StartLatest = true }
		w := m.start(t, "first", latest)
		time.Sleep(10 * time.Second)
		w.stop()
		m.a.Produce(t, numbered("orders", 4, 20, 40)...)
		m.a.Create(t, "orders-late", 4)
		m.a.Produce(t, numbered("orders-late", 4, 0, 20)...)
		m.start(t, "second", latest)
		time.Sleep(10 * time.Second)
		wantValues(t, m.b, "A.orders", numbered("orders", 4, 20, 40))
		wantValues(t, m.b, "A.orders-late", numbered("orders-late", 4, 0, 20))
	})
}

// What people do about a partition that retention overtook: they delete its mark
// while no worker owns the lane, and it goes on at what is left.
func TestADeletedMarkStartsItsPartitionAtWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 1)
		m.a.Produce(t, numbered("orders", 1, 0, 10)...)
		w := m.start(t, "first")
		time.Sleep(5 * time.Second)
		w.stop()
		m.a.Produce(t, numbered("orders", 1, 10, 30)...)
		gone := kadm.Offsets{}
		gone.Add(kadm.Offset{Topic: "orders", Partition: 0, At: 20})
		if _, err := kadm.NewClient(m.a.Client(t)).DeleteRecords(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		w = m.start(t, "second")
		time.Sleep(5 * time.Second)
		wantValues(t, m.b, "A.orders", numbered("orders", 1, 0, 10))
		w.stop()
		lane := topology.Lane(topology.Partition{Topic: "orders"}, 4)
		m.b.Produce(t, &kgo.Record{Topic: lanesTopic, Partition: int32(lane), Key: []byte("orders/0")})
		m.start(t, "third")
		time.Sleep(5 * time.Second)
		wantValues(t, m.b, "A.orders", append(numbered("orders", 1, 0, 10), numbered("orders", 1, 20, 30)...))
	})
}

// A mark that people write decides where copying goes on.
func TestAMarkWrittenByHandCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 1)
		m.a.Produce(t, numbered("orders", 1, 0, 10)...)
		createLanes(t, m.b, 1)
		m.b.Produce(t, &kgo.Record{Topic: lanesTopic, Key: []byte("orders/0"), Value: []byte(`{"offset":7,"epoch":-1}`)})
		m.start(t, "w")
		time.Sleep(5 * time.Second)
		wantValues(t, m.b, "A.orders", numbered("orders", 1, 7, 10))
	})
}

// zstd is not among them: its decoder has a finalizer that must not run outside
// of the bubble. e2e copies all codecs.
func TestCopiesKeepTheCodecOfTheSource(t *testing.T) {
	// Not zstd: its decoder is closed by a finalizer, which a bubble does not survive.
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				m.a.Create(t, "orders", 1)
				r := &kgo.Record{Topic: "orders", Value: make([]byte, 10_000)}
				if err := m.a.Client(t, kgo.ProducerBatchCompression(codec)).ProduceSync(t.Context(), r).FirstErr(); err != nil {
					t.Fatal(err)
				}
				m.start(t, "w")
				time.Sleep(5 * time.Second)
				source, target := m.a.Committed(t, "orders"), m.b.Committed(t, "A.orders")
				if len(source) != 1 || len(target) != 1 {
					t.Fatalf("%d records on the source, %d on the target; want 1 each", len(source), len(target))
				}
				if got, want := target[0].Attrs.CompressionType(), source[0].Attrs.CompressionType(); got != want {
					t.Errorf("codec %d on the target, %d on the source", got, want)
				}
			})
		})
	}
}

// A worker with a stable name keeps its lanes for one session after a planned
// stop: nobody copies them until it is back or the session is over.
func TestAStableNameWaitsOutTheSessionAfterAPlannedStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 4)
		named := func(name string) func(*replicator.Config) {
			return func(c *replicator.Config) { c.InstanceID = name }
		}
		first := m.start(t, "first", named("first"))
		second := m.start(t, "second", named("second"))
		time.Sleep(30 * time.Second)
		lanes := func(w *worker) int { return len(w.Status().Lanes) }
		if lanes(first) != 2 || lanes(second) != 2 {
			t.Fatalf("lanes are shared %d to %d, want 2 to 2", lanes(first), lanes(second))
		}
		first.stop()
		time.Sleep(5 * time.Second) // half a session
		if n := lanes(second); n != 2 {
			t.Errorf("%d lanes half a session after the stop: the other's were not kept for it", n)
		}
		time.Sleep(25 * time.Second)
		if n := lanes(second); n != 4 {
			t.Errorf("%d lanes after the session, want all 4", n)
		}
	})
}
