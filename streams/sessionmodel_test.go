package streams_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
)

type sessionModel struct {
	gap, grace, streamTime int64
	rows                   map[string]map[span]string // values, sorted
}

func (m *sessionModel) closeTime() int64 { return m.streamTime - m.gap - m.grace }

// take gives what a record changes: rows as they are now, and rows that are gone.
// Sessions that lie in each other's reach are joined one by one until nothing
// changes.
func (m *sessionModel) take(k string, s seen) (lines []string, taken bool) {
	m.streamTime = max(m.streamTime, s.at)
	whole, content := span{s.at, s.at}, ""
	var joined []span
	for _, w := range slices.SortedFunc(maps.Keys(m.rows[k]), func(a, b span) int { return int(a.end - b.end) }) {
		continued := w.end > m.closeTime() || w.end == s.at && s.at == m.closeTime()
		if continued && w.end >= s.at-m.gap && w.start <= s.at+m.gap {
			joined = append(joined, w)
			whole = span{min(whole.start, w.start), max(whole.end, w.end)}
			content += m.rows[k][w]
		}
	}
	if whole.end < m.closeTime() {
		return nil, false
	}
	for _, w := range joined {
		if w != whole {
			lines = append(lines, fmt.Sprintf("%s[%d,%d]=null@%d", k, w.start, w.end, w.end))
		}
		delete(m.rows[k], w)
	}
	if m.rows[k] == nil {
		m.rows[k] = map[span]string{}
	}
	m.rows[k][whole] = content + s.value
	lines = append(lines, m.line(k, whole))
	slices.Sort(lines)
	return lines, true
}

func (m *sessionModel) line(k string, w span) string {
	return fmt.Sprintf("%s[%d,%d]=%s@%d", k, w.start, w.end, m.rows[k][w], w.end)
}

// closed gives the sessions that are closed now, and forgets them.
func (m *sessionModel) closed() []string {
	var lines []string
	for k, sessions := range m.rows {
		for w := range sessions {
			if w.end < m.closeTime() {
				lines = append(lines, m.line(k, w))
				delete(sessions, w)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func anySession(r *rand.Rand) (streams.SessionWindow, *sessionModel) {
	m := &sessionModel{gap: 1 + r.Int64N(10), grace: r.Int64N(2) * r.Int64N(25), streamTime: -1, rows: map[string]map[span]string{}}
	return streams.Session(millisecs(m.gap)).WithGrace(millisecs(m.grace)), m
}

func merged(_, a, b string) string { return a + b }

func TestSessionsModel(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		w, m := anySession(r)
		var opts []streams.Option
		if r.IntN(2) == 0 { // what is found must not hang on what the store has
			opts = append(opts, streams.Retention(time.Hour))
		}
		task := run(t, 0, func(b *streams.Builder) {
			g := streams.SessionWindowedBy(streams.Stream[string, string](b, "input").GroupByKey(), w)
			streams.AggregateSession(g, empty, joined, merged, opts...).ToStream().To("output")
		})
		late := 0
		for i := range 200 {
			k, s := nextRecord(r, i, max(0, m.streamTime), m.gap+m.grace/2)
			want, taken := m.take(k, s)
			if !taken {
				late++
			}
			got := linesOf(t, task.pipe(k, s.value, s.at), true, 0)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, %+v, record %d: %s %+v (-want +got):\n%s", seed, w, i, k, s, diff)
			}
		}
		if task.dropped["late"] != late || task.dropped["expired"] != 0 {
			t.Fatalf("seed %d: dropped %v, want %d late", seed, task.dropped, late)
		}
	}
}

func TestSessionsOnCloseModel(t *testing.T) {
	for _, throttle := range []time.Duration{0, time.Second} {
		t.Run(fmt.Sprintf("throttle %v", throttle), func(t *testing.T) {
			for seed := range uint64(40) {
				sessionsOnClose(t, seed, throttle)
			}
		})
	}
}

func sessionsOnClose(t *testing.T, seed uint64, throttle time.Duration) {
	r := rand.New(rand.NewPCG(seed, 4))
	w, m := anySession(r)
	task := run(t, throttle, func(b *streams.Builder) {
		g := streams.SessionWindowedBy(streams.Stream[string, string](b, "input").GroupByKey(), w)
		streams.AggregateSession(g, empty, joined, merged, streams.EmitOnClose()).ToStream().To("output")
	})
	task.now = time.UnixMilli(1e12)
	var want, got []string
	step := func(k string, s seen) {
		m.take(k, s)
		want = append(want, m.closed()...)
		got = append(got, linesOf(t, task.pipe(k, s.value, s.at), true, 0)...)
		task.now = task.now.Add(millisecs(r.Int64N(600)))
		if r.IntN(15) == 0 {
			task.commit()
			task.restart()
		}
	}
	for i := range 150 {
		k, s := nextRecord(r, i, max(0, m.streamTime), m.gap+m.grace/2)
		if r.IntN(25) == 0 {
			s.at = m.streamTime + 200_000 // more than the store has room for
		}
		step(k, s)
		if throttle == 0 && !slices.Equal(want, got) {
			t.Fatalf("seed %d, %+v, record %d: %s %+v:\n%s", seed, w, i, k, s, cmp.Diff(want, got))
		}
	}
	task.now = task.now.Add(throttle)
	step("a", seen{"end", m.streamTime + 400_000})
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("seed %d, %+v (-want +got):\n%s", seed, w, diff)
	}
}
