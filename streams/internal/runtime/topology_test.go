package runtime_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams"
	"mm2/streams/state"
)

// joined joins two topics by key.
func joined(t *testing.T) *streams.Topology {
	b := streams.NewBuilder()
	left := streams.Stream[string, string](b, "left")
	right := streams.Stream[string, string](b, "right")
	streams.JoinStreams(left, right, streams.Within(time.Minute), func(l, r string) string { return l + r }).To("out")
	return build(t, b)
}

func TestNotCopartitionedIsRefusedBeforeAnyRecord(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "left", 3)
		r.cluster.Create(t, "right", 4)
		r.cluster.Create(t, "out", 1)
		var joins atomic.Int32
		r.cluster.ControlKey(kmsg.JoinGroup.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
			joins.Add(1)
			return nil, nil, false
		})
		a := r.start("a", joined(t))
		<-a.done
		err := a.end()
		if !errors.Is(err, streams.ErrNotCopartitioned) || !strings.Contains(err.Error(), "left=3, right=4") {
			t.Errorf("Run gave %v", err)
		}
		if joins.Load() != 0 {
			t.Error("the group was joined")
		}
		var unfit *streams.TopicsError
		if !errors.As(err, &unfit) || unfit.Topics["left"] != 3 {
			t.Errorf("Run gave no TopicsError: %v", err)
		}
	})
}

// TestCopartitionIsLostWhileRunning lets one side of a join grow.
func TestCopartitionIsLostWhileRunning(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "left", 2)
		r.cluster.Create(t, "right", 2)
		r.cluster.Create(t, "out", 1)
		a, b := r.start("a", joined(t)), r.start("b", joined(t))
		r.running(a, b)
		r.cluster.Produce(t, record("left", 1, "k", "l"), record("right", 1, "k", "r"))
		r.until("they meet", func() bool { return len(r.cluster.Committed(t, "out")) == 1 })
		answers, err := kadm.NewClient(r.cluster.Client(t)).UpdatePartitions(t.Context(), 3, "left")
		if err := errors.Join(err, answers.Error()); err != nil {
			t.Fatal(err)
		}
		<-a.done
		<-b.done
		for _, i := range []*instance{a, b} {
			if err := i.end(); !errors.Is(err, streams.ErrNotCopartitioned) {
				t.Errorf("instance %s ended with %v", i.name, err)
			}
		}
	})
}

func TestGlobalTable(t *testing.T) {
	for _, memory := range []bool{true, false} {
		t.Run(fmt.Sprint("memory=", memory), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "names", 3)
				r.cluster.Create(t, "in", 2)
				r.cluster.Create(t, "out", 1)
				top := func() *streams.Topology {
					b := streams.NewBuilder()
					var opts []state.Option
					if memory {
						opts = append(opts, state.InMemory())
					}
					names := streams.GlobalTable[string, string](b, "names", streams.Store("names-store", opts...))
					in := streams.Stream[string, string](b, "in")
					streams.JoinGlobal(in, names, func(k, _ string) string { return k }, func(v, name string) string { return name + v }).To("out")
					return build(t, b)
				}
				r.cluster.Produce(t, record("names", 0, "k0", "a"), record("names", 1, "k1", "b"), record("names", 2, "k2", "c"))
				r.cluster.Produce(t, record("in", 0, "k0", "1"), record("in", 1, "k1", "2"), record("in", 1, "k9", "3"))
				a := r.start("a", top(), exactlyOnce)
				r.running(a)
				r.until("both are joined", func() bool { return len(r.cluster.Committed(t, "out")) == 2 })
				r.cluster.Produce(t, record("names", 0, "k0", "z"))
				time.Sleep(time.Second)
				r.cluster.Produce(t, record("in", 0, "k0", "4"))
				r.until("the new name is seen", func() bool { return len(r.cluster.Committed(t, "out")) == 3 })
				if err := a.end(); err != nil {
					t.Errorf("end: %v", err)
				}
				a = r.start("a", top(), exactlyOnce)
				r.running(a)
				r.cluster.Produce(t, record("in", 0, "k2", "5"))
				r.until("the next is joined", func() bool { return len(r.cluster.Committed(t, "out")) == 4 })
				if got := fmt.Sprint(values(r.cluster.Committed(t, "out"))); got != "[a1 b2 c5 z4]" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}

func TestStopApplication(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 2)
		r.cluster.Create(t, "out", 1)
		broken := errors.New("broken")
		fail := func(rec streams.Record[string, string]) error {
			if rec.Value == "bad" {
				return broken
			}
			return nil
		}
		r.change = func(c *streams.Config) {
			c.OnUncaught = func(error) streams.Reaction { return streams.StopApplication }
		}
		a := r.start("a", counting(t, false, fail, state.InMemory()))
		b := r.start("b", counting(t, false, fail, state.InMemory()))
		r.running(a, b)
		r.cluster.Produce(t, record("in", 0, "k", "bad"))
		<-a.done
		<-b.done
		for _, i := range []*instance{a, b} {
			if err := i.end(); !errors.Is(err, streams.ErrStopped) {
				t.Errorf("instance %s ended with %v", i.name, err)
			}
		}
	})
}

