package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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

// TestSourceElsewhereIsNotWhatItWas puts a topic in the place of the one that
// was read, before a restart and while it is read.
func TestSourceElsewhereIsNotWhatItWas(t *testing.T) {
	for name, during := range map[string]bool{"stopped": false, "running": true} {
		t.Run(name, func(t *testing.T) {
			inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
				src.Create(t, "in", 1)
				r.cluster.Create(t, "near", 1)
				r.cluster.Create(t, "out", 1)
				a := r.start("a", copyingAway(t))
				r.running(a)
				src.Produce(t, record("in", 0, "k", "1"))
				r.until("the first is copied", func() bool { return len(r.cluster.Committed(t, "out")) == 1 })
				if !during {
					if err := a.end(); err != nil {
						t.Errorf("end: %v", err)
					}
				}
				src.Recreate(t, "in")
				src.Produce(t, record("in", 0, "k", "2"), record("in", 0, "k", "3"))
				if !during {
					a = r.start("a", copyingAway(t))
				}
				<-a.done
				if err := a.end(); err == nil || !strings.Contains(err.Error(), "created again") || !strings.Contains(err.Error(), "src/in partition 0") {
					t.Errorf("Run gave %v", err)
				}
				r.start("a", copyingAway(t, streams.StartAt(streams.FromEarliest)))
				r.until("the new topic is copied", func() bool { return len(r.cluster.Committed(t, "out")) == 3 })
			})
		})
	}
}

func TestSourceElsewhereLostRecords(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "in", 1)
		r.cluster.Create(t, "near", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", copyingAway(t))
		r.running(a)
		src.Produce(t, record("in", 0, "k", "1"))
		r.until("the first is copied", func() bool { return len(r.cluster.Committed(t, "out")) == 1 })
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		src.Produce(t, record("in", 0, "k", "2"), record("in", 0, "k", "3"))
		gone := kadm.Offsets{}
		gone.Add(kadm.Offset{Topic: "in", Partition: 0, At: 2})
		if _, err := kadm.NewClient(src.Client(t)).DeleteRecords(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		a = r.start("a", copyingAway(t))
		<-a.done
		if err := a.end(); err == nil || !strings.Contains(err.Error(), "the log begins at 2") {
			t.Errorf("Run gave %v", err)
		}
	})
}

// TestTasksTopicIsGone refuses to begin anew beside state that is there.
func TestTasksTopicIsGone(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", countingAway(t, nil))
		r.running(a)
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		if _, err := kadm.NewClient(r.cluster.Client(t)).DeleteTopic(t.Context(), "app-tasks"); err != nil {
			t.Fatal(err)
		}
		a = r.start("a", countingAway(t, nil))
		<-a.done
		if err := a.end(); err == nil || !strings.Contains(err.Error(), "app-tasks") {
			t.Errorf("Run gave %v", err)
		}
	})
}

func TestGlobalTableElsewhere(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "names", 2)
		r.cluster.Create(t, "names", 1)
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		b := streams.NewBuilder()
		far := streams.GlobalTable[string, string](b, "names", streams.OnCluster("src"), streams.Store("far"))
		near := streams.GlobalTable[string, string](b, "names", streams.Store("near"))
		join := func(v, name string) string { return v + name }
		by := func(k, _ string) string { return k }
		in := streams.Stream[string, string](b, "in")
		streams.JoinGlobal(streams.JoinGlobal(in, far, by, join), near, by, join).To("out")
		src.Produce(t, record("names", 0, "a", " far a"), record("names", 1, "b", " far b"))
		r.cluster.Produce(t, record("names", 0, "a", " near a"), record("names", 0, "b", " near b"), record("in", 0, "a", "1"), record("in", 0, "b", "2"))
		r.start("a", build(t, b))
		r.until("both are joined", func() bool { return len(r.cluster.Committed(t, "out")) == 2 })
		if got := values(r.cluster.Committed(t, "out")); !slices.Equal(got, []string{"1 far a near a", "2 far b near b"}) {
			t.Errorf("got %q", got)
		}
	})
}

