package runtime_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/mm2test"
	"mm2/streams"
	"mm2/streams/state"
)

// inTwo is inRig with a second cluster, "src", which r.change makes known.
func inTwo(t *testing.T, test func(t *testing.T, r *rig, src *mm2test.Cluster)) {
	t.Helper()
	inRig(t, func(t *testing.T, r *rig) {
		src := mm2test.NewCluster(t, &r.net, 9193, "src")
		r.change = func(c *streams.Config) {
			c.Guarantee, c.Home = streams.ExactlyOnce, "dst"
			c.Clusters = map[string]streams.Cluster{"src": {BootstrapServers: src.Addrs}, "dst": {BootstrapServers: r.cluster.Addrs}}
		}
		test(t, r, src)
	})
}

// countingAway counts the records of "in" on src by key, behind a repartition.
func countingAway(t *testing.T, fail func(streams.Record[string, string]) error) *streams.Topology {
	t.Helper()
	b := streams.NewBuilder()
	b.AddStateStore(state.NewKeyValue[string, int64]("counts", state.InMemory()))
	in := streams.Stream[string, string](b, "in", streams.OnCluster("src"))
	in = streams.Map(in, func(k, v string) (string, string) { return k + "!", v }).Repartition(streams.Named("by-key"))
	streams.Process(in, func() streams.Processor[string, string, string, int64] { return &counter{fail: fail} }, streams.Connect("counts")).
		To("out", streams.OnCluster("dst"))
	return build(t, b)
}

func produceTo(t *testing.T, c *mm2test.Cluster, topic string, partitions int32, from, n int) {
	t.Helper()
	(&rig{t: t, cluster: c}).produce(topic, partitions, from, n)
}

func (r *rig) counted(n int) func() bool {
	return func() bool { _, have := counts(r.cluster.Committed(r.t, "out")); return have >= n }
}

// TestSourcesElsewhereCrashAtEachStep cuts an instance off at a request of a
// commit at home, before the cluster has seen it or after it has done it, or at a
// fetch from the other cluster, and lets another go on.
func TestSourcesElsewhereCrashAtEachStep(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.Fetch} {
		for _, done := range []bool{false, true} {
			for _, nth := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s done=%v %d", key.Name(), done, nth), func(t *testing.T) {
					inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) { crashAway(t, r, src, key, done, nth) })
				})
			}
		}
	}
}

func crashAway(t *testing.T, r *rig, src *mm2test.Cluster, key kmsg.Key, done bool, nth int) {
	src.Create(t, "in", 2)
	r.cluster.Create(t, "out", 1)
	a := r.start("a", countingAway(t, nil))
	r.running(a)
	produceTo(t, src, "in", 2, 0, 70)
	r.until("the first are counted", r.counted(70))
	var seen atomic.Int32
	at := r.cluster
	if key == kmsg.Fetch {
		at = src
	}
	at.ControlKey(key.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if p, ok := req.(*kmsg.ProduceRequest); ok && p.TransactionID == nil {
			return nil, nil, false // of the test
		}
		if int(seen.Add(1)) != nth {
			return nil, nil, false
		}
		a.link.Cut()
		if done {
			return nil, nil, false
		}
		return nil, errors.New("cut"), true
	})
	for i := range 7 {
		produceTo(t, src, "in", 2, 70+10*i, 10)
		time.Sleep(250 * time.Millisecond)
	}
	r.until("the instance is cut off", func() bool { return int(seen.Load()) >= nth })
	_ = a.end() // of a crash nobody hears
	b := r.start("b", countingAway(t, nil))
	r.until("all are counted", r.counted(140))
	if err := b.end(); err != nil {
		t.Errorf("end b: %v", err)
	}
	exact(t, r.cluster.Committed(t, "out"), wanted(140, "!"))
	if n := len(r.cluster.Committed(t, "app-tasks")); n > 0 {
		t.Errorf("%d records are in the topic of tasks", n)
	}
}

// TestSourceClusterComesAndGoes cuts an instance off the other cluster only.
func TestSourceClusterComesAndGoes(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "in", 2)
		r.cluster.Create(t, "out", 1)
		link := mm2test.NewLink(&r.net)
		a := r.start("a", countingAway(t, nil), func(c *streams.Config) {
			c.Clusters["src"] = streams.Cluster{BootstrapServers: src.Addrs, ClientOptions: []kgo.Opt{kgo.Dialer(link.DialContext)}}
		})
		r.running(a)
		for i := range 6 {
			produceTo(t, src, "in", 2, 50*i, 50)
			time.Sleep(300 * time.Millisecond)
			link.Cut()
			time.Sleep(time.Second)
			link.Mend()
		}
		r.until("all are counted", r.counted(300))
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		exact(t, r.cluster.Committed(t, "out"), wanted(300, "!"))
	})
}

