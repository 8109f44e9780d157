package checkpoint

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// anew is a group, a source and a copy that is made anew and loses its end.
type anew struct {
	t   *testing.T
	rnd *rand.Rand

	source []int64 // offsets of its records
	mark   int     // of those, the next to copy
	group  int64   // where the group is on the source

	id     int
	start  int64 // of the copy's log
	end    int64
	copies [][2]int64 // source and target offset

	w         *SegmentWriter
	chunks    []*kgo.Record
	fed       int
	index     *Index
	revision  uint64
	state     *state
	written   []Checkpoint
	committed int64 // of the group on the target
	resetting bool  // the group was reset, and the target has not followed
	history   []string
}

var anewSource = pipeline.Partition{Topic: "t"}

func newAnew(t *testing.T, rnd *rand.Rand) *anew {
	m := &anew{t: t, rnd: rnd, committed: noPosition}
	for at := int64(0); len(m.source) < 60; at += 1 + max(0, rnd.Int64N(5)-2) {
		m.source = append(m.source, at)
	}
	m.w = NewSegmentWriter(SegmentConfig{Topic: "segments", RemoteTopic: func(topic string) string { return "source1." + topic }})
	m.restart()
	return m
}

// restart is another worker: it knows what the topics hold.
func (m *anew) restart() {
	d, err := kafka.NewDialer("B", connection.Connection{Bootstrap: []string{"b:9092"}}, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	m.index, err = NewIndex(IndexConfig{
		Flow: topology.FlowID{Source: "source1", Target: "target2"}, Dialer: d, Metrics: NewIndexMetrics(nil), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.state = stateOf(m.t)
	m.state.load(m.written)
	m.fed = 0
	m.feed()
	m.index.finish()
	m.revision = m.index.Revision()
	m.open()
	if m.group >= 0 {
		committed(m.state, commit("g", "t", m.group))
	}
}

func (m *anew) open() { m.w.Records(pipeline.Marks{"owner": "{}"}, nil) }

func (m *anew) feed() {
	m.index.apply(m.chunks[m.fed:])
	m.fed = len(m.chunks)
}

// copy is one transaction.
func (m *anew) copy(n int) {
	var segments []pipeline.Segment
	for ; n > 0 && m.mark < len(m.source); n, m.mark, m.end = n-1, m.mark+1, m.end+1 {
		m.copies = append(m.copies, [2]int64{m.source[m.mark], m.end})
		segments = append(segments, pipeline.Segment{
			Source: anewSource, Target: pipeline.Partition{Topic: "source1.t"}, SourceBase: m.source[m.mark], TargetBase: m.end, Count: 1,
		})
	}
	if segments == nil {
		return
	}
	m.end++ // the marker
	next := fmt.Sprintf(`{"offset":%d,"epoch":0,"topic":"s","target":"%d"}`, m.source[m.mark-1]+1, m.id)
	for _, r := range m.w.Records(pipeline.Marks{"t/0": next}, segments) {
		r.Offset = int64(len(m.chunks))
		m.chunks = append(m.chunks, r)
	}
}

// lose takes the copy's records from an offset on, or makes its topic anew.
func (m *anew) lose(from int64, recreated bool) {
	if recreated {
		m.id, m.start, from, m.committed = m.id+1, 0, 0, noPosition
	}
	kept := m.copies[:0]
	for _, c := range m.copies {
		if c[1] < from {
			kept = append(kept, c)
		}
	}
	m.copies, m.end = kept, from
	if m.rnd.IntN(2) == 0 { // policy restart
		m.copies, m.start, m.mark = nil, m.end, 0
	}
	m.open()
}

// round is the emitter's.
func (m *anew) round() {
	if now := m.index.Revision(); now != m.revision {
		m.revision = now
		m.state.revised()
	}
	m.state.advanced()
	m.written = append(m.written, round(m.state, m.index)...)
}

// sync is the syncer's.
func (m *anew) sync() {
	jobs, _ := m.state.takeSync(time.Now().Add(time.Hour), 1)
	for _, j := range jobs {
		b := bounds{start: m.start, end: m.end, high: m.end, id: fmt.Sprint(m.id), known: true}
		for _, w := range j.wants {
			offset, v := judge(w, m.committed, b)
			if v == writeIt {
				m.committed = offset
			}
			if v != waitFor {
				j.done = append(j.done, w)
			}
		}
		j.result = SyncWritten
	}
	m.state.synced(jobs, time.Now(), time.Second)
	for _, last := range m.state.last {
		m.resetting = m.resetting && (last.rewound || last.Upstream != m.group)
	}
}

// right is the first copy that the group has not read.
func (m *anew) right() int64 {
	first := int64(math.MaxInt64)
	for _, c := range m.copies {
		if c[0] >= m.group {
			first = min(first, c[1])
		}
	}
	return first
}

func (m *anew) step() {
	what := ""
	switch m.rnd.IntN(12) {
	case 0, 1:
		m.group = min(m.group+m.rnd.Int64N(8), m.source[len(m.source)-1]+1)
		committed(m.state, commit("g", "t", m.group))
		what = fmt.Sprint("commit ", m.group)
	case 2:
		m.group = m.rnd.Int64N(m.group + 1)
		committed(m.state, commit("g", "t", m.group))
		m.resetting = true
		what = fmt.Sprint("reset ", m.group)
	case 3, 4, 5:
		m.copy(1 + m.rnd.IntN(8))
		what = fmt.Sprint("copy to ", m.end)
	case 6:
		m.feed()
		what = "feed"
	case 7, 8:
		m.round()
		what = "round"
	case 9:
		m.sync()
		what = "sync"
	case 10:
		if m.resetting {
			return // a reset is carried over by the worker that saw it, or not at all
		}
		m.restart()
		what = "restart"
	case 11:
		if m.rnd.IntN(3) > 0 {
			return
		}
		if m.rnd.IntN(2) == 0 || m.end == m.start {
			m.lose(0, true)
		} else {
			m.lose(m.start+m.rnd.Int64N(m.end-m.start), false)
		}
		what = fmt.Sprintf("copy %d has %v from %d to %d, mark %d", m.id, m.copies, m.start, m.end, m.mark)
	}
	m.history = append(m.history, what)
}

// settle lets everything that is known arrive everywhere.
func (m *anew) settle() {
	m.feed()
	m.round()
	m.state.recheck()
	m.sync()
	m.history = append(m.history, fmt.Sprintf("settled at %d", m.committed))
}

func (m *anew) check() bool {
	if c := m.right(); m.committed > c {
		m.t.Errorf("the target's position %d skips %d", m.committed, c)
		return false
	}
	if n := len(m.written); n > 0 && m.right() < m.written[n-1].Downstream {
		m.t.Errorf("the last checkpoint %+v skips %d", m.written[n-1], m.right())
		return false
	}
	return true
}

// Whenever the copy is made anew or loses its end, whatever mm2 knows of it when
// it restarts: in the end neither the checkpoint nor the group's position on the
// target skips a record, and both are exact.
func TestACopyThatBeginsAnewIsNotSkipped(t *testing.T) {
	for range 200 {
		seed := rand.Uint64()
		m := newAnew(t, rand.New(rand.NewPCG(seed, 0)))
		committed(m.state, commit("g", "t", 0))
		ok := true
		for range 80 {
			m.step()
			if m.rnd.IntN(8) == 0 {
				if m.settle(); !m.check() {
					ok = false
					break
				}
			}
		}
		m.source = append(m.source, m.source[len(m.source)-1]+1) // there is something to copy
		m.copy(1000)
		m.settle()
		for _, c := range m.copies {
			if ok && c[0] < m.group && c[1] >= m.committed {
				t.Errorf("in the end the target is at %d, which repeats %d, the copy of %d", m.committed, c[1], c[0])
				break
			}
		}
		if ok {
			m.check()
		}
		if t.Failed() {
			for _, h := range m.history {
				t.Log(h)
			}
			t.Fatalf("seed %d, group %d", seed, m.group)
		}
	}
}
