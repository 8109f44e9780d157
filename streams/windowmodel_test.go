package streams_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/internal/task"
)

// The models say by brute force what windows there are: they keep all records and
// look at each window there could be.

// seen is a record that a model has taken.
type seen struct {
	value string
	at    int64
}

// span is a window with its first and last instant, or, as in a key, its end.
type span struct{ start, end int64 }

// result is a window's row.
type result struct {
	content string // the values in the order of their arrival
	at      int64
}

type results map[string]map[span]result

func (all results) lines() []string {
	var lines []string
	for k, windows := range all {
		for w, r := range windows {
			lines = append(lines, fmt.Sprintf("%s[%d,%d]=%s@%d", k, w.start, w.end, r.content, r.at))
		}
	}
	slices.Sort(lines)
	return lines
}

// windowsOf makes the rows of those windows that hold records.
func windowsOf(records []seen, candidates []span, last func(span) int64) map[span]result {
	rows := map[span]result{}
	for _, w := range candidates {
		for _, r := range records {
			if r.at >= w.start && r.at <= last(w) {
				row := rows[w]
				rows[w] = result{row.content + r.value, max(row.at, r.at)}
			}
		}
	}
	return rows
}

type timeModel struct {
	size, every, grace int64 // every is 0 for sliding windows
	streamTime         int64
	records            map[string][]seen
	rows               results // of windows as they were last changed while open
}

func (m *timeModel) open(w span) bool {
	if m.every == 0 {
		return w.end >= m.streamTime-m.grace
	}
	return w.end > m.streamTime-m.grace
}

// candidates are all windows that the records of a key may give and that one at
// this time may change.
func (m *timeModel) candidates(records []seen, at int64) []span {
	starts := map[int64]bool{}
	for _, r := range records {
		if m.every == 0 {
			starts[max(0, r.at-m.size)] = true
			starts[r.at+1] = true
			continue
		}
		for start := r.at / m.every * m.every; start >= 0 && r.at < start+m.size; start -= m.every {
			starts[start] = true
		}
	}
	var all []span
	for start := range starts {
		if start <= at+1 && at <= start+m.size {
			all = append(all, span{start, start + m.size})
		}
	}
	return all
}

// take gives the windows that a record changes.
func (m *timeModel) take(k string, r seen) results {
	m.streamTime = max(m.streamTime, r.at)
	last := func(w span) int64 {
		if m.every == 0 {
			return w.end
		}
		return w.end - 1
	}
	before := windowsOf(m.records[k], m.candidates(m.records[k], r.at), last)
	taken := append(slices.Clone(m.records[k]), r)
	after := windowsOf(taken, m.candidates(taken, r.at), last)
	changed := map[span]result{}
	late := true
	for w, row := range after {
		if r.at >= w.start && r.at <= last(w) && m.open(w) {
			late = false
		}
		if m.open(w) && before[w] != row {
			changed[w] = row
		}
	}
	// A record within the reach of a window that could still be open counts for those
	// that are not there yet.
	if late && (m.every != 0 || r.at+m.size < m.streamTime-m.grace) {
		return nil
	}
	m.records[k] = taken
	if m.rows[k] == nil {
		m.rows[k] = map[span]result{}
	}
	maps.Copy(m.rows[k], changed)
	return results{k: changed}
}

// closed gives the windows that are closed now, and forgets them.
func (m *timeModel) closed() results {
	all := results{}
	for k, windows := range m.rows {
		for w, row := range windows {
			if !m.open(w) {
				if all[k] == nil {
					all[k] = map[span]result{}
				}
				all[k][w] = row
				delete(windows, w)
			}
		}
	}
	return all
}

// linesOf are results as the models write them.
func linesOf(t *testing.T, sent []*task.Output, session bool, size int64) []string {
	t.Helper()
	var lines []string
	for _, o := range sent {
		n := len(o.Key) - 8
		start := int64(binary.BigEndian.Uint64(o.Key[n:]))
		end := start + size
		if session {
			n -= 8
			end = int64(binary.BigEndian.Uint64(o.Key[n:]))
		}
		value := string(o.Value)
		if o.Value == nil {
			value = "null"
		}
		lines = append(lines, fmt.Sprintf("%s[%d,%d]=%s@%d", o.Key[:n], start, end, value, o.Time))
	}
	slices.Sort(lines)
	return lines
}

// nextRecord is a random record, which may be late, and sometimes is far ahead.
func nextRecord(r *rand.Rand, i int, streamTime, reach int64) (k string, s seen) {
	at := streamTime + r.Int64N(reach+2) - r.Int64N(2*reach+2)
	switch r.IntN(40) {
	case 0:
		at = streamTime + r.Int64N(8*reach+10)
	case 1:
		at = r.Int64N(streamTime + 1)
	}
	return string(rune('a' + r.IntN(2))), seen{fmt.Sprintf("%d.", i), max(0, at)}
}

