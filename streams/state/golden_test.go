package state_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mm2/streams/state"
)

// The changelog records in this file are what Kafka Streams 4.3.1 wrote in the
// cases that the tests are named for.

type counts = state.KeyValue[string, state.Timestamped[int64]]

func stamp[V any](v V, at int64) state.Timestamped[V] {
	return state.Timestamped[V]{Value: v, Time: ms(at)}
}

func TestGoldenCountByKey(t *testing.T) {
	b := newBench(t, state.NewTimestampedKeyValue[string, int64]("counts"))
	s := opened[counts](b)
	b.now = 5 // a record that is older than the row: the row keeps the later time
	ok(t, s.Put("a", stamp(int64(2), 10)))
	b.now = 7
	ok(t, s.Put("b", stamp(int64(1), 7)))
	b.wantLog("61=0000000000000002@10", "62=0000000000000001@7")
}

func TestGoldenAggregateToNull(t *testing.T) {
	b := newBench(t, state.NewTimestampedKeyValue[string, *string]("agg"))
	s := opened[state.KeyValue[string, state.Timestamped[*string]]](b)
	one, three := "[1][2]", "[3]"
	b.now = 20
	ok(t, s.Put("a", stamp(&one, 20)))
	b.now = 15 // "reset": the aggregator returns null
	ok(t, s.Put("a", stamp[*string](nil, 20)))
	b.now = 5
	ok(t, s.Put("a", stamp(&three, 5)))
	b.wantLog("61=5b315d5b325d@20", "61=null@15", "61=5b335d@5")
}

func TestGoldenTableGroupBy(t *testing.T) {
	b := newBench(t, state.NewTimestampedKeyValue[string, string]("t"))
	s := opened[state.KeyValue[string, state.Timestamped[string]]](b)
	ok(t, s.Put("k2", stamp("g:2", 2)))
	for _, now := range []int64{5, 6} { // the second deletion finds no row
		b.now = now
		_, present, err := s.Delete("k2")
		ok(t, err)
		if present != (now == 5) {
			t.Errorf("at %d present is %v", now, present)
		}
	}
	b.wantLog("6b32=673a32@2", "6b32=null@5", "6b32=null@6")
}