func TestRecordTooLarge(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.AtLeastOnce, streams.ExactlyOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 1)
				r.cluster.Create(t, "out", 1)
				r.cluster.Create(t, "dead", 1)
				b := streams.NewBuilder()
				streams.MapValues(streams.Stream[string, string](b, "in"), func(v string) string {
					if v == "v3" {
						return strings.Repeat("x", 3<<20)
					}
					return v
				}).To("out")
				var asked atomic.Int32
				a := r.start("a", build(t, b), func(c *streams.Config) {
					c.Guarantee = guarantee
					c.OnProduceError = func(f streams.Failure) streams.Response {
						asked.Add(1)
						return streams.Response{Action: streams.Continue, DeadLetters: []*streams.Output{{Topic: "dead", Partition: -1, Value: []byte(f.Node), Time: 5}}}
					}
				})
				r.running(a)
				r.produce("in", 1, 3, 1) // alone in its transaction
				time.Sleep(time.Second)
				r.produce("in", 1, 0, 7)
				r.until("the others pass", func() bool { return len(r.cluster.Committed(t, "out")) == 6 })
				if err := a.end(); err != nil {
					t.Errorf("end: %v", err)
				}
				if n := len(r.cluster.Committed(t, "dead")); n != 2 || asked.Load() != 2 {
					t.Errorf("%d dead letters, asked %d times", n, asked.Load())
				}
			})
		})
	}
}

func TestRepartitionTopicsArePurged(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", counting(t, true, nil, state.InMemory()), exactlyOnce)
		r.running(a)
		r.produce("in", 1, 0, 50)
		admin := kadm.NewClient(r.cluster.Client(t))
		r.until("it is purged", func() bool {
			starts, err := admin.ListStartOffsets(t.Context(), "app-by-key-repartition")
			if err != nil {
				t.Fatal(err)
			}
			start, ok := starts.Lookup("app-by-key-repartition", 0)
			return ok && start.Offset >= 50
		})
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
	})
}

// TestTransactionalInput reads topics that are written in transactions, whose
// ends are markers: a task that waits for all its inputs must count them.
func TestTransactionalInput(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "left", 1)
		r.cluster.Create(t, "right", 1)
		r.cluster.Create(t, "out", 1)
		cl := r.cluster.Client(t, kgo.TransactionalID("input"))
		for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := cl.ProduceSync(t.Context(), record("left", 0, "k", fmt.Sprint("l", end))).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := cl.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
		}
		a := r.start("a", joined(t), exactlyOnce)
		r.running(a)
		r.cluster.Produce(t, record("right", 0, "k", "r1"))
		r.until("they meet", func() bool { return len(r.cluster.Committed(t, "out")) == 1 })
		if got := fmt.Sprint(values(r.cluster.Committed(t, "out"))); got != "[ltruer1]" {
			t.Errorf("got %s", got)
		}
	})
}