// TestDirectSinkRepeats crashes between what is written elsewhere and the commit
// at home: the other cluster has repeated records, home has not.
func TestDirectSinkRepeats(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, dst *mm2test.Cluster) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		dst.Create(t, "far", 1)
		top := func() *streams.Topology {
			b := streams.NewBuilder()
			in := streams.Stream[string, string](b, "in")
			in.To("out")
			in.To("far", streams.OnCluster("src"), streams.Direct(), streams.AllowDuplicates())
			return build(t, b)
		}
		var log strings.Builder
		a := r.start("a", top(), func(c *streams.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		r.running(a)
		var cut atomic.Bool
		r.cluster.ControlKey(kmsg.EndTxn.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
			if !cut.CompareAndSwap(false, true) {
				return nil, nil, false
			}
			a.link.Cut()
			return nil, errors.New("cut"), true
		})
		r.produce("in", 1, 0, 10)
		r.until("the instance is cut off", cut.Load)
		_ = a.end()
		if !strings.Contains(log.String(), "a crash in between repeats records") {
			t.Errorf("the log says nothing of repeated records: %s", &log)
		}
		b := r.start("b", top())
		r.until("all are copied", func() bool { return len(r.cluster.Committed(t, "out")) == 10 })
		if err := b.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		want := values(r.cluster.Committed(t, "out"))
		got := values(dst.Committed(t, "far"))
		if len(got) <= 10 || !slices.Equal(slices.Compact(slices.Clone(got)), want) {
			t.Errorf("elsewhere are %q, want %q with some repeated", got, want)
		}
	})
}

func TestClustersAreRefused(t *testing.T) {
	two := map[string]streams.Cluster{"src": {BootstrapServers: []string{"a:1"}}, "dst": {BootstrapServers: []string{"b:1"}}}
	tests := map[string]struct {
		source, sink []streams.Option
		change       func(*streams.Config)
		want         []string
	}{
		"unknown alias":         {source: []streams.Option{streams.OnCluster("elsewhere")}, want: []string{"elsewhere", "src", "dst", "KSTREAM-SOURCE-0000000000"}},
		"unknown sink":          {sink: []streams.Option{streams.OnCluster("there"), streams.Direct()}, want: []string{"there"}},
		"sink elsewhere":        {sink: []streams.Option{streams.OnCluster("src")}, want: []string{"replication flow", "Direct and AllowDuplicates"}},
		"direct only":           {sink: []streams.Option{streams.OnCluster("src"), streams.Direct()}, want: []string{"AllowDuplicates beside Direct"}},
		"home is unknown":       {change: func(c *streams.Config) { c.Home = "nowhere" }, want: []string{"nowhere", "dst"}},
		"two addresses of home": {change: func(c *streams.Config) { c.BootstrapServers = []string{"c:1"} }, want: []string{"c:1", "b:1"}},
		"settings of the application": {change: func(c *streams.Config) {
			c.Clusters["src"] = streams.Cluster{BootstrapServers: []string{"a:1"}, Properties: map[string]string{"num.stream.threads": "3"}}
		}, want: []string{"num.stream.threads", "src"}},
		"no addresses": {change: func(c *streams.Config) { c.Clusters["src"] = streams.Cluster{} }, want: []string{"src", "bootstrap.servers"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder()
			streams.Stream[string, string](b, "in", tt.source...).To("out", tt.sink...)
			c := streams.Config{ApplicationID: "app", Guarantee: streams.ExactlyOnce, Home: "dst", Clusters: map[string]streams.Cluster{"src": two["src"], "dst": two["dst"]}}
			if tt.change != nil {
				tt.change(&c)
			}
			_, err := streams.New(build(t, b), c)
			if err == nil {
				t.Fatal("New took it")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error has no %q: %v", want, err)
				}
			}
		})
	}
}

// TestPositionsThatDoNotFit refuses a part with too many topics before any
// record.
func TestPositionsThatDoNotFit(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		var topics []string
		for i := range 80 {
			topics = append(topics, fmt.Sprintf("a-topic-with-a-long-name-%d", i))
		}
		if _, err := kadm.NewClient(src.Client(t)).CreateTopics(context.Background(), 1, 1, nil, topics...); err != nil {
			t.Fatal(err)
		}
		b := streams.NewBuilder()
		streams.StreamTopics[string, string](b, topics, streams.OnCluster("src")).To("out")
		a := r.start("a", build(t, b))
		<-a.done
		if err := a.end(); err == nil || !strings.Contains(err.Error(), "4096") || !strings.Contains(err.Error(), "Repartition") {
			t.Errorf("Run gave %v", err)
		}
	})
}

// TestNotCopartitionedOverClusters compares topics of two clusters.
func TestNotCopartitionedOverClusters(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "same", 3)
		r.cluster.Create(t, "same", 4)
		b := streams.NewBuilder()
		far := streams.Stream[string, string](b, "same", streams.OnCluster("src"))
		near := streams.Table[string, string](b, "same")
		streams.JoinTable(far, near, func(v, w string) string { return v + w }).To("out")
		a := r.start("a", build(t, b))
		<-a.done
		if err := a.end(); !errors.Is(err, streams.ErrNotCopartitioned) || !strings.Contains(err.Error(), "src/same=3") {
			t.Errorf("Run gave %v", err)
		}
	})
}
