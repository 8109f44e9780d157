package runtime_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"mm2/streams"
	"mm2/streams/state"
)

func exactlyOnce(c *streams.Config) { c.Guarantee = streams.ExactlyOnce }

// TestCrashAtEachStep cuts an instance off at a request of a commit, before the
// cluster has seen it or after it has done it, and lets another go on.
func TestCrashAtEachStep(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn} {
		for _, done := range []bool{false, true} {
			for _, nth := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s done=%v %d", key.Name(), done, nth), func(t *testing.T) {
					inRig(t, func(t *testing.T, r *rig) { crashAt(t, r, key, done, nth) })
				})
			}
		}
	}
}

// TestOlderTransactions has brokers that do not add to transactions by
// themselves.
func TestOlderTransactions(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.AddOffsetsToTxn, kmsg.EndTxn} {
		t.Run(key.Name(), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				crashAt(t, r, key, true, 2)
			}, kfake.MaxVersions(kversion.V3_8_0()))
		})
	}
}

func crashAt(t *testing.T, r *rig, key kmsg.Key, done bool, nth int) {
	r.cluster.Create(t, "in", 2)
	r.cluster.Create(t, "out", 1)
	r.change = exactlyOnce
	a := r.start("a", counting(t, true, nil, state.InMemory()))
	r.running(a)
	r.produce("in", 2, 0, 70)
	r.until("the first are counted", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n == 70 })

	var seen atomic.Int32
	r.cluster.ControlKey(key.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if p, ok := req.(*kmsg.ProduceRequest); ok && p.TransactionID == nil {
			return nil, nil, false // of the test
		}
		if int(seen.Add(1)) != nth {
			return nil, nil, false
		}
		// The connection goes before the answer does.
		a.link.Cut()
		if done {
			return nil, nil, false
		}
		return nil, errors.New("cut"), true
	})
	for i := range 7 {
		r.produce("in", 2, 70+10*i, 10)
		time.Sleep(250 * time.Millisecond)
	}
	r.until("the instance is cut off", func() bool { return int(seen.Load()) >= nth })
	_ = a.end() // of a crash nobody hears
	b := r.start("b", counting(t, true, nil, state.InMemory()))
	r.until("all are counted", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n >= 140 })
	if err := b.end(); err != nil {
		t.Errorf("end b: %v", err)
	}
	exact(t, r.cluster.Committed(t, "out"), wanted(140, "!"))
}

// TestUnknownOutcome fails the end of a transaction that was done.
func TestUnknownOutcome(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.TxnOffsetCommit, kmsg.EndTxn} {
		t.Run(key.Name(), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 1)
				r.cluster.Create(t, "out", 1)
				a := r.start("a", counting(t, false, nil, state.InMemory()), exactlyOnce)
				r.running(a)
				var n atomic.Int32
				r.cluster.ControlKey(key.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
					if n.Add(1)%3 == 2 {
						a.link.Cut()
						a.link.Mend()
					}
					return nil, nil, false
				})
				for i := range 10 {
					r.produce("in", 1, i*10, 10)
					time.Sleep(300 * time.Millisecond)
				}
				r.until("all are counted", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n >= 100 })
				if n.Load() < 4 {
					t.Errorf("only %d transactions were seen", n.Load())
				}
				if err := a.end(); err != nil {
					t.Errorf("end: %v", err)
				}
				exact(t, r.cluster.Committed(t, "out"), wanted(100, ""))
			})
		})
	}
}

func TestUserErrorAborts(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		var failures atomic.Int32
		fail := func(rec streams.Record[string, string]) error {
			if rec.Value == "v15" && failures.Add(1) <= 2 {
				return errors.New("not now")
			}
			return nil
		}
		var mu sync.Mutex
		var uncaught []error
		a := r.start("a", counting(t, false, fail, state.InMemory()), exactlyOnce, func(c *streams.Config) {
			c.OnUncaught = func(err error) streams.Reaction {
				mu.Lock()
				defer mu.Unlock()
				uncaught = append(uncaught, err)
				return streams.ReplaceThread
			}
		})
		r.running(a)
		r.produce("in", 1, 0, 30)
		r.until("all are counted", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n >= 30 })
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		exact(t, r.cluster.Committed(t, "out"), wanted(30, ""))
		var at *streams.ProcessingError
		if len(uncaught) != 2 || !errors.As(uncaught[0], &at) || at.Offset != 15 || at.Topic != "in" {
			t.Errorf("uncaught %v, want twice the one at offset 15", uncaught)
		}
	})
}

