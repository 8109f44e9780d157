package state_test

import (
	"testing"
	"time"

	"mm2/streams/state"
)

func TestWindowIsVisibleUntilRetentionPassed(t *testing.T) {
	b := newBench(t, state.NewWindow[string, int]("s", 100*time.Millisecond, 10*time.Millisecond))
	s := opened[state.Window[string, int]](b)
	if _, put := s.(state.Observer).Observed(); put {
		t.Error("something was observed before the first put")
	}
	present := func() bool {
		t.Helper()
		_, present, err := s.Get("a", ms(50))
		ok(t, err)
		n := 0
		for range s.Fetch("a", ms(50), ms(50)) {
			n++
		}
		for range s.FetchAll(ms(50), ms(50)) {
			n++
		}
		if n != 0 && n != 2 || present != (n == 2) {
			t.Errorf("Get %v, but Fetch and FetchAll have %d", present, n)
		}
		return present
	}
	ok(t, s.Put("a", 1, ms(50)))
	ok(t, s.Put("b", 1, ms(149)))
	if !present() {
		t.Error("hidden 99 ms after it was put")
	}
	ok(t, s.Delete("b", ms(500))) // a deletion is no put
	if !present() {
		t.Error("hidden by a deletion")
	}
	ok(t, s.Put("b", 1, ms(150)))
	if present() {
		t.Error("visible at its retention")
	}
	ok(t, s.Put("a", 2, ms(50)))
	if present() || b.dropped != 1 {
		t.Errorf("a row that is too old was put; %d dropped", b.dropped)
	}
	ok(t, s.Put("a", 2, ms(51)))
	if b.dropped != 1 {
		t.Error("a row that is just in time was dropped")
	}
	if at, _ := s.(state.Observer).Observed(); at.UnixMilli() != 150 {
		t.Errorf("observed %v", at)
	}
}

func TestSessionIsVisibleAtItsRetention(t *testing.T) {
	b := newBench(t, state.NewSession[string, int]("s", 100*time.Millisecond))
	s := opened[state.Session[string, int]](b)
	at := state.Span{Start: ms(10), End: ms(50)}
	present := func() bool {
		t.Helper()
		_, present, err := s.Get("a", at)
		ok(t, err)
		n := 0
		for range s.Fetch("a") {
			n++
		}
		if present != (n == 1) {
			t.Errorf("Get %v, but Fetch has %d", present, n)
		}
		return present
	}
	ok(t, s.Put("a", at, 1))
	ok(t, s.Put("b", state.Span{Start: ms(150), End: ms(150)}, 1))
	if !present() {
		t.Error("hidden at its retention")
	}
	ok(t, s.Put("a", at, 2))
	if b.dropped != 0 {
		t.Error("dropped at its retention")
	}
	ok(t, s.Put("b", state.Span{Start: ms(151), End: ms(151)}, 1))
	if present() {
		t.Error("visible after its retention")
	}
	ok(t, s.Put("a", at, 3))
	if present() || b.dropped != 1 {
		t.Errorf("a session that is too old was put; %d dropped", b.dropped)
	}
}

// TestOldSegmentsAreDeleted counts rows, which the segments and one more are.
func TestOldSegmentsAreDeleted(t *testing.T) {
	b := newBench(t, state.NewWindow[string, int]("s", 10*time.Minute, time.Second))
	s := opened[state.Window[string, int]](b)
	most := 0
	for minute := range int64(100) {
		ok(t, s.Put("a", 1, ms(minute*60_000)))
		most = max(most, len(b.rows.m))
	}
	// 10 visible ones, up to 5 in the oldest segment, and what is observed.
	if most > 16 {
		t.Errorf("there were up to %d rows", most)
	}
	b.restore()
	if n := len(b.rows.m); n > 16 {
		t.Errorf("%d rows were restored", n)
	}
}

// TestClosedWindowsCanBeReadBeforeThePut is what a final result relies on: a
// record far ahead hides what it closes, but not before it is put.
func TestClosedWindowsCanBeReadBeforeThePut(t *testing.T) {
	b := newBench(t, state.NewWindow[string, int]("s", 12*time.Millisecond, 10*time.Millisecond))
	s := opened[state.Window[string, int]](b)
	ok(t, s.Put("c", 1, ms(20)))
	seen := 0
	for range s.FetchAll(ms(0), ms(50-12)) {
		seen++
	}
	ok(t, s.Put("c", 1, ms(50)))
	for range s.FetchAll(ms(0), ms(50-12)) {
		seen++
	}
	if seen != 1 {
		t.Errorf("the closed window was seen %d times, want once", seen)
	}
}

func TestTimesOutsideOfKafkas(t *testing.T) {
	b := newBench(t, state.NewWindow[string, int]("w", time.Second, time.Millisecond))
	w := opened[state.Window[string, int]](b)
	if err := w.Put("a", 1, time.Time{}); err == nil {
		t.Error("a window of the year 1 was put")
	}
	if _, present, err := w.Get("a", time.Time{}); present || err != nil {
		t.Errorf("got %v, %v", present, err)
	}
	b = newBench(t, state.NewSession[string, int]("s", time.Second))
	s := opened[state.Session[string, int]](b)
	for _, span := range []state.Span{{Start: ms(-1), End: ms(1)}, {Start: ms(2), End: ms(1)}} {
		if err := s.Put("a", span, 1); err == nil {
			t.Errorf("%v was put", span)
		}
		if err := s.Delete("a", span); err == nil {
			t.Errorf("%v was deleted", span)
		}
	}
	b = newBench(t, state.NewTimestampedKeyValue[string, int]("k"))
	k := opened[state.KeyValue[string, state.Timestamped[int]]](b)
	if err := k.Put("a", state.Timestamped[int]{Value: 1}); err == nil {
		t.Error("a row without a time was put")
	}
}