func TestSourcesElsewhereZombieIsFenced(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		var frozen atomic.Bool
		thaw := make(chan struct{})
		fail := func(rec streams.Record[string, string]) error {
			if rec.Value == "v15" && frozen.CompareAndSwap(false, true) {
				<-thaw
			}
			return nil
		}
		a := r.start("a", countingAway(t, fail))
		r.running(a)
		produceTo(t, src, "in", 1, 0, 15)
		r.until("a counts", r.counted(15))
		produceTo(t, src, "in", 1, 15, 15)
		r.until("a is frozen", frozen.Load)
		a.link.Cut() // heartbeats stop, too
		b := r.start("b", countingAway(t, nil))
		r.until("b counts all", r.counted(30))
		before := len(r.cluster.Committed(t, "out"))
		a.link.Mend()
		close(thaw)
		time.Sleep(time.Minute)
		r.running(a, b)
		if err := errors.Join(a.end(), b.end()); err != nil {
			t.Errorf("end: %v", err)
		}
		if n := len(r.cluster.Committed(t, "out")); n != before {
			t.Errorf("the zombie wrote %d records", n-before)
		}
		exact(t, r.cluster.Committed(t, "out"), wanted(30, "!"))
	})
}

// TestSourcesElsewhereMoveWithTheirPositions has instances come and go under
// load, in both guarantees.
func TestSourcesElsewhereMoveWithTheirPositions(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.AtLeastOnce, streams.ExactlyOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
				src.Create(t, "in", 4)
				r.cluster.Create(t, "out", 1)
				more := func(c *streams.Config) { c.Guarantee, c.NumStreamThreads = guarantee, 2 }
				a := r.start("a", countingAway(t, nil), more)
				r.running(a)
				produceTo(t, src, "in", 4, 0, 100)
				b := r.start("b", countingAway(t, nil), more)
				r.running(a, b)
				produceTo(t, src, "in", 4, 100, 100)
				r.until("all is counted", r.counted(200))
				if err := a.end(); err != nil {
					t.Errorf("end a: %v", err)
				}
				produceTo(t, src, "in", 4, 200, 100)
				r.until("b counts all", r.counted(300))
				if err := b.end(); err != nil {
					t.Errorf("end b: %v", err)
				}
				exact(t, r.cluster.Committed(t, "out"), wanted(300, "!"))
			})
		})
	}
}

// copyingAway copies "in" from src, and "near" from home, to "out".
func copyingAway(t *testing.T, opts ...streams.Option) *streams.Topology {
	t.Helper()
	b := streams.NewBuilder()
	streams.Stream[string, string](b, "in", append(opts, streams.OnCluster("src"))...).
		Merge(streams.Stream[string, string](b, "near")).To("out")
	return build(t, b)
}

// TestSourcesHereAndElsewhere reads from two clusters in one part, over restarts.
func TestSourcesHereAndElsewhere(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "in", 3)
		r.cluster.Create(t, "near", 1)
		r.cluster.Create(t, "out", 1)
		for i := range 3 {
			a := r.start("a", copyingAway(t))
			r.running(a)
			src.Produce(t, record("in", int32(i), "k", fmt.Sprint("far", i)))
			r.cluster.Produce(t, record("near", 0, "k", fmt.Sprint("near", i)))
			r.until("both are copied", func() bool { return len(r.cluster.Committed(t, "out")) == 2*(i+1) })
			if err := a.end(); err != nil {
				t.Errorf("end: %v", err)
			}
		}
		want := []string{"far0", "far1", "far2", "near0", "near1", "near2"}
		if got := values(r.cluster.Committed(t, "out")); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestSourceElsewhereGrows gives a topic on the other cluster more partitions.
func TestSourceElsewhereGrows(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "in", 1)
		r.cluster.Create(t, "near", 2)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", copyingAway(t))
		r.running(a)
		src.Produce(t, record("in", 0, "k", "1"))
		r.until("the first is copied", func() bool { return len(r.cluster.Committed(t, "out")) == 1 })
		if _, err := kadm.NewClient(src.Client(t)).UpdatePartitions(t.Context(), 4, "in"); err != nil {
			t.Fatal(err)
		}
		// Partition 1 is new to a task, 2 and 3 are new tasks.
		src.Produce(t, record("in", 1, "k", "2"), record("in", 2, "k", "3"), record("in", 3, "k", "4"), record("in", 0, "k", "5"))
		r.until("all are copied", func() bool { return len(r.cluster.Committed(t, "out")) == 5 })
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		a = r.start("a", copyingAway(t))
		r.running(a)
		src.Produce(t, record("in", 3, "k", "6"))
		r.until("the last is copied", func() bool { return len(r.cluster.Committed(t, "out")) == 6 })
		if got := values(r.cluster.Committed(t, "out")); !slices.Equal(got, []string{"1", "2", "3", "4", "5", "6"}) {
			t.Errorf("got %q", got)
		}
	})
}
