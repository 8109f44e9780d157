package replicator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/replicator"
	"mm2/topology"
)

// mesh is two clusters in one bubble.
type mesh struct {
	net      kfake.VirtualNetwork
	a, b     *mm2test.Cluster
	maxBatch int32 // of target topics
}

func newMesh(t *testing.T, opts ...kfake.Opt) *mesh {
	m := &mesh{}
	m.a = mm2test.NewCluster(t, &m.net, 9093, "cluster-a", opts...)
	m.b = mm2test.NewCluster(t, &m.net, 9094, "cluster-b", opts...)
	return m
}

// topics makes target topics with the source's partition count.
type topics struct {
	target *kadm.Client
	frozen string // a target topic that is not grown, with an error
	max    int32  // max.message.bytes of target topics; 0 unknown
}

func (s topics) Ensure(ctx context.Context, want []replicator.WantedTopic) (map[string]replicator.TargetTopic, error) {
	out := map[string]replicator.TargetTopic{}
	for _, w := range want {
		_, _ = s.target.CreateTopic(ctx, int32(w.Partitions), 1, nil, w.Target) // exists: the listing tells
		if w.Target != s.frozen {
			_, _ = s.target.UpdatePartitions(ctx, w.Partitions, w.Target)
		}
	}
	details, err := s.target.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range want {
		d := details[w.Target]
		t := replicator.TargetTopic{Partitions: len(d.Partitions), ID: d.ID, Err: d.Err, MaxBatchBytes: s.max}
		if w.Target == s.frozen && t.Partitions < w.Partitions {
			t.Err = errFrozen
		}
		out[w.Key()] = t
	}
	return out, nil
}

var errFrozen = errors.New("the target does not let us grow it")

// worker is a replicator that runs until stop or the end of the test.
type worker struct {
	*replicator.Replicator
	link *mm2test.Link
	reg  *prometheus.Registry
	stop func()
}

func (m *mesh) start(t *testing.T, name string, change ...func(*replicator.Config)) *worker {
	t.Helper()
	link := mm2test.NewLink(&m.net)
	dial := func(alias topology.Alias, c *mm2test.Cluster) *kafka.Dialer {
		d, err := kafka.NewDialer(alias, connection.Connection{Bootstrap: c.Addrs}, nil, kgo.Dialer(link.DialContext))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	filter, err := topology.NewFilter([]string{"orders.*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	deps := replicator.Deps{
		Topics: topics{target: kadm.NewClient(m.b.Client(t)), frozen: "A.orders-frozen", max: m.maxBatch}, Metrics: replicator.NewMetrics(reg),
		Logger: testLogger(t, name),
	}
	cfg := replicator.Config{
		Flow:   topology.Flow{ID: topology.FlowID{Source: "A", Target: "B"}, Policy: topology.NewDefaultPolicy(".", "."), Topics: filter, Copy: true},
		Source: dial("A", m.a), Target: dial("B", m.b), Worker: name,
		Lanes: 4, LanesReplicationFactor: 1, DiscoveryInterval: time.Second, CommitInterval: 500 * time.Millisecond, CommitBytes: 1 << 20,
		SessionTimeout: 10 * time.Second, TransactionTimeout: 8 * time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	r, err := replicator.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	w := &worker{Replicator: r, link: link, reg: reg}
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("worker %s: %v", name, err)
		}
	}
	t.Cleanup(w.stop)
	return w
}

func testLogger(t *testing.T, name string) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})).With("worker", name)
}

func numbered(topic string, partitions, from, to int) []*kgo.Record {
	var out []*kgo.Record
	for i := from; i < to; i++ {
		out = append(out, &kgo.Record{Topic: topic, Partition: int32(i % partitions), Value: fmt.Appendf(nil, "%d", i)})
	}
	return out
}

func wantValues(t *testing.T, c *mm2test.Cluster, topic string, want []*kgo.Record) {
	t.Helper()
	if diff := cmp.Diff(mm2test.Values(want), mm2test.Values(c.Committed(t, topic))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", topic, diff)
	}
}

