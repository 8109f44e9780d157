package runtime_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/state"
)

// restores collects what listeners are told.
type restores struct {
	mu     sync.Mutex // guards what follows
	starts []streams.Restore
	ends   []streams.Restore
}

func (l *restores) listen(c *streams.Config) {
	c.RestoreListener = streams.RestoreListener{
		Start: func(r streams.Restore) { l.mu.Lock(); l.starts = append(l.starts, r); l.mu.Unlock() },
		End:   func(r streams.Restore) { l.mu.Lock(); l.ends = append(l.ends, r); l.mu.Unlock() },
	}
}

// read is how many offsets were restored.
func (l *restores) read() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.ends {
		n += l.ends[i].Next - l.starts[i].Next
	}
	return n
}

func TestRestoreGoesOnFromTheStoredOffset(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.AtLeastOnce, streams.ExactlyOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 1)
				r.cluster.Create(t, "out", 1)
				r.change = func(c *streams.Config) { c.Guarantee = guarantee }
				count := func(n int) {
					r.until("all is counted", func() bool { _, got := counts(r.cluster.Committed(t, "out")); return got >= n })
				}
				a := r.start("a", counting(t, false, nil))
				r.running(a)
				r.produce("in", 1, 0, 50)
				count(50)
				if err := a.end(); err != nil {
					t.Fatalf("end: %v", err)
				}

				// The same directory: nothing but a marker is read.
				var same restores
				a = r.start("a", counting(t, false, nil), same.listen)
				r.running(a)
				if n := same.read(); n > 1 {
					t.Errorf("%d offsets are restored though the rows are there", n)
				}
				r.produce("in", 1, 50, 20)
				count(70)
				if err := a.end(); err != nil {
					t.Fatalf("end: %v", err)
				}

				// Another one: everything is read.
				var other restores
				b := r.start("b", counting(t, false, nil), other.listen)
				r.running(b)
				if n := other.read(); n < 70 {
					t.Errorf("%d offsets are restored, want at least 70", n)
				}
				r.produce("in", 1, 70, 30)
				count(100)
				if err := b.end(); err != nil {
					t.Fatalf("end: %v", err)
				}
				exact(t, r.cluster.Committed(t, "out"), wanted(100, ""))
			})
		})
	}
}

func TestRowsBeyondTheChangelogAreWiped(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", counting(t, false, nil))
		r.running(a)
		r.produce("in", 1, 0, 50)
		r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 50 })
		if err := a.end(); err != nil {
			t.Fatalf("end: %v", err)
		}
		admin := kadm.NewClient(r.cluster.Client(t))
		if _, err := admin.DeleteTopic(t.Context(), "app-counts-changelog"); err != nil {
			t.Fatal(err)
		}
		a = r.start("a", counting(t, false, nil))
		r.running(a)
		r.produce("in", 1, 50, 7)
		r.until("it counts from nothing", func() bool { return len(r.cluster.Committed(t, "out")) == 57 })
		last, _ := counts(r.cluster.Committed(t, "out"))
		for key, n := range last {
			if n != 1 {
				t.Errorf("key %s has the count %d: the old rows are still there", key, n)
			}
		}
	})
}

// TestRestoreReadsPastAbortedRecords has an aborted transaction at the end of the
// changelog.
func TestRestoreReadsPastAbortedRecords(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", counting(t, false, nil, state.InMemory()), exactlyOnce)
		r.running(a)
		r.produce("in", 1, 0, 14)
		r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 14 })
		if err := a.end(); err != nil {
			t.Fatalf("end: %v", err)
		}
		cl := r.cluster.Client(t, kgo.TransactionalID("other"))
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), record("app-counts-changelog", 0, "k1", "notcount")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
			t.Fatal(err)
		}
		a = r.start("a", counting(t, false, nil, state.InMemory()), exactlyOnce)
		r.running(a)
		r.produce("in", 1, 14, 7)
		r.until("the rest is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 21 })
		exact(t, r.cluster.Committed(t, "out"), wanted(21, ""))
	})
}

func TestNotCopartitioned(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		b := streams.NewBuilder()
		streams.Stream[string, string](b, "missing").To("out")
		a := r.start("a", build(t, b))
		<-a.done
		if err := a.end(); !errors.Is(err, streams.ErrMissingSourceTopic) {
			t.Errorf("Run gave %v", err)
		}
	})
}

func TestQuerySeesCommittedRows(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 2)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", counting(t, false, nil, state.InMemory()), exactlyOnce)
		if _, err := streams.QueryKeyValue[string, int64](a.app, "counts"); !errors.Is(err, streams.ErrNotRunning) {
			t.Errorf("before it runs: %v", err)
		}
		r.running(a)
		r.produce("in", 2, 0, 70)
		r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 70 })
		view, err := streams.QueryKeyValue[string, int64](a.app, "counts")
		if err != nil {
			t.Fatal(err)
		}
		if n, ok, err := view.Get("k3"); n != 10 || !ok || err != nil {
			t.Errorf("Get gave %d, %v, %v", n, ok, err)
		}
		sum := int64(0)
		for _, n := range view.All() {
			sum += n
		}
		if err := view.Err(); sum != 70 || err != nil {
			t.Errorf("the sum is %d, %v", sum, err)
		}
		if _, err := streams.QueryKeyValue[string, string](a.app, "counts"); err == nil {
			t.Error("a store of other types is taken")
		}
		if _, err := streams.QueryKeyValue[string, int64](a.app, "none"); !errors.Is(err, streams.ErrStoreNotFound) {
			t.Errorf("an unknown store: %v", err)
		}
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		if _, _, err := view.Get("k3"); !errors.Is(err, streams.ErrStoreMoved) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// ticker sends a record at each second of the wall clock.
type ticker struct {
	ctx streams.ProcessorContext[string, string]
	n   int
}

func (p *ticker) Init(ctx streams.ProcessorContext[string, string]) error {
	p.ctx = ctx
	ctx.Schedule(time.Second, streams.WallClock, func(now time.Time) error {
		p.n++
		ctx.Forward(streams.Record[string, string]{Key: "tick", Value: fmt.Sprint(p.n), Time: now})
		return nil
	})
	return nil
}
func (p *ticker) Process(streams.Record[string, string]) error { return nil }
func (p *ticker) Close() error                                 { return nil }

func TestWallClock(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.AtLeastOnce, streams.ExactlyOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 1)
				r.cluster.Create(t, "out", 1)
				b := streams.NewBuilder()
				in := streams.Stream[string, string](b, "in")
				streams.Process(in, func() streams.Processor[string, string, string, string] { return &ticker{} }).To("out")
				a := r.start("a", build(t, b), func(c *streams.Config) { c.Guarantee = guarantee })
				r.running(a)
				time.Sleep(10*time.Second + 500*time.Millisecond)
				if err := a.end(); err != nil {
					t.Errorf("end: %v", err)
				}
				if n := len(r.cluster.Committed(t, "out")); n != 10 {
					t.Errorf("%d ticks in 10 s", n)
				}
			})
		})
	}
}
