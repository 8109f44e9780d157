package state_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mm2/streams/state"
)

type windowRow struct {
	key   string
	start int64
	held
}

type windowSubject[W any] struct {
	values[W]
	t          *testing.T
	b          *bench
	duplicates bool
	store      state.Window[string, W]
	model      []windowRow // in the order of puts
	observed   int64
	began      bool
	dropped    int
}

func (s *windowSubject[W]) open(b *bench) {
	if !s.began {
		s.observed, s.began = -1, true
	}
	s.b = b
	s.store = opened[state.Window[string, W]](b)
}

func (s *windowSubject[W]) step(r *rand.Rand) {
	k, v, at, start := anyKey(r), anyValue(r), r.Int64N(1000), clock(r, max(0, s.observed))
	if r.IntN(6) == 0 {
		ok(s.t, s.store.Delete(k, ms(start)))
		s.remove(k, start)
		return
	}
	ok(s.t, s.store.Put(k, s.of(v, at), ms(start)))
	switch {
	case v == nil && s.duplicates:
		return
	case v == nil:
		s.remove(k, start)
		return
	}
	s.observed = max(s.observed, start)
	if start <= s.observed-span {
		s.dropped++
		return
	}
	if !s.duplicates {
		s.remove(k, start)
	}
	s.model = append(s.model, windowRow{k, start, held{v, at}})
}

func (s *windowSubject[W]) remove(k string, start int64) {
	s.model = slices.DeleteFunc(s.model, func(r windowRow) bool { return r.key == k && r.start == start })
}

// visible are the rows of the model that the store shows, by start, then by key.
func (s *windowSubject[W]) visible() []windowRow {
	s.model = slices.DeleteFunc(s.model, func(r windowRow) bool { return r.start <= s.observed-span })
	out := slices.Clone(s.model)
	slices.SortStableFunc(out, func(a, b windowRow) int {
		return cmp.Or(cmp.Compare(a.start, b.start), byKey(a.key, b.key))
	})
	return out
}

// ranges are what got and want read.
func (s *windowSubject[W]) ranges() [][2]int64 {
	o := s.observed
	return [][2]int64{
		{-1 << 62, 1 << 62}, {0, o}, {o - span, o - span/2}, {o - 75_000, o - 75_000}, {o - 100_000, o - 20_000}, {o, o - 1},
	}
}

func (s *windowSubject[W]) got() string {
	var out strings.Builder
	for _, r := range s.ranges() {
		fmt.Fprintf(&out, "\n%v", r)
		for at, v := range s.store.FetchAll(ms(r[0]), ms(r[1])) {
			fmt.Fprintf(&out, " %q %d=%s", at.Key, at.Time.UnixMilli(), s.read(v))
		}
		for _, k := range keys {
			fmt.Fprintf(&out, "\n%v %q", r, k)
			for at, v := range s.store.Fetch(k, ms(r[0]), ms(r[1])) {
				fmt.Fprintf(&out, " %d=%s", at.UnixMilli(), s.read(v))
			}
			out.WriteString(" reverse")
			for at, v := range s.store.FetchReverse(k, ms(r[0]), ms(r[1])) {
				fmt.Fprintf(&out, " %d=%s", at.UnixMilli(), s.read(v))
			}
		}
	}
	for _, row := range s.visible() {
		v, present, err := s.store.Get(row.key, ms(row.start))
		if !present || err != nil {
			fmt.Fprintf(&out, "\nget %q %d: %v, %v", row.key, row.start, present, err)
			continue
		}
		fmt.Fprintf(&out, "\nget %q %d %s", row.key, row.start, s.read(v))
	}
	return fmt.Sprintf("observed %d, dropped %d%s", observed(s.store), s.b.dropped, out.String())
}

func (s *windowSubject[W]) want() string {
	var out strings.Builder
	visible := s.visible()
	for _, r := range s.ranges() {
		fmt.Fprintf(&out, "\n%v", r)
		for _, row := range visible {
			if row.start >= r[0] && row.start <= r[1] {
				fmt.Fprintf(&out, " %q %d=%s", row.key, row.start, s.show(row.value, row.at))
			}
		}
		for _, k := range keys {
			var lines []string
			for _, row := range visible {
				if row.key == k && row.start >= r[0] && row.start <= r[1] {
					lines = append(lines, fmt.Sprintf(" %d=%s", row.start, s.show(row.value, row.at)))
				}
			}
			fmt.Fprintf(&out, "\n%v %q%s reverse", r, k, strings.Join(lines, ""))
			slices.Reverse(lines)
			out.WriteString(strings.Join(lines, ""))
		}
	}
	for _, row := range visible {
		first := visible[slices.IndexFunc(visible, func(o windowRow) bool { return o.key == row.key && o.start == row.start })]
		fmt.Fprintf(&out, "\nget %q %d %s", row.key, row.start, s.show(first.value, first.at))
	}
	return fmt.Sprintf("observed %d, dropped %d%s", s.observed, s.dropped, out.String())
}

func TestWindowsFarInTheFutureAreWithinReach(t *testing.T) {
	b := newBench(t, state.NewWindow[string, string]("s", retention, time.Second))
	s := opened[state.Window[string, string]](b)
	ok(t, s.Put("a", "v", ms(5)))
	n := 0
	for range s.Fetch("a", time.Unix(-1<<60, 0), time.Unix(1<<60, 0)) {
		n++
	}
	if n != 1 {
		t.Fatalf("%d windows, want 1", n)
	}
}