func TestRecordsArriveAsTheyWere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 3)
		at := time.UnixMilli(1_600_000_000_123)
		sent := []*kgo.Record{
			{Topic: "orders", Partition: 2, Key: []byte("k"), Value: []byte("v"), Timestamp: at, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h", Value: nil}, {Key: "h", Value: []byte{}}, {Key: "", Value: []byte("2")}}},
			{Topic: "orders", Partition: 0, Key: []byte("deleted"), Value: nil, Timestamp: at},
			{Topic: "orders", Partition: 0, Key: nil, Value: []byte{}, Timestamp: time.UnixMilli(0)},
			{Topic: "orders", Partition: 0, Key: []byte{}, Value: []byte("x"), Timestamp: time.UnixMilli(1)},
		}
		m.a.Produce(t, sent...)
		m.start(t, "w")
		time.Sleep(10 * time.Second)
		got := m.b.Committed(t, "A.orders")
		type image struct {
			Partition int32
			Key, Val  []byte
			Headers   []kgo.RecordHeader
			Millis    int64
		}
		images := func(rs []*kgo.Record) []image {
			var out []image
			for _, r := range rs {
				out = append(out, image{r.Partition, r.Key, r.Value, r.Headers, r.Timestamp.UnixMilli()})
			}
			slices.SortStableFunc(out, func(a, b image) int { return int(a.Partition - b.Partition) })
			return out
		}
		if diff := cmp.Diff(images(m.a.Committed(t, "orders")), images(got)); diff != "" {
			t.Errorf("target differs from source (-source +target):\n%s", diff)
		}
		if len(got) != len(sent) {
			t.Errorf("%d records arrived, %d were sent", len(got), len(sent))
		}
	})
}

func TestRestartContinuesWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 4)
		all := numbered("orders", 4, 0, 300)
		for i, part := range [][2]int{{0, 100}, {100, 101}, {101, 300}} {
			w := m.start(t, fmt.Sprintf("w%d", i))
			m.a.Produce(t, numbered("orders", 4, part[0], part[1])...)
			time.Sleep(5 * time.Second)
			w.stop()
		}
		wantValues(t, m.b, "A.orders", all)
	})
}

func TestKilledWorkerIsTakenOverExactlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 8)
		first := m.start(t, "first")
		second := m.start(t, "second")
		var n int
		produce := func(k int) {
			m.a.Produce(t, numbered("orders", 8, n, n+k)...)
			n += k
		}
		produce(80)
		time.Sleep(10 * time.Second)
		if a, b := len(first.Status().Lanes), len(second.Status().Lanes); a != 2 || b != 2 {
			t.Errorf("lanes are shared %d to %d, want 2 to 2", a, b)
		}
		produce(800)
		first.link.Cut() // kill -9 with records in flight
		produce(80)
		time.Sleep(time.Minute)
		if got := len(second.Status().Lanes); got != 4 {
			t.Errorf("the survivor has %d lanes, want all 4", got)
		}
		first.link.Mend() // the zombie comes back
		produce(80)
		time.Sleep(time.Minute)
		wantValues(t, m.b, "A.orders", numbered("orders", 8, 0, n))
		if a, b := len(first.Status().Lanes), len(second.Status().Lanes); a != 2 || b != 2 {
			t.Errorf("after it came back lanes are shared %d to %d, want 2 to 2", a, b)
		}
	})
}

func TestNewTopicsAndPartitionsAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 2)
		m.start(t, "w", func(c *replicator.Config) { c.StartLatest = true })
		time.Sleep(5 * time.Second)
		m.a.Produce(t, numbered("orders", 2, 0, 10)...)

		m.a.Create(t, "orders-new", 3)
		m.a.Produce(t, numbered("orders-new", 3, 0, 30)...)
		m.a.Create(t, "unrelated", 1)
		m.a.Produce(t, numbered("unrelated", 1, 0, 3)...)
		if _, err := kadm.NewClient(m.a.Client(t)).UpdatePartitions(t.Context(), 5, "orders"); err != nil {
			t.Fatal(err)
		}
		m.a.Produce(t, numbered("orders", 5, 10, 60)...)
		time.Sleep(20 * time.Second)
		wantValues(t, m.b, "A.orders-new", numbered("orders-new", 3, 0, 30))
		wantValues(t, m.b, "A.orders", append(numbered("orders", 2, 0, 10), numbered("orders", 5, 10, 60)...))
		wantValues(t, m.b, "A.unrelated", nil)
	})
}

