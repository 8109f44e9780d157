package checkpoint_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
	"mm2/topology"
)

const lanes = 2

// target is a cluster with the topics of a flow from A with two lanes. Lane i
// copies partition i of "orders", whose records say at which offset they are.
type target struct {
	*mm2test.Cluster
	net kfake.VirtualNetwork
	adm *kadm.Client
}

func newTarget(t *testing.T) *target {
	t.Helper()
	b := &target{}
	b.Cluster = mm2test.NewCluster(t, &b.net, 9094, "cluster-b")
	b.adm = kadm.NewClient(b.Client(t))
	b.Create(t, topology.LanesTopic("A"), lanes)
	b.Create(t, "A.orders", lanes)
	spec := checkpoint.SegmentsTopic("A", lanes, 1)
	if st, err := kafka.EnsureInternalTopic(t.Context(), b.adm, spec); err != nil || st.Partitions != lanes {
		t.Fatalf("segments topic: %+v, %v", st, err)
	}
	return b
}

func (b *target) dialer(t *testing.T) *kafka.Dialer {
	t.Helper()
	d, err := kafka.NewDialer("B", connection.Connection{Bootstrap: b.Addrs}, nil, kgo.Dialer(b.net.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// laneCopy is one owner of a lane.
type laneCopy struct {
	t    *testing.T
	lane int32
	sink *kafka.TxnSink
}

func (b *target) own(t *testing.T, lane int32, change ...func(*kafka.SinkConfig)) *laneCopy {
	t.Helper()
	cfg := kafka.SinkConfig{
		Dialer: b.dialer(t), Role: "lane", Admin: b.adm, Worker: "w",
		TransactionalID: topology.TransactionalID(flow, int(lane)), Timeout: 8 * time.Second,
		Marks:      kafka.MarkTopic{Topic: topology.LanesTopic("A"), Partition: lane},
		Partitions: func() []pipeline.Partition { return []pipeline.Partition{{Topic: "A.orders", Partition: lane}} },
		Logger:     slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&cfg)
	}
	cfg.Companions = []kafka.Companion{checkpoint.NewSegmentWriter(checkpoint.SegmentConfig{
		Topic: topology.SegmentsTopic("A"), Lane: lane, RemoteTopic: func(t string) string { return "A." + t },
		AtLeastOnce: cfg.TransactionalID == "",
	})}
	s, err := kafka.NewTxnSink(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	l := &laneCopy{t, lane, s}
	l.open()
	return l
}

func (l *laneCopy) open() {
	l.t.Helper()
	if _, err := l.sink.Open(l.t.Context()); err != nil {
		l.t.Fatalf("open: %v", err)
	}
}

// write gives the sink the source offsets [from, to) without every seventh.
func (l *laneCopy) write(from, to int64) pipeline.Marks {
	l.t.Helper()
	source := pipeline.Partition{Topic: "orders", Partition: l.lane}
	b := &pipeline.Batch{
		Source: source, Base: from, Limit: to, To: pipeline.Partition{Topic: "A.orders", Partition: l.lane},
		Next: marks(source, to, "x"),
	}
	var rs []pipeline.Record
	for o := from; o < to; o++ {
		if o%7 != 6 {
			rs = append(rs, pipeline.Record{Record: &kgo.Record{Value: fmt.Append(nil, o)}, From: o})
		}
	}
	b.SetRecords(rs)
	if err := l.sink.Write(l.t.Context(), b); err != nil {
		l.t.Fatalf("write: %v", err)
	}
	return b.Next
}

func (l *laneCopy) commit(from, to int64) {
	l.t.Helper()
	if _, err := l.sink.Commit(l.t.Context(), l.write(from, to)); err != nil {
		l.t.Fatalf("commit: %v", err)
	}
}

func (l *laneCopy) abort(from, to int64) {
	l.t.Helper()
	l.write(from, to)
	if err := l.sink.Abort(l.t.Context()); err != nil {
		l.t.Fatalf("abort: %v", err)
	}
	l.open()
}

// start runs an index until the returned function is called, and waits until it
// has read the topic.
func (b *target) start(t *testing.T, bytes int64) (x *checkpoint.Index, stop func()) {
	t.Helper()
	x = newIndex(t, bytes, func(c *checkpoint.IndexConfig) { c.Dialer = b.dialer(t) })
	return x, b.run(t, x)
}

func (b *target) run(t *testing.T, x *checkpoint.Index) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := x.Ready(), make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("run: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the index is not ready")
	}
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

// want checks that the index maps exactly what a reader sees on the target. A
// thinned index may be early.
func (b *target) want(t *testing.T, x *checkpoint.Index, thinned bool) {
	t.Helper()
	seen := 0
	for _, r := range b.Committed(t, "A.orders") {
		o, err := strconv.ParseInt(string(r.Value), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		source, target := pipeline.Partition{Topic: "orders", Partition: r.Partition}, pipeline.Partition{Topic: "A.orders", Partition: r.Partition}
		f, back := x.Forward(source, o), x.Backward(target, r.Offset)
		if want := (checkpoint.Translation{Target: target, Offset: r.Offset, Exact: true, Known: true}); !thinned && f.Answer() != want {
			t.Fatalf("forward %v %d: %+v, want %+v", source, o, f, want)
		}
		if want := (checkpoint.Translation{Target: source, TargetID: back.TargetID, Offset: o, Exact: true, Known: true}); !thinned && back.Answer() != want {
			t.Fatalf("backward %v %d: %+v, want %+v", target, r.Offset, back, want)
		}
		if f.Offset > r.Offset || back.Offset > o {
			t.Fatalf("%v %d is at %d, and translates to %+v and %+v", source, o, r.Offset, f, back)
		}
	}
	if seen == 0 {
		t.Fatal("nothing was copied")
	}
}

func TestIndexFollowsWhatLanesCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		one, two := b.own(t, 0), b.own(t, 1)
		one.commit(0, 10)
		two.commit(100, 130)
		x, stop := b.start(t, 0)
		b.want(t, x, false)

		one.abort(10, 20)
		two.commit(130, 140)
		one.commit(10, 15)
		time.Sleep(time.Second) // the tail follows
		b.want(t, x, false)
		if got := x.Copied(pipeline.Partition{Topic: "orders", Partition: 0}); got != 15 {
			t.Errorf("partition 0 is copied up to %d, want 15", got)
		}
		if tr := x.Forward(pipeline.Partition{Topic: "orders"}, 15); !tr.Exact {
			t.Errorf("at the end of the copy: %+v", tr)
		}

		// An open transaction is not part of it, whatever becomes of it.
		one.write(15, 30)
		time.Sleep(time.Second)
		b.want(t, x, false)

		// Another owner fences the first.
		three := b.own(t, 0)
		three.commit(15, 40)
		time.Sleep(time.Second)
		b.want(t, x, false)

		// The next reader knows the same, also of a compacted topic.
		stop()
		if x.Forward(pipeline.Partition{Topic: "orders"}, 0).Known {
			t.Error("something is known after the end")
		}
		two.commit(140, 141)
		two.commit(141, 150)
		b.Compact()
		stop = b.run(t, x)
		b.want(t, x, false)
		stop()
	})
}

