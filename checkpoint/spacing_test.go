package checkpoint

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// step is one record and whether it is due.
type step struct {
	up, down int64
	due      bool
}

func checkSteps(t *testing.T, rule spacingRule, steps []step) {
	t.Helper()
	s := newSpacing()
	for i, st := range steps {
		due, rest, left := s.segment(st.up, st.down, 1, rule)
		if (due.n == 1) != st.due || left == st.due {
			t.Errorf("record %d, (%d,%d): due %t, left %t; want due %t", i, st.up, st.down, due.n == 1, left, st.due)
		}
		if last := (offsetPair{st.up, st.down}); left && rest != last || !left && due.at(due.n-1) != last {
			t.Errorf("record %d: rest %v, due %v", i, rest, due)
		}
	}
}

// TestMirrorSourceTaskTest are the cases of Java's MirrorSourceTaskTest about
// offset syncs. The others are about records, which package replicator moves.
func TestMirrorSourceTaskTest(t *testing.T) {
	t.Run("testOffsetSync", func(t *testing.T) {
		checkSteps(t, spacingRule{lagMax: 50, gaps: true}, []step{
			{0, 100, true},
			{2, 102, true}, // upstream gap
			{3, 152, false},
			{4, 153, true},
			{5, 154, false},
			{6, 203, false},
			{7, 204, true},
			{2, 206, true}, // upstream reset
			{3, 207, false},
			{4, 3, true}, // downstream reset
			{5, 4, false},
		})
	})
	t.Run("testZeroOffsetSync", func(t *testing.T) {
		checkSteps(t, spacingRule{gaps: true}, []step{
			{0, 100, true},
			{2, 102, true},
			{3, 153, true},
			{4, 154, true},
			{5, 155, true},
			{6, 207, true},
			{2, 208, true},
			{3, 209, true},
			{4, 3, true},
			{5, 4, true},
		})
	})
}

func TestSpacingWithoutGaps(t *testing.T) {
	checkSteps(t, spacingRule{lagMax: 50}, []step{
		{0, 100, true},
		{2, 102, false}, // the translation lags two records, whatever the gap
		{90, 150, false},
		{92, 151, true}, // 50 records behind the last sync
		{92, 152, true}, // upstream reset
		{94, 60, true},  // downstream reset
		{95, 60, false},
	})
}

func TestSpacingAtTheLimits(t *testing.T) {
	s := newSpacing()
	rule := spacingRule{lagMax: maxLag, gaps: true}
	due, rest, left := s.segment(0, 0, math.MaxInt64/2, rule)
	if due.n != 1 || !left || rest.up != math.MaxInt64/2-1 {
		t.Errorf("first: %v, %v, %t", due, rest, left)
	}
	s = newSpacing()
	due, _, left = s.segment(0, 5, 1<<40, spacingRule{gaps: true})
	if due.n != 1<<40 || left {
		t.Errorf("without a lag: %v, %t", due, left)
	}
}

// A segment gives what its records give one by one.
func TestSegmentsAreTheirRecords(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 3000 {
		rule := spacingRule{lagMax: random.Int64N(20) * random.Int64N(2), gaps: random.IntN(2) == 0}
		whole, single := newSpacing(), newSpacing()
		up, down := random.Int64N(3), random.Int64N(3)
		for range 10 {
			n := 1 + random.Int64N(60)
			var want []offsetPair
			var wantRest *offsetPair
			for i := range n {
				due, rest, left := single.segment(up+i, down+i, 1, rule)
				if left {
					wantRest = &rest
					continue
				}
				want, wantRest = append(want, due.at(0)), nil
			}
			due, rest, left := whole.segment(up, down, n, rule)
			var got []offsetPair
			for i := range due.n {
				got = append(got, due.at(i))
			}
			if !slices.Equal(got, want) || left != (wantRest != nil) || left && rest != *wantRest || whole != single {
				t.Fatalf("round %d, %d records at (%d,%d), rule %+v:\n got %v, rest %v %t\nwant %v, rest %v", round, n, up, down, rule, got, rest, left, want, wantRest)
			}
			up += n + random.Int64N(3)*random.Int64N(3) - random.Int64N(2)*random.Int64N(100)*random.Int64N(2)
			down += n + random.Int64N(3) - random.Int64N(2)*random.Int64N(100)*random.Int64N(2)
			up, down = max(up, 0), max(down, 0)
		}
	}
}

// However the newest sync comes to the store, a store that saw only what the
// backlog kept translates nearly as well as one that saw everything.
func TestThinnedBacklogKeepsWhatTheStoreKeeps(t *testing.T) {
	const lag, records = 100, 1_000_000
	s := newSpacing()
	due, _, _ := s.segment(0, 0, records, spacingRule{lagMax: lag, gaps: true})
	all, some := NewSyncStore(SyncStoreConfig{}), NewSyncStore(SyncStoreConfig{})
	add := func(to *SyncStore, o offsetPair) { to.Add(OffsetSync{Upstream: o.up, Downstream: o.down}) }
	for i := range due.n {
		add(all, due.at(i))
	}
	add(some, offsetPair{})
	var b backlog
	b.add(due)
	for _, o := range b {
		add(some, o)
	}
	if len(b) > maxBacklog || b[len(b)-1] != due.at(due.n-1) {
		t.Fatalf("backlog %v of %v", b, due)
	}
	all.Loaded()
	some.Loaded()
	for position := int64(0); position < records; position += 777 {
		best, _ := all.Translate(OffsetSync{}.Source(), position)
		got, _ := some.Translate(OffsetSync{}.Source(), position)
		if behind := records - position; got < best-behind || got > position {
			t.Errorf("%d (%d from the end) -> %d, the whole history gives %d", position, behind, got, best)
		}
	}
}

func TestBacklog(t *testing.T) {
	var b backlog
	b.add(dueSyncs{})
	b.add(dueSyncs{up: 10, down: 20, step: 1, n: 3})
	b.add(dueSyncs{up: 20, down: 30, step: 1, n: 1})
	if want := (backlog{{10, 20}, {11, 21}, {12, 22}, {20, 30}}); !slices.Equal(b, want) {
		t.Errorf("got %v, want %v", b, want)
	}
	b.add(dueSyncs{up: 20, down: 31, step: 1, n: 2}) // a rewind
	if want := (backlog{{20, 31}, {21, 32}}); !slices.Equal(b, want) {
		t.Errorf("after a rewind: %v, want %v", b, want)
	}
	for i := range int64(1000) {
		b.add(dueSyncs{up: 30 + i, down: 40 + i, step: 1, n: 1})
		if len(b) > maxBacklog || b[len(b)-1].up != 30+i || !slices.IsSortedFunc(b, func(x, y offsetPair) int { return int(x.up - y.up) }) {
			t.Fatalf("after %d: %v", i, b)
		}
	}
}
