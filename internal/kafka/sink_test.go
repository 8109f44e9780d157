package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
)

const lanesTopic = "mm2-lanes.A.internal"

// target is a cluster with a lanes topic and an output topic.
type target struct {
	*mm2test.Cluster
	net kfake.VirtualNetwork
}

func newTarget(t *testing.T, opts ...kfake.Opt) *target {
	b := &target{}
	b.Cluster = mm2test.NewCluster(t, &b.net, 9094, "cluster-b", opts...)
	b.Create(t, lanesTopic, 2)
	b.Create(t, "out", 2)
	return b
}

func (b *target) dialer(t *testing.T, opts ...kgo.Opt) *kafka.Dialer {
	t.Helper()
	d, err := kafka.NewDialer("B", connection.Connection{Bootstrap: b.Addrs}, nil, append([]kgo.Opt{kgo.Dialer(b.net.DialContext)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sink is a lane's sink; change adapts its configuration.
func (b *target) sink(t *testing.T, worker string, change ...func(*kafka.SinkConfig)) *kafka.TxnSink {
	t.Helper()
	cfg := kafka.SinkConfig{
		Dialer: b.dialer(t), Role: worker, Admin: kadm.NewClient(b.Client(t)),
		TransactionalID: "mm2-A-B-1", Timeout: 8 * time.Second, Marks: kafka.MarkTopic{Topic: lanesTopic, Partition: 1}, Worker: worker,
		Partitions: func() []pipeline.Partition {
			return []pipeline.Partition{{Topic: "out", Partition: 0}, {Topic: "out", Partition: 1}}
		},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := kafka.NewTxnSink(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, s *kafka.TxnSink) pipeline.Marks {
	t.Helper()
	marks, err := s.Open(t.Context())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return marks
}

// batch is records with the values from..to of in-0, bound for out-0.
func batch(from, to int) *pipeline.Batch {
	b := &pipeline.Batch{
		Source: pipeline.Partition{Topic: "in"}, Base: int64(from), Limit: int64(to), To: pipeline.Partition{Topic: "out"},
		Next: pipeline.Marks{"in/0": fmt.Sprint(to)},
	}
	var rs []pipeline.Record
	for i := from; i < to; i++ {
		rs = append(rs, pipeline.Record{Record: &kgo.Record{Value: fmt.Append(nil, i)}, From: int64(i)})
	}
	b.SetRecords(rs)
	return b
}

func write(t *testing.T, s *kafka.TxnSink, b *pipeline.Batch) {
	t.Helper()
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func commit(t *testing.T, s *kafka.TxnSink, b *pipeline.Batch) *pipeline.Receipt {
	t.Helper()
	write(t, s, b)
	r, err := s.Commit(t.Context(), b.Next)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return r
}

func (b *target) wantOut(t *testing.T, limit int) {
	t.Helper()
	want := []string{}
	for i := range limit {
		want = append(want, fmt.Sprint(i))
	}
	if diff := cmp.Diff(want, mm2test.Values(b.Committed(t, "out"))); diff != "" {
		t.Errorf("visible on the target (-want +got):\n%s", diff)
	}
}

func TestCommitShowsRecordsAndMarksTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		s := b.sink(t, "one")
		if marks := open(t, s); len(marks) != 0 {
			t.Errorf("marks of a new lane: %v", marks)
		}
		r := commit(t, s, batch(0, 3))
		want := []pipeline.Segment{{Source: pipeline.Partition{Topic: "in"}, SourceBase: 0, Target: pipeline.Partition{Topic: "out"}, TargetBase: 0, Count: 3}}
		if diff := cmp.Diff(want, r.Segments); diff != "" {
			t.Errorf("segments (-want +got):\n%s", diff)
		}
		// The marker of the first transaction takes target offset 3.
		r = commit(t, s, batch(3, 5))
		if r.Segments[0].TargetBase != 4 || r.Segments[0].SourceBase != 3 || r.Records != 2 {
			t.Errorf("second receipt: %+v", r)
		}
		write(t, s, batch(5, 9))
		if err := s.Abort(t.Context()); err != nil {
			t.Errorf("abort: %v", err)
		}
		b.wantOut(t, 5)
		if marks := open(t, s); marks["in/0"] != "5" {
			t.Errorf("marks after the abort: %v, want in/0 at 5", marks)
		}
	})
}

func TestSegmentsFollowGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		s := b.sink(t, "one")
		open(t, s)
		whole := batch(0, 10)
		kept := append(append([]pipeline.Record{}, whole.Records()[:4]...), whole.Records()[7:]...)
		kept = append(kept, pipeline.Record{Record: &kgo.Record{Value: []byte("made up")}, From: -1})
		whole.SetRecords(kept)
		r := commit(t, s, whole)
		in, out := pipeline.Partition{Topic: "in"}, pipeline.Partition{Topic: "out"}
		want := []pipeline.Segment{{Source: in, SourceBase: 0, Target: out, TargetBase: 0, Count: 4}, {Source: in, SourceBase: 7, Target: out, TargetBase: 4, Count: 3}}
		if diff := cmp.Diff(want, r.Segments); diff != "" {
			t.Errorf("segments (-want +got):\n%s", diff)
		}
	})
}

func TestSecondOwnerFencesTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		first, second := b.sink(t, "first"), b.sink(t, "second")
		open(t, first)
		commit(t, first, batch(0, 3))
		write(t, first, batch(3, 6)) // in the open transaction when the lane is taken
		time.Sleep(time.Second)
		if marks := open(t, second); marks["in/0"] != "3" {
			t.Errorf("marks of the second owner: %v, want in/0 at 3", marks)
		}
		if got := second.Previous().Worker; got != "first" {
			t.Errorf("previous owner %q, want first", got)
		}
		commit(t, second, batch(3, 4))
		_, err := first.Commit(t.Context(), pipeline.Marks{"in/0": "6"})
		if !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("commit of the fenced owner: %v, want ErrFenced", err)
		}
		b.wantOut(t, 4)
	})
}

