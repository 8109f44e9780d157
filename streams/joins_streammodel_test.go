package streams_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"mm2/streams"
)

func joinStreams(l, r *kstream, w streams.JoinWindow, k joinKind, opts ...streams.Option) *kstream {
	switch {
	case k.right:
		return streams.OuterJoinStreams(l, r, w, plusOuter, opts...)
	case k.left:
		return streams.LeftJoinStreams(l, r, w, plusLeft, opts...)
	default:
		return streams.JoinStreams(l, r, w, plus, opts...)
	}
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func TestJoinStreamsIsItsModel(t *testing.T) {
	windows := map[string]streams.JoinWindow{
		"both ways":    {Before: millis(10), After: millis(10), Grace: millis(5)},
		"no grace":     {Before: millis(10), After: millis(10)},
		"after only":   {After: millis(20), Grace: millis(3)},
		"before only":  {Before: millis(15)},
		"lopsided":     {Before: millis(3), After: millis(25), Grace: millis(10)},
		"in future":    {Before: millis(-5), After: millis(20), Grace: millis(10)},
		"same instant": {},
	}
	for name, kind := range joinKinds {
		for shape, w := range windows {
			t.Run(name+" "+shape, func(t *testing.T) {
				wantSame(t, func(b *streams.Builder) {
					l, r := streams.Stream[string, string](b, "left"), streams.Stream[string, string](b, "right")
					joinStreams(l, r, w, kind).To("output")
				}, func() func(joinInput) []string {
					return (&streamsModel{w: w, kind: kind, streamTime: -1, newest: map[bool]int64{}}).step
				})
			})
		}
	}
}

// streamsModel keeps all records for ever and looks through them each time.
type streamsModel struct {
	w          streams.JoinWindow
	kind       joinKind
	streamTime int64
	newest     map[bool]int64 // by side, of records that were kept
	records    []joinInput    // that can be found
	waiting    []joinInput
}

func (m *streamsModel) stays(left bool) bool {
	return left && m.kind.left || !left && m.kind.right
}

// end is the last instant of a record's window.
func (m *streamsModel) end(in joinInput) int64 {
	if in.left {
		return in.at + m.w.After.Milliseconds()
	}
	return in.at + m.w.Before.Milliseconds()
}

func (m *streamsModel) alone(in joinInput) string {
	if in.left {
		return line(in.key, new(plusOuter(in.value, nil)), in.at)
	}
	return line(in.key, new(plusOuter(nil, in.value)), in.at)
}

func (m *streamsModel) step(in joinInput) (out []string) {
	m.streamTime = max(m.streamTime, in.at)
	switch {
	case in.value == nil:
		return nil
	case in.key == nil && m.stays(in.left):
		return []string{m.alone(in)}
	case in.key == nil:
		return nil
	}
	if in.at == m.streamTime {
		out = m.giveUp()
	}
	found := m.find(in)
	for _, r := range found {
		m.waiting = slices.DeleteFunc(m.waiting, func(w joinInput) bool {
			return w.left == r.left && *w.key == *r.key && w.at == r.at
		})
		l, right := in.value, r.value
		if !in.left {
			l, right = right, l
		}
		out = append(out, line(in.key, new(plusOuter(l, right)), max(in.at, r.at)))
	}
	if len(found) == 0 && m.stays(in.left) {
		if m.end(in) < m.streamTime {
			out = append(out, m.alone(in))
		} else {
			m.waiting = append(m.waiting, in)
		}
	}
	m.records = append(m.records, in)
	m.newest[in.left] = max(m.newest[in.left], in.at)
	return out
}

// find has the records of the other side in the window, by time, that the other
// side has not left behind.
func (m *streamsModel) find(in joinInput) (found []joinInput) {
	from, to := in.at-m.w.Before.Milliseconds(), m.end(in)
	if !in.left {
		from = in.at - m.w.After.Milliseconds()
	}
	length := max(m.w.Before.Milliseconds(), 0) + max(m.w.After.Milliseconds(), 0) + m.w.Grace.Milliseconds()
	for _, r := range m.records {
		if r.left != in.left && *r.key == *in.key && r.at >= from && r.at <= to && r.at > m.newest[r.left]-max(length, 1) {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b joinInput) int { return cmp.Compare(a.at, b.at) })
	return found
}

func (m *streamsModel) giveUp() (out []string) {
	slices.SortStableFunc(m.waiting, func(a, b joinInput) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(order(a.left), order(b.left)), cmp.Compare(*a.key, *b.key))
	})
	m.waiting = slices.DeleteFunc(m.waiting, func(w joinInput) bool {
		if m.end(w)+m.w.Grace.Milliseconds() >= m.streamTime {
			return false
		}
		out = append(out, m.alone(w))
		return true
	})
	return out
}

// order puts the right side first.
func order(left bool) int {
	if left {
		return 1
	}
	return 0
}
