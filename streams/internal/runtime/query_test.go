package runtime_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/state"
)

func at(ms int64) time.Time { return time.UnixMilli(ms) }

// timed is a record with a time of its own.
func timed(topic string, partition int32, key string, ms int64) *kgo.Record {
	r := record(topic, partition, key, "v")
	r.Timestamp = at(ms)
	return r
}

// windowed counts by windows of a second, by sessions with gaps of a second, and
// reads a global table.
func windowed(t *testing.T) *streams.Topology {
	b := streams.NewBuilder()
	in := streams.Stream[string, string](b, "in").GroupByKey()
	streams.WindowedBy(in, streams.Tumbling(time.Second).WithGrace(time.Hour)).Count(streams.Store("windows")).ToStream()
	streams.SessionWindowedBy(in, streams.Session(time.Second).WithGrace(time.Hour)).Count(streams.Store("sessions")).ToStream()
	streams.GlobalTable[string, string](b, "names", streams.Store("names-store"))
	return build(t, b)
}

func TestQueryWindowsAndSessions(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 2)
		r.cluster.Create(t, "names", 1)
		r.cluster.Produce(t, record("names", 0, "k", "name"))
		a := r.start("a", windowed(t), exactlyOnce)
		r.running(a)
		r.cluster.Produce(t, timed("in", 0, "k", 100), timed("in", 0, "k", 900), timed("in", 0, "k", 1000),
			timed("in", 0, "l", 5000), timed("in", 1, "m", 100), timed("in", 1, "m", 2500))
		windows, err := streams.QueryWindow[string, state.Timestamped[int64]](a.app, "windows")
		if err != nil {
			t.Fatal(err)
		}
		sessions, err := streams.QuerySession[string, int64](a.app, "sessions")
		if err != nil {
			t.Fatal(err)
		}
		all := func() string {
			var got []string
			for k, v := range windows.All() {
				got = append(got, fmt.Sprintf("%s@%d=%d", k.Key, k.Time.UnixMilli(), v.Value))
			}
			return strings.Join(got, " ")
		}
		r.until("all is counted", func() bool { return all() == "k@0=2 k@1000=1 l@5000=1 m@0=1 m@2000=1" })
		if v, ok, err := windows.Get("m", at(2000)); v.Value != 1 || !ok || err != nil {
			t.Errorf("Get gave %v, %v, %v", v, ok, err)
		}
		var got []string
		for start, v := range windows.Fetch("k", at(0), at(1000)) {
			got = append(got, fmt.Sprintf("%d=%d", start.UnixMilli(), v.Value))
		}
		for start, v := range windows.FetchReverse("k", at(1), at(2000)) {
			got = append(got, fmt.Sprintf("%d=%d", start.UnixMilli(), v.Value))
		}
		for k := range sessions.FetchAll(at(0), at(2500)) {
			got = append(got, fmt.Sprintf("%s:%d-%d", k.Key, k.Start.UnixMilli(), k.End.UnixMilli()))
		}
		for s, v := range sessions.Find("k", at(500), at(500)) {
			got = append(got, fmt.Sprintf("%d-%d=%d", s.Start.UnixMilli(), s.End.UnixMilli(), v))
		}
		for s := range sessions.Fetch("l") {
			got = append(got, fmt.Sprint(s.Start.UnixMilli()))
		}
		n := 0
		for range sessions.All() {
			n++
		}
		if v, ok, err := sessions.Get("k", state.Span{Start: at(100), End: at(1000)}); v != 3 || !ok || err != nil {
			t.Errorf("Get gave %v, %v, %v", v, ok, err)
		}
		want := "0=2 1000=1 1000=1 k:100-1000 m:100-100 m:2500-2500 100-1000=3 5000"
		if text := strings.Join(got, " "); text != want || n != 4 || windows.Err() != nil || sessions.Err() != nil {
			t.Errorf("got %s, want %s; %d sessions; %v; %v", text, want, n, windows.Err(), sessions.Err())
		}

		one, err := streams.QueryWindow[string, state.Timestamped[int64]](a.app, "windows", streams.Partition(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := one.Get("k", at(0)); ok || err != nil {
			t.Errorf("partition 1 has k: %v, %v", ok, err)
		}
		if _, ok, err := one.Get("m", at(0)); !ok || err != nil {
			t.Errorf("partition 1 has no m: %v", err)
		}
		if _, err := streams.QueryWindow[string, state.Timestamped[int64]](a.app, "windows", streams.Partition(7)); !errors.Is(err, streams.ErrNotRunning) {
			t.Errorf("a partition that does not exist: %v", err)
		}
		names, err := streams.QueryKeyValue[string, state.Timestamped[string]](a.app, "names-store")
		if err != nil {
			t.Fatal(err)
		}
		if v, ok, err := names.Get("k"); v.Value != "name" || !ok || err != nil {
			t.Errorf("the global store gave %v, %v, %v", v, ok, err)
		}
		if _, err := streams.QueryKeyValue[string, state.Timestamped[string]](a.app, "names-store", streams.Partition(0)); err == nil {
			t.Error("a global store is read by partition")
		}
		_, err = streams.QueryKeyValue[string, int64](a.app, "windows")
		if err == nil || !strings.Contains(err.Error(), "it is a window store") {
			t.Errorf("a store of another kind: %v", err)
		}
		_, err = streams.QueryKeyValue[string, int64](a.app, "none")
		if !errors.Is(err, streams.ErrStoreNotFound) || !strings.Contains(err.Error(), "it has names-store, sessions, windows") {
			t.Errorf("an unknown store: %v", err)
		}
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		for range windows.All() {
			t.Error("there are windows after the end")
		}
		if err := windows.Err(); !errors.Is(err, streams.ErrStoreMoved) || !errors.Is(err, streams.ErrNotRunning) {
			t.Errorf("after the end: %v", err)
		}
		if _, _, err := names.Get("k"); !errors.Is(err, streams.ErrStoreMoved) {
			t.Errorf("the global store after the end: %v", err)
		}
	})
}