// A transaction that fails at any of its requests leaves nothing in the map, and
// what is replayed is in it once.
func TestFailedCommitLeavesNoSegments(t *testing.T) {
	faults := map[string]kfake.Fault{
		"records":  {Keys: []kmsg.Key{kmsg.Produce}, Topic: "A.orders"},
		"marks":    {Keys: []kmsg.Key{kmsg.Produce}, Topic: topology.LanesTopic("A")},
		"segments": {Keys: []kmsg.Key{kmsg.Produce}, Topic: topology.SegmentsTopic("A")},
		"commit":   {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newTarget(t)
				l := b.own(t, 0)
				l.commit(0, 10)
				fault.Err = kerr.InvalidTxnState
				b.Fault(fault)
				if _, err := l.sink.Commit(t.Context(), l.write(10, 20)); err == nil {
					t.Fatal("the commit did not fail")
				}
				if err := l.sink.Abort(t.Context()); err != nil {
					t.Logf("abort: %v", err)
				}
				x, stop := b.start(t, 0)
				defer stop()
				b.want(t, x, false)
				l.open()
				l.commit(10, 15)
				l.commit(15, 25)
				time.Sleep(time.Second)
				b.want(t, x, false)
				if got := x.Copied(pipeline.Partition{Topic: "orders"}); got != 25 {
					t.Errorf("copied up to %d, want 25", got)
				}
			})
		})
	}
}

func TestIndexOfALaneWithoutTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		l := b.own(t, 0, func(c *kafka.SinkConfig) { c.TransactionalID = "" })
		l.commit(0, 10)
		l.commit(10, 20)
		x, stop := b.start(t, 0)
		defer stop()
		b.want(t, x, false)
	})
}