func TestAbortedRecordsAreNotCopiedAndMarksPassThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 1)
		p := m.a.Client(t, kgo.TransactionalID("producer"))
		var want []*kgo.Record
		for txn := range 6 {
			records := numbered("orders", 1, txn*10, txn*10+10)
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := p.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			commit := kgo.TransactionEndTry(txn%2 == 0)
			if err := p.EndTransaction(t.Context(), commit); err != nil {
				t.Fatal(err)
			}
			if commit {
				want = append(want, numbered("orders", 1, txn*10, txn*10+10)...)
			}
		}
		w := m.start(t, "w")
		time.Sleep(20 * time.Second)
		wantValues(t, m.b, "A.orders", want)
		for _, l := range w.Status().Lanes {
			for _, p := range l.Partitions {
				if p.LagRecords != 0 || p.Next != 66 {
					t.Errorf("%s: next offset %d, lag %d; want 66 (60 records, 6 markers), 0", p.Name(), p.Next, p.LagRecords)
				}
			}
		}
	})
}

// Partitions that could not be made on the target are a problem in the status;
// those that are there go on.
func TestRefusedGrowthStopsOnlyTheNewPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders-frozen", 2)
		w := m.start(t, "w")
		time.Sleep(5 * time.Second)
		if _, err := kadm.NewClient(m.a.Client(t)).UpdatePartitions(t.Context(), 4, "orders-frozen"); err != nil {
			t.Fatal(err)
		}
		m.a.Produce(t, numbered("orders-frozen", 4, 0, 40)...)
		time.Sleep(20 * time.Second)
		var want []*kgo.Record
		for _, r := range numbered("orders-frozen", 4, 0, 40) {
			if r.Partition < 2 {
				want = append(want, r)
			}
		}
		wantValues(t, m.b, "A.orders-frozen", want)
		p := w.Status().Discovery.Problems
		if len(p) != 1 || p[0].Topic != "orders-frozen" || p[0].Missing != 2 || p[0].Err != errFrozen.Error() {
			t.Errorf("problems %+v, want 2 missing partitions of orders-frozen", p)
		}
	})
}

func TestRateLimitHoldsTheFlowBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 64 << 10
		m := newMesh(t)
		m.a.Create(t, "orders", 4)
		var records []*kgo.Record
		for i := range 160 { // 10 MiB
			records = append(records, &kgo.Record{Topic: "orders", Partition: int32(i % 4), Value: make([]byte, size)})
		}
		m.a.Produce(t, records...)
		m.start(t, "w", func(c *replicator.Config) { c.RateLimit = 1 << 20 })
		time.Sleep(5 * time.Second)
		// A burst of one second, then 1 MiB a second; a batch may be under way.
		if n := len(m.b.Committed(t, "A.orders")) * size >> 20; n == 0 || n > 8 {
			t.Errorf("%d MiB arrived in 5 s at 1 MiB/s", n)
		}
		time.Sleep(30 * time.Second)
		if n := len(m.b.Committed(t, "A.orders")); n != len(records) {
			t.Errorf("%d of %d records arrived", n, len(records))
		}
	})
}

// A record that the target will never take parks its partition; the records
// before it and the other partitions arrive.
func TestRefusedRecordParksItsPartitionOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 2)
		m.maxBatch = 500 << 10
		large := make([]byte, 900<<10)
		m.a.Produce(t, numbered("orders", 2, 0, 10)...)
		m.a.Produce(t, &kgo.Record{Topic: "orders", Partition: 0, Value: large})
		m.a.Produce(t, numbered("orders", 2, 10, 20)...)
		w := m.start(t, "w", func(c *replicator.Config) { c.Lanes = 1 })
		time.Sleep(30 * time.Second)
		var want []*kgo.Record
		for _, r := range append(numbered("orders", 2, 0, 10), numbered("orders", 2, 10, 20)...) {
			if r.Partition == 1 || len(want) < 10 && len(r.Value) == 1 {
				want = append(want, r)
			}
		}
		wantValues(t, m.b, "A.orders", want)
		parked := 0
		for _, p := range w.Status().Lanes[0].Partitions {
			if p.Parked != "" {
				parked++
				if p.Partition != 0 || !strings.Contains(p.Parked, "offset 5") {
					t.Errorf("%s is parked: %s", p.Name(), p.Parked)
				}
			}
		}
		if parked != 1 {
			t.Errorf("%d partitions are parked, want 1", parked)
		}
	})
}