// TestQueryWhileRestoring holds a restore up in the middle.
func TestQueryWhileRestoring(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 2)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", counting(t, false, nil))
		r.running(a)
		r.produce("in", 2, 0, 70)
		r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 70 })
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		held, release := make(chan struct{}, 2), make(chan struct{})
		b := r.start("b", counting(t, false, nil), func(c *streams.Config) {
			c.RestoreListener.Batch = func(streams.Restore) {
				held <- struct{}{}
				<-release
			}
		})
		<-held
		if _, err := streams.QueryKeyValue[string, int64](b.app, "counts"); !errors.Is(err, streams.ErrNotRunning) || !strings.Contains(err.Error(), "restored") {
			t.Errorf("while it restores: %v", err)
		}
		stale, err := streams.QueryKeyValue[string, int64](b.app, "counts", streams.AllowStale())
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, n := range stale.All() {
			sum += n
		}
		if sum == 0 || stale.Err() != nil {
			t.Errorf("stale copies have %d, %v", sum, stale.Err())
		}
		close(release)
		r.running(b)
		view, err := streams.QueryKeyValue[string, int64](b.app, "counts")
		if err != nil {
			t.Fatal(err)
		}
		if n, ok, err := view.Get("k3"); n != 10 || !ok || err != nil {
			t.Errorf("Get gave %d, %v, %v", n, ok, err)
		}
		if err := b.end(); err != nil {
			t.Errorf("end: %v", err)
		}
	})
}

// TestQueryWhileTasksMove reads all the time while tasks commit, and go to another
// instance and back. The counts of a record's two rows are written together, so
// nobody may see them differ.
func TestQueryWhileTasksMove(t *testing.T) {
	for _, memory := range []bool{false, true} {
		t.Run(fmt.Sprint("memory=", memory), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 4)
				r.cluster.Create(t, "out", 1)
				var opts []state.Option
				if memory {
					opts = append(opts, state.InMemory())
				}
				a := r.start("a", twice(t, opts...), exactlyOnce)
				r.running(a)
				view, err := streams.QueryKeyValue[string, int64](a.app, "counts")
				if err != nil {
					t.Fatal(err)
				}
				var stop atomic.Bool
				var whole, broken int
				read := make(chan struct{})
				go func() {
					defer close(read)
					for !stop.Load() {
						seen := make(map[string]int64)
						for k, n := range view.All() {
							seen[k] = n
							time.Sleep(5 * time.Millisecond) // a task may go meanwhile
						}
						err := view.Err()
						switch {
						case errors.Is(err, streams.ErrStoreMoved):
							broken++
						case err != nil:
							t.Errorf("read: %v", err)
						default:
							whole++
						}
						for k, n := range seen {
							if k, one := strings.CutSuffix(k, "/1"); one && seen[k+"/2"] != n && err == nil {
								t.Errorf("key %s has the counts %d and %d", k, n, seen[k+"/2"])
							}
						}
						time.Sleep(3 * time.Millisecond)
					}
				}()
				for i := range 4 {
					r.produce("in", 4, i*100, 50)
					b := r.start("b", twice(t, opts...), exactlyOnce)
					r.running(a, b)
					r.produce("in", 4, i*100+50, 50)
					r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == i*100+100 })
					if err := b.end(); err != nil {
						t.Errorf("end b: %v", err)
					}
					r.running(a)
				}
				stop.Store(true)
				<-read
				if err := a.end(); err != nil {
					t.Errorf("end a: %v", err)
				}
				if whole == 0 || broken == 0 {
					t.Errorf("%d reads were whole and %d saw tasks move", whole, broken)
				}
			})
		})
	}
}

// twice writes each count to two rows.
func twice(t *testing.T, opts ...state.Option) *streams.Topology {
	b := streams.NewBuilder()
	b.AddStateStore(state.NewKeyValue[string, int64]("counts", opts...))
	streams.Process(streams.Stream[string, string](b, "in"), func() streams.Processor[string, string, string, int64] { return &doubler{} }, streams.Connect("counts")).To("out")
	return build(t, b)
}

type doubler struct{ counter }

func (d *doubler) Process(r streams.Record[string, string]) error {
	key := r.Key
	r.Key = key + "/1"
	n, _, err := d.store.Get(r.Key)
	if err != nil {
		return err
	}
	if err := d.store.Put(key+"/2", n+1); err != nil {
		return err
	}
	return d.counter.Process(r)
}