func TestRefusedRecordIsNamed(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  *kerr.Error
	}{
		{"too large", kerr.MessageTooLarge},
		{"invalid timestamp", kerr.InvalidTimestamp},
		{"null key on a compacted topic", kerr.InvalidRecord},
		{"missing right", kerr.TopicAuthorizationFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newTarget(t)
				s := b.sink(t, "one")
				open(t, s)
				b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: tc.err, Count: 1})
				write(t, s, batch(40, 42))
				_, err := s.Commit(t.Context(), pipeline.Marks{"in/0": "42"})
				var refused *pipeline.RefusedError
				if !errors.As(err, &refused) || refused.Offset != 40 || refused.Source.Topic != "in" || !errors.Is(err, tc.err) {
					t.Errorf("commit: %v, want a RefusedError for in-0 offset 40 that is %v", err, tc.err)
				}
			})
		})
	}
}

// A transaction that is open on the lane's partitions after the lane was fenced
// is one that the coordinator lost: it is finished before the marks are read.
func TestHangingTransactionIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		healed := map[bool]int{}
		s := b.sink(t, "two", func(c *kafka.SinkConfig) { c.Healed = func(commit bool) { healed[commit]++ } })
		open(t, s)
		commit(t, s, batch(0, 3))
		s.Close()
		b.hang(t, "out", lanesTopic)
		if _, err := b.sinkMarks(t); err == nil {
			t.Fatal("the marks can be read to their end: nothing hangs, the test does not test")
		}
		if marks := open(t, s); marks["in/0"] != "3" {
			t.Errorf("marks after healing: %v, want in/0 at 3", marks)
		}
		if healed[false] != 1 || healed[true] != 0 {
			t.Errorf("healed %v, want one abort", healed)
		}
		commit(t, s, batch(3, 6))
		b.wantOut(t, 6)
	})
}

// hang leaves a transaction open on partition 0 of topics, and on the lane's
// mark partition if the lanes topic is among them, that fencing the lane does
// not end. On a real broker a crash does that; here another transactional
// id stands in for the lost one.
func (b *target) hang(t *testing.T, topics ...string) {
	t.Helper()
	cl := b.Client(t, kgo.TransactionalID("lost"), kgo.TransactionTimeout(15*time.Minute))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		r := &kgo.Record{Topic: topic, Key: []byte("in/0"), Value: []byte("4")}
		if topic == lanesTopic {
			r.Partition = 1
		}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	cl.Close()
}

// sinkMarks reads the marks as a stranger would, for a bounded time.
func (b *target) sinkMarks(t *testing.T) (pipeline.Marks, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return kafka.ReadMarks(ctx, b.dialer(t), kafka.MarkTopic{Topic: lanesTopic, Partition: 1})
}

func TestHangingTransactionThatWeMayNotFinishParksTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		s := b.sink(t, "two")
		open(t, s)
		s.Close()
		b.hang(t, "out", lanesTopic)
		b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.WriteTxnMarkers}, Err: kerr.ClusterAuthorizationFailed})
		_, err := s.Open(t.Context())
		if _, ok := errors.AsType[*pipeline.FatalError](err); !ok {
			t.Fatalf("open: %v, want a FatalError", err)
		}
		for _, want := range []string{"grant ALTER", "kafka-transactions.sh", "--topic out --partition 0 --start-offset"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the message lacks %q: %v", want, err)
			}
		}
	})
}

func TestAtLeastOnceWritesMarksAfterAcknowledgements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		plain := func(c *kafka.SinkConfig) { c.TransactionalID = "" }
		s := b.sink(t, "one", plain)
		open(t, s)
		commit(t, s, batch(0, 3))
		b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.InvalidRecord, Count: 1})
		write(t, s, batch(3, 4))
		if _, err := s.Commit(t.Context(), pipeline.Marks{"in/0": "4"}); err == nil {
			t.Error("commit succeeded although its record was refused")
		}
		if err := s.Abort(t.Context()); err != nil {
			t.Errorf("abort: %v", err)
		}
		if marks := open(t, b.sink(t, "two", plain)); marks["in/0"] != "3" {
			t.Errorf("marks: %v, want in/0 at 3: a mark is ahead of its output", marks)
		}
	})
}

// Two meshes that call different source clusters by one alias share the lane;
// the second must not go on from the marks of the first.
func TestMarksOfAnotherSourceClusterAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		from := func(origin string) func(*kafka.SinkConfig) {
			return func(c *kafka.SinkConfig) { c.Origin = origin }
		}
		open(t, b.sink(t, "one", from("cluster-a")))
		open(t, b.sink(t, "two", from("cluster-a")))
		_, err := b.sink(t, "three", from("cluster-x")).Open(t.Context())
		var fatal *pipeline.FatalError
		if !errors.As(err, &fatal) || !strings.Contains(err.Error(), "cluster-a") || !strings.Contains(err.Error(), "cluster-x") {
			t.Errorf("open for another source cluster: %v, want a FatalError that names both", err)
		}
	})
}
