package streams_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
)

// What was late stays late after a restart, and what was given is not given again;
// what was not committed is.
func TestWindowsOverRestart(t *testing.T) {
	for name, build := range map[string]func(b *streams.Builder, opts ...streams.Option){
		"tumbling": func(b *streams.Builder, opts ...streams.Option) {
			g := streams.WindowedBy(plainInput(b), streams.Tumbling(10*ms))
			streams.AggregateWindow(g, empty, joined, opts...).ToStream().To("output")
		},
		"sliding": func(b *streams.Builder, opts ...streams.Option) {
			g := streams.WindowedBy(plainInput(b), streams.Sliding(10*ms))
			streams.AggregateWindow(g, empty, joined, opts...).ToStream().To("output")
		},
		"session": func(b *streams.Builder, opts ...streams.Option) {
			g := streams.SessionWindowedBy(plainInput(b), streams.Session(10*ms))
			streams.AggregateSession(g, empty, joined, merged, opts...).ToStream().To("output")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, 0, func(b *streams.Builder) { build(b) })
			r.pipe("k", "a", 100)
			r.commit()
			r.restart()
			if sent := r.pipe("k", "late", 50); len(sent) != 0 || r.dropped["late"] != 1 {
				t.Errorf("a late record gave %d results, and %v were dropped", len(sent), r.dropped)
			}
		})
		t.Run(name+" on close", func(t *testing.T) {
			r := run(t, 0, func(b *streams.Builder) { build(b, streams.EmitOnClose()) })
			r.pipe("k", "a", 100)
			if sent := r.pipe("k", "b", 200); len(sent) != 1 {
				t.Fatalf("%d results at the close, want 1", len(sent))
			}
			r.restart() // nothing was committed
			r.offset = 1
			if sent := r.pipe("k", "b", 200); len(sent) != 1 {
				t.Fatalf("%d results at the close, again from the start, want 1", len(sent))
			}
			r.commit()
			r.restart()
			if sent := r.pipe("k", "c", 200); len(sent) != 0 {
				t.Errorf("%d results after a restart, which were given before", len(sent))
			}
			if sent := r.pipe("k", "d", 300); len(sent) == 0 {
				t.Error("no results of what was closed after the restart")
			}
		})
	}
}

// The values that go with the offsets, by Kafka's name.
func TestWindowsKeepCloseTime(t *testing.T) {
	r := run(t, 0, countOnClose)
	r.pipe("a", "1", 0)
	r.pipe("a", "1", 15)
	r.commit()
	want := map[string]int64{"w": 13, "w-stream-time": 15}
	if diff := cmp.Diff(want, r.committed.Kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// Closed windows are looked for once in a while only, but for when the store
// would not show them any more. A clock that is set back does no harm.
func TestWindowsOnCloseThrottle(t *testing.T) {
	steps := []struct {
		name   string
		at     int64
		passed time.Duration
		want   int
	}{
		{"the first look", 0, 0, 0},
		{"closes, and is the first look", 12, 0, 1},
		{"closes too early after it", 22, 500 * ms, 0},
		{"has nothing new", 23, 500 * ms, 1},
		{"closes too early again", 32, 0, 0},
		{"would have the store hide it", 70_000, 0, 2},
		{"closes", 70_012, 2 * time.Second, 1},
		{"closes with the clock set back", 70_022, -time.Hour, 1},
	}
	r := run(t, time.Second, countOnClose)
	r.now = time.UnixMilli(1e12)
	for _, s := range steps {
		r.now = r.now.Add(s.passed)
		if sent := r.pipe("k", "v", s.at); len(sent) != s.want {
			t.Errorf("%s: %d results, want %d", s.name, len(sent), s.want)
		}
	}
}