// A budget that is far too small thins memory and topic alike; the next reader
// is within it at once, and none skips a record.
func TestTopicShrinksWithTheIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 6000
		b := newTarget(t)
		one, two := b.own(t, 0), b.own(t, 1)
		x, stop := b.start(t, budget)
		for i := range int64(40) {
			one.commit(200*i, 200*i+200)
			two.commit(200*i, 200*i+20)
		}
		time.Sleep(2 * time.Minute)
		st := x.Stats()
		if st.Bytes > budget || st.Thinned == 0 {
			t.Errorf("%+v, want at most %d bytes and some thinned", st, budget)
		}
		b.want(t, x, true)
		stop()
		b.Compact()

		stop = b.run(t, x)
		again := x.Stats()
		if again.Bytes > budget || again.Segments != st.Segments || again.Thinned != 0 {
			t.Errorf("the next reader has %+v, the first had %+v", again, st)
		}
		b.want(t, x, true)
		// Nothing of the lanes' open chunks was touched.
		one.commit(8000, 8200)
		two.commit(8000, 8200)
		time.Sleep(time.Second)
		for _, p := range []int32{0, 1} {
			if tr := x.Forward(pipeline.Partition{Topic: "orders", Partition: p}, 8100); !tr.Exact {
				t.Errorf("partition %d: %+v", p, tr)
			}
		}
		stop()
	})
}

func TestTopicLosesWhatTheCopiesNoLongerHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		for i := range int64(5) {
			b.own(t, 0).commit(10*i, 10*i+10)
		}
		x, stop := b.start(t, 0)
		defer stop()
		before := x.Stats().Segments
		var to kadm.Offsets
		to.AddOffset("A.orders", 0, 20, -1)
		if _, err := b.adm.DeleteRecords(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Minute)
		after := x.Stats().Segments
		if after >= before || after == 0 {
			t.Errorf("%d segments, %d before", after, before)
		}
		b.want(t, x, false)
		gone := 0
		for _, r := range b.Committed(t, topology.SegmentsTopic("A")) {
			if r.Value == nil {
				gone++
			}
		}
		if gone == 0 {
			t.Error("no chunk was removed from the topic")
		}
	})
}

// The start of an index waits for transactions that are open, for what they hide
// may be committed; but not for one that hangs.
func TestIndexIsReadyWhenNothingIsHidden(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		t.Run(fmt.Sprintf("hangs %v", hangs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newTarget(t)
				b.own(t, 0).commit(0, 10)
				other := b.Client(t, kgo.TransactionalID("other"), kgo.TransactionTimeout(time.Minute))
				if err := other.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				hidden := &kgo.Record{Topic: topology.SegmentsTopic("A"), Key: []byte("orders/0/1/1")}
				if err := other.ProduceSync(t.Context(), hidden).FirstErr(); err != nil {
					t.Fatal(err)
				}
				x := newIndex(t, 0, func(c *checkpoint.IndexConfig) { c.Dialer = b.dialer(t) })
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- x.Run(ctx) }()
				time.Sleep(5 * time.Second)
				if x.Stats().Ready {
					t.Error("ready in front of an open transaction")
				}
				if !hangs {
					if err := other.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
						t.Fatal(err)
					}
				} else {
					time.Sleep(10 * time.Second)
				}
				time.Sleep(time.Second)
				if !x.Stats().Ready {
					t.Error("not ready behind it")
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What could not be written is written later.
func TestTidyingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		for i := range int64(3) {
			b.own(t, 0).commit(0, 10+i) // each starts over: the first two are void
		}
		b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topology.SegmentsTopic("A"), Err: kerr.TopicAuthorizationFailed, Count: 1})
		_, stop := b.start(t, 0)
		defer stop()
		time.Sleep(2 * time.Minute)
		gone := map[string]bool{}
		for _, r := range b.Committed(t, topology.SegmentsTopic("A")) {
			if r.Value == nil {
				gone[string(r.Key)] = true
			}
		}
		if len(gone) != 2 {
			t.Errorf("removed %v, want two chunks", gone)
		}
	})
}

func TestRunNamesTheTopicThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		x := newIndex(t, 0, func(c *checkpoint.IndexConfig) {
			c.Dialer, c.Flow = b.dialer(t), topology.FlowID{Source: "C", Target: "B"}
		})
		if err := x.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "mm2-segments.C.internal") {
			t.Errorf("run: %v, want an error that names the topic", err)
		}
	})
}
