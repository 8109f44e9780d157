package state_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"mm2/streams/state"
)

// TestLoopsSeeASnapshot writes in loops over rows of several segments.
func TestLoopsSeeASnapshot(t *testing.T) {
	minute := time.Minute.Milliseconds()
	t.Run("key-value", func(t *testing.T) {
		b := newBench(t, state.NewKeyValue[string, int]("s"))
		s := opened[state.KeyValue[string, int]](b)
		ok(t, s.Put("a", 1))
		ok(t, s.Put("c", 3))
		var got []int
		for k, v := range s.All() {
			got = append(got, v)
			ok(t, s.Put("b", 2))
			ok(t, s.Put("c", 4))
			_, _, err := s.Delete(k)
			ok(t, err)
		}
		if !slices.Equal(got, []int{1, 3}) {
			t.Errorf("got %v", got)
		}
		b.wantNoFailure()
	})
	t.Run("window", func(t *testing.T) {
		b := newBench(t, state.NewWindow[string, int]("s", 3*time.Minute, time.Second))
		s := opened[state.Window[string, int]](b)
		ok(t, s.Put("a", 1, ms(minute)))
		ok(t, s.Put("a", 3, ms(3*minute)))
		var got []int
		for at, v := range s.Fetch("a", ms(0), ms(10*minute)) {
			got = append(got, v)
			ok(t, s.Delete("a", at))
			ok(t, s.Put("a", 2, ms(2*minute)))
			ok(t, s.Put("a", 4, ms(3*minute)))
			ok(t, s.Put("a", 9, ms(9*minute))) // and all of them are too old now
		}
		if !slices.Equal(got, []int{1, 3}) {
			t.Errorf("got %v", got)
		}
		for at, v := range s.FetchAll(ms(0), ms(10*minute)) {
			if at.Key != "a" || v != 9 {
				t.Errorf("after the loop there is %v = %d", at, v)
			}
		}
		b.wantNoFailure()
	})
	t.Run("session", func(t *testing.T) {
		b := newBench(t, state.NewSession[string, int]("s", 3*time.Minute))
		s := opened[state.Session[string, int]](b)
		at := func(n int64) state.Span { return state.Span{Start: ms(n), End: ms(n)} }
		ok(t, s.Put("a", at(minute), 1))
		ok(t, s.Put("a", at(3*minute), 3))
		var got []int
		for span, v := range s.Find("a", ms(0), ms(10*minute)) {
			got = append(got, v)
			ok(t, s.Delete("a", span))
			ok(t, s.Put("a", at(2*minute), 2))
			ok(t, s.Delete("a", at(3*minute)))
		}
		if !slices.Equal(got, []int{1, 3}) {
			t.Errorf("got %v", got)
		}
		b.wantNoFailure()
	})
}

func TestLeavingALoopEndsItsScans(t *testing.T) {
	b := newBench(t, state.NewWindow[string, int]("s", 10*time.Minute, time.Second, state.Duplicates()))
	s := opened[state.Window[string, int]](b)
	for n := range int64(10) {
		ok(t, s.Put("a", int(n), ms(n*60_000)))
	}
	for range s.Fetch("a", ms(0), ms(600_000)) {
		break
	}
	for range s.FetchReverse("a", ms(0), ms(600_000)) {
		break
	}
	for range s.FetchAll(ms(0), ms(600_000)) {
		break
	}
	_, _, err := s.Get("a", ms(60_000))
	ok(t, err)
	func() {
		defer func() { _ = recover() }()
		for range s.Fetch("a", ms(0), ms(600_000)) {
			panic("in the loop")
		}
	}()
	b.wantNoFailure()
}

func TestLoopsReportErrorsAndEnd(t *testing.T) {
	b := newBench(t, state.NewWindow[string, int]("w", time.Minute, time.Second))
	w := opened[state.Window[string, int]](b)
	for n, k := range []string{"a", "b", "c"} {
		ok(t, w.Put(k, n, ms(1)))
	}
	b.rows.broken = "b"
	reported := func(loop func() int, wantRows int, want string) {
		t.Helper()
		b.failed = nil
		if n := loop(); n != wantRows {
			t.Errorf("%d rows before the error, want %d", n, wantRows)
		}
		if len(b.failed) != 1 || b.failed[0].Error() != want {
			t.Errorf("reported %v, want %q", b.failed, want)
		}
	}
	reported(func() (n int) {
		for range w.Fetch("b", ms(0), ms(9)) {
			n++
		}
		return n
	}, 0, `read store "w": the disk is broken`)
	if !errors.Is(b.failed[0], errBroken) {
		t.Error("the cause is lost")
	}
	reported(func() (n int) {
		for range w.FetchAll(ms(0), ms(9)) {
			n++
		}
		return n
	}, 0, `read store "w": the disk is broken`)

	b = newBench(t, state.NewKeyValue[string, int]("k"))
	k := opened[state.KeyValue[string, int]](b)
	ok(t, k.Put("a", 1))
	ok(t, b.rows.Put([]byte("b"), []byte("short")))
	const want = `read store "k": decode value of type int: decode int: want 8 bytes, got 5: the writer used another serializer`
	reported(func() (n int) {
		for range k.All() {
			n++
		}
		return n
	}, 1, want)
	if _, _, err := k.Get("b"); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestNilKeys(t *testing.T) {
	b := newBench(t, state.NewKeyValue[*string, int]("s"))
	s := opened[state.KeyValue[*string, int]](b)
	a, c := "a", "c"
	ok(t, s.Put(&a, 1))
	ok(t, s.Put(&c, 3))
	if err := s.Put(nil, 2); err == nil {
		t.Error("a row was put under a nil key")
	}
	if _, _, err := s.Get(nil); err == nil {
		t.Error("a row was read under a nil key")
	}
	for _, r := range []struct {
		from, to *string
		want     []int
	}{{nil, nil, []int{1, 3}}, {&c, nil, []int{3}}, {nil, &a, []int{1}}} {
		var got []int
		for _, v := range s.Range(r.from, r.to) {
			got = append(got, v)
		}
		if !slices.Equal(got, r.want) {
			t.Errorf("got %v, want %v", got, r.want)
		}
	}
	b.wantNoFailure()
}