func TestUserErrorStopsTheInstance(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		broken := errors.New("broken")
		a := r.start("a", counting(t, false, func(streams.Record[string, string]) error { return broken }, state.InMemory()), exactlyOnce)
		r.running(a)
		r.produce("in", 1, 0, 1)
		<-a.done
		if err := a.end(); !errors.Is(err, broken) {
			t.Errorf("Run gave %v", err)
		}
		if a.app.State() != streams.Failed {
			t.Errorf("state %v", a.app.State())
		}
		if n := len(r.cluster.Committed(t, "out")); n != 0 {
			t.Errorf("%d records are committed", n)
		}
	})
}

// TestZombieIsFenced freezes an instance until its tasks are another's, and lets
// it go on.
func TestZombieIsFenced(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.AtLeastOnce, streams.ExactlyOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 1)
				r.cluster.Create(t, "out", 1)
				r.change = func(c *streams.Config) { c.Guarantee = guarantee }
				var frozen atomic.Bool
				thaw := make(chan struct{})
				fail := func(rec streams.Record[string, string]) error {
					if rec.Value == "v15" && frozen.CompareAndSwap(false, true) {
						<-thaw
					}
					return nil
				}
				a := r.start("a", counting(t, false, fail, state.InMemory()))
				r.running(a)
				r.produce("in", 1, 0, 15)
				r.until("a counts", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n == 15 })
				r.produce("in", 1, 15, 15)
				r.until("a is frozen", frozen.Load)
				a.link.Cut() // heartbeats stop, too
				b := r.start("b", counting(t, false, nil, state.InMemory()))
				r.until("b counts all", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n >= 30 })
				before := len(r.cluster.Committed(t, "out"))
				a.link.Mend()
				close(thaw)
				time.Sleep(time.Minute)
				r.running(a, b)
				if err := errors.Join(a.end(), b.end()); err != nil {
					t.Errorf("end: %v", err)
				}
				if guarantee == streams.ExactlyOnce {
					if n := len(r.cluster.Committed(t, "out")); n != before {
						t.Errorf("the zombie wrote %d records", n-before)
					}
					exact(t, r.cluster.Committed(t, "out"), wanted(30, ""))
				}
			})
		})
	}
}

// TestRefusedOffsets lets the group refuse a commit by its generation.
func TestRefusedOffsets(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", counting(t, false, nil, state.InMemory()), exactlyOnce)
		r.running(a)
		var n atomic.Int32
		r.cluster.ControlKey(kmsg.TxnOffsetCommit.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
			if n.Add(1) > 1 {
				return nil, nil, false
			}
			resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
			for _, topic := range req.(*kmsg.TxnOffsetCommitRequest).Topics {
				to := kmsg.NewTxnOffsetCommitResponseTopic()
				to.Topic = topic.Topic
				for _, p := range topic.Partitions {
					part := kmsg.NewTxnOffsetCommitResponseTopicPartition()
					part.Partition, part.ErrorCode = p.Partition, kerr.UnknownMemberID.Code
					to.Partitions = append(to.Partitions, part)
				}
				resp.Topics = append(resp.Topics, to)
			}
			return resp, nil, true
		})
		r.produce("in", 1, 0, 30)
		r.until("all are counted", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n >= 30 })
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		exact(t, r.cluster.Committed(t, "out"), wanted(30, ""))
	})
}

// values are the values of records, sorted.
func values(records []*kgo.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, string(r.Value))
	}
	slices.Sort(out)
	return out
}