func millisecs(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// anyTimeWindow is a random window with its model.
func anyTimeWindow(r *rand.Rand, kind string) (streams.TimeWindow, *timeModel) {
	m := &timeModel{size: 1 + r.Int64N(12), grace: r.Int64N(2) * r.Int64N(30), streamTime: -1, records: map[string][]seen{}, rows: results{}}
	var w streams.TimeWindow
	switch kind {
	case "tumbling":
		m.every = m.size
		w = streams.Tumbling(millisecs(m.size))
	case "hopping":
		m.every = 1 + r.Int64N(m.size)
		w = streams.Hopping(millisecs(m.size), millisecs(m.every))
	default:
		m.size--
		w = streams.Sliding(millisecs(m.size))
	}
	return w.WithGrace(millisecs(m.grace)), m
}

func joined(_, v, agg string) string { return agg + v }

var windowKinds = []string{"tumbling", "hopping", "sliding"}

// Each record changes just those windows, of all there could be, that the model
// says, to what the records give.
func TestTimeWindowsModel(t *testing.T) {
	for _, kind := range windowKinds {
		t.Run(kind, func(t *testing.T) {
			for seed := range uint64(40) {
				r := rand.New(rand.NewPCG(seed, 1))
				w, m := anyTimeWindow(r, kind)
				task := run(t, 0, func(b *streams.Builder) {
					g := streams.WindowedBy(streams.Stream[string, string](b, "input").GroupByKey(), w)
					streams.AggregateWindow(g, empty, joined).ToStream().To("output")
				})
				late := 0
				for i := range 120 {
					k, s := nextRecord(r, i, max(0, m.streamTime), m.size+m.grace/2)
					taken := m.take(k, s)
					if taken == nil {
						late++
					}
					got := linesOf(t, task.pipe(k, s.value, s.at), false, m.size)
					if diff := cmp.Diff(taken.lines(), got); diff != "" {
						t.Fatalf("seed %d, %+v, record %d: %s %+v (-want +got):\n%s", seed, w, i, k, s, diff)
					}
				}
				if task.dropped["late"] != late || task.dropped["expired"] != 0 {
					t.Fatalf("seed %d: dropped %v, want %d late", seed, task.dropped, late)
				}
			}
		})
	}
}

// Each window is given once, when it is closed or, with a throttle, some time
// after, but never later than a jump in time needs it; also over restarts.
func TestTimeWindowsOnCloseModel(t *testing.T) {
	for _, kind := range windowKinds {
		for _, throttle := range []time.Duration{0, time.Second} {
			t.Run(fmt.Sprintf("%s, throttle %v", kind, throttle), func(t *testing.T) {
				for seed := range uint64(25) {
					onClose(t, seed, kind, throttle)
				}
			})
		}
	}
}

func onClose(t *testing.T, seed uint64, kind string, throttle time.Duration) {
	r := rand.New(rand.NewPCG(seed, 2))
	w, m := anyTimeWindow(r, kind)
	task := run(t, throttle, func(b *streams.Builder) {
		g := streams.WindowedBy(streams.Stream[string, string](b, "input").GroupByKey(), w)
		streams.AggregateWindow(g, empty, joined, streams.EmitOnClose()).ToStream().To("output")
	})
	task.now = time.UnixMilli(1e12)
	var want, got []string
	step := func(k string, s seen) {
		m.take(k, s)
		want = append(want, m.closed().lines()...)
		got = append(got, linesOf(t, task.pipe(k, s.value, s.at), false, m.size)...)
		task.now = task.now.Add(millisecs(r.Int64N(600)))
		if r.IntN(15) == 0 {
			task.commit()
			task.restart()
		}
		if throttle == 0 {
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, %+v, %s %+v (-want +got):\n%s", seed, w, k, s, diff)
			}
		}
	}
	jump := int64(1000)
	if throttle > 0 {
		jump = 200_000 // more than the store has room for
	}
	for i := range 100 {
		k, s := nextRecord(r, i, max(0, m.streamTime), m.size+m.grace/2)
		if r.IntN(25) == 0 {
			s.at = m.streamTime + jump
		}
		step(k, s)
	}
	task.now = task.now.Add(throttle)
	step("a", seen{"end", m.streamTime + 10*jump})
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("seed %d, %+v (-want +got):\n%s", seed, w, diff)
	}
	if task.dropped["expired"] != 0 {
		t.Fatalf("seed %d: %d rows were too old for the store", seed, task.dropped["expired"])
	}
	for _, line := range got {
		if strings.Contains(line, "null") {
			t.Fatalf("seed %d: a window is deleted: %s", seed, line)
		}
	}
}
