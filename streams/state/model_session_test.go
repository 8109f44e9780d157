package state_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mm2/streams/state"
)

type sessionRow struct {
	key        string
	start, end int64
	value      string
}

type sessionSubject struct {
	t        *testing.T
	b        *bench
	store    state.Session[string, *string]
	model    []sessionRow
	observed int64
	dropped  int
}

func (s *sessionSubject) open(b *bench) {
	if s.b == nil {
		s.observed = -1
	}
	s.b = b
	s.store = opened[state.Session[string, *string]](b)
}

func (s *sessionSubject) step(r *rand.Rand) {
	k, v, end := anyKey(r), anyValue(r), clock(r, max(0, s.observed))
	start := max(0, end-r.Int64N(3)*1000)
	if len(s.model) > 0 && r.IntN(3) == 0 { // one that is there
		row := s.model[r.IntN(len(s.model))]
		k, start, end = row.key, row.start, row.end
	}
	at := state.Span{Start: ms(start), End: ms(end)}
	same := func(o sessionRow) bool { return o.key == k && o.start == start && o.end == end }
	if r.IntN(6) == 0 {
		ok(s.t, s.store.Delete(k, at))
		s.model = slices.DeleteFunc(s.model, same)
		return
	}
	ok(s.t, s.store.Put(k, at, v))
	if v == nil {
		s.model = slices.DeleteFunc(s.model, same)
		return
	}
	s.observed = max(s.observed, end)
	if end < s.observed-span {
		s.dropped++
		return
	}
	s.model = append(slices.DeleteFunc(s.model, same), sessionRow{k, start, end, *v})
}

func (s *sessionSubject) visible() []sessionRow {
	s.model = slices.DeleteFunc(s.model, func(r sessionRow) bool { return r.end < s.observed-span })
	return slices.SortedFunc(slices.Values(s.model), func(a, b sessionRow) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start), byKey(a.key, b.key))
	})
}

func (s *sessionSubject) ranges() [][2]int64 {
	o := s.observed
	return [][2]int64{{-1 << 62, 1 << 62}, {o - span, o - span}, {o - 90_000, o - 20_000}, {o - 10_000, o - 80_000}, {o, o}}
}

func (s *sessionSubject) got() string {
	var out strings.Builder
	for _, r := range s.ranges() {
		fmt.Fprintf(&out, "\n%v", r)
		for at, v := range s.store.FetchAll(ms(r[0]), ms(r[1])) {
			fmt.Fprintf(&out, " %q %d-%d=%s", at.Key, at.Start.UnixMilli(), at.End.UnixMilli(), *v)
		}
		for _, k := range keys {
			fmt.Fprintf(&out, "\n%v %q", r, k)
			for at, v := range s.store.Find(k, ms(r[0]), ms(r[1])) {
				fmt.Fprintf(&out, " %d-%d=%s", at.Start.UnixMilli(), at.End.UnixMilli(), *v)
			}
		}
	}
	for _, k := range keys {
		fmt.Fprintf(&out, "\n%q", k)
		for at, v := range s.store.Fetch(k) {
			again, present, err := s.store.Get(k, at)
			ok(s.t, err)
			fmt.Fprintf(&out, " %d-%d=%s,%v,%s", at.Start.UnixMilli(), at.End.UnixMilli(), *v, present, *again)
		}
	}
	return fmt.Sprintf("observed %d, dropped %d%s", observed(s.store), s.b.dropped, out.String())
}

func (s *sessionSubject) want() string {
	var out strings.Builder
	visible := s.visible()
	for _, r := range s.ranges() {
		fmt.Fprintf(&out, "\n%v", r)
		for _, row := range visible {
			if row.end >= r[0] && row.end <= r[1] {
				fmt.Fprintf(&out, " %q %d-%d=%s", row.key, row.start, row.end, row.value)
			}
		}
		for _, k := range keys {
			fmt.Fprintf(&out, "\n%v %q", r, k)
			for _, row := range visible {
				if row.key == k && row.end >= r[0] && row.start <= r[1] {
					fmt.Fprintf(&out, " %d-%d=%s", row.start, row.end, row.value)
				}
			}
		}
	}
	for _, k := range keys {
		fmt.Fprintf(&out, "\n%q", k)
		for _, row := range visible {
			if row.key == k {
				fmt.Fprintf(&out, " %d-%d=%s,true,%s", row.start, row.end, row.value, row.value)
			}
		}
	}
	return fmt.Sprintf("observed %d, dropped %d%s", s.observed, s.dropped, out.String())
}