func TestGoldenTumblingCount(t *testing.T) {
	b := newBench(t, state.NewTimestampedWindow[string, int64]("w", 15*time.Millisecond, 10*time.Millisecond))
	s := opened[state.Window[string, state.Timestamped[int64]]](b)
	puts := []struct {
		now   int64
		key   string
		start int64
		count int64
		at    int64
	}{
		{0, "a", 0, 1, 0},
		{9, "a", 0, 2, 9},
		{10, "a", 10, 1, 10},
		{3, "a", 0, 3, 9},
		{14, "b", 10, 1, 14},
		{5, "a", 0, 4, 9},
		{15, "b", 10, 2, 15},
		{25, "b", 20, 1, 25},
	}
	for _, p := range puts {
		b.now = p.now
		ok(t, s.Put(p.key, stamp(p.count, p.at), ms(p.start)))
	}
	b.wantLog(
		"61000000000000000000000000=0000000000000001@0",
		"61000000000000000000000000=0000000000000002@9",
		"61000000000000000a00000000=0000000000000001@10",
		"61000000000000000000000000=0000000000000003@9",
		"62000000000000000a00000000=0000000000000001@14",
		"61000000000000000000000000=0000000000000004@9",
		"62000000000000000a00000000=0000000000000002@15",
		"62000000000000001400000000=0000000000000001@25",
	)
	// At the end the first window is hidden: its start is 20 before the newest.
	var left []string
	for at, v := range s.FetchAll(ms(0), ms(100)) {
		left = append(left, fmt.Sprintf("%s %d=%d@%d", at.Key, at.Time.UnixMilli(), v.Value, v.Time.UnixMilli()))
	}
	if want := []string{"a 10=1@10", "b 10=2@15", "b 20=1@25"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

func TestGoldenSlidingCount(t *testing.T) {
	b := newBench(t, state.NewTimestampedWindow[string, string]("s", 80*time.Millisecond, 10*time.Millisecond))
	s := opened[state.Window[string, state.Timestamped[string]]](b)
	ok(t, s.Put("a", stamp("A", 20), ms(10)))
	ok(t, s.Put("a", stamp("B", 25), ms(21)))
	ok(t, s.Put("a", stamp("AB", 25), ms(15)))
	b.wantLog(
		"61000000000000000a00000000=41@20",
		"61000000000000001500000000=42@25",
		"61000000000000000f00000000=4142@25",
	)
}

func TestGoldenSessionCount(t *testing.T) {
	b := newBench(t, state.NewSession[string, int64]("s", 15*time.Millisecond))
	s := opened[state.Session[string, int64]](b)
	at := func(start, end int64) state.Span { return state.Span{Start: ms(start), End: ms(end)} }
	b.now = 0
	ok(t, s.Put("a", at(0, 0), 1))
	b.now = 10 // merges
	ok(t, s.Delete("a", at(0, 0)))
	ok(t, s.Put("a", at(0, 10), 2))
	b.now = 25
	ok(t, s.Put("a", at(25, 25), 1))
	b.now = 18 // the time in the changelog is the record's, not the session's end
	ok(t, s.Delete("a", at(25, 25)))
	ok(t, s.Put("a", at(18, 25), 2))
	b.now = 60
	ok(t, s.Put("a", at(60, 60), 1))
	b.now = 45 // just in time for the operator
	ok(t, s.Put("a", at(45, 45), 1))
	b.wantLog(
		"6100000000000000000000000000000000=0000000000000001@0",
		"6100000000000000000000000000000000=null@10",
		"61000000000000000a0000000000000000=0000000000000002@10",
		"6100000000000000190000000000000019=0000000000000001@25",
		"6100000000000000190000000000000019=null@18",
		"6100000000000000190000000000000012=0000000000000002@18",
		"61000000000000003c000000000000003c=0000000000000001@60",
		"61000000000000002d000000000000002d=0000000000000001@45",
	)
	if v, present, err := s.Get("a", at(45, 45)); v != 1 || !present || err != nil {
		t.Errorf("the session that was just in time is %d, %v, %v", v, present, err)
	}
	if b.dropped != 0 {
		t.Errorf("%d dropped", b.dropped)
	}
}

// TestGoldenStreamJoin has both window stores of an inner join of 10 ms each way
// with a grace of 5 ms.
func TestGoldenStreamJoin(t *testing.T) {
	declare := func() *bench {
		return newBench(t, state.NewWindow[string, *string]("j", 25*time.Millisecond, 20*time.Millisecond, state.Duplicates()))
	}
	left, right := declare(), declare()
	l, r := opened[state.Window[string, *string]](left), opened[state.Window[string, *string]](right)
	put := func(b *bench, s state.Window[string, *string], at int64, key, value string) {
		t.Helper()
		b.now = at
		v := &value
		if value == "" {
			v = nil
		}
		ok(t, s.Put(key, v, ms(at)))
	}
	put(left, l, 0, "a", "l0")
	put(right, r, 5, "a", "r5")
	put(right, r, 10, "a", "r10")
	put(left, l, 0, "a", "l0b")
	put(left, l, 20, "b", "lb20")
	put(left, l, 22, "a", "") // a null takes up a number
	put(left, l, 35, "z", "tick35")
	put(left, l, 36, "z", "tick36")
	put(left, l, 5, "q", "lq-old") // too old to be kept, in the changelog all the same
	put(left, l, 100, "z", "l100")
	left.wantLog(
		"61000000000000000000000001=6c30@0",
		"61000000000000000000000002=6c3062@0",
		"62000000000000001400000003=6c623230@20",
		"61000000000000001600000004=null@22",
		"7a000000000000002300000005=7469636b3335@35",
		"7a000000000000002400000006=7469636b3336@36",
		"71000000000000000500000007=6c712d6f6c64@5",
		"7a000000000000006400000008=6c313030@100",
	)
	right.wantLog("61000000000000000500000001=7235@5", "61000000000000000a00000002=723130@10")
	if left.dropped != 1 {
		t.Errorf("%d dropped, want 1", left.dropped)
	}
}
