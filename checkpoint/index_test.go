package checkpoint_test

import (
	"bytes"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

var flow = topology.FlowID{Source: "A", Target: "B"}

func newIndex(t testing.TB, bytes int64, change ...func(*checkpoint.IndexConfig)) *checkpoint.Index {
	t.Helper()
	d, err := kafka.NewDialer("B", connection.Connection{Bootstrap: []string{"b:9092"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := checkpoint.IndexConfig{
		Flow: flow, Dialer: d, Bytes: bytes, Metrics: checkpoint.NewIndexMetrics(nil),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&cfg)
	}
	x, err := checkpoint.NewIndex(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// scene is a lane whose transactions all commit, and the log of its chunks.
type scene struct {
	w   *checkpoint.SegmentWriter
	log []*kgo.Record
}

func newScene() *scene { return &scene{w: newWriter()} }

func (s *scene) commit(next int64, id string, segments ...pipeline.Segment) *scene {
	for _, r := range s.w.Records(marks(orders, next, id), segments) {
		r.Offset = int64(len(s.log))
		s.log = append(s.log, r)
	}
	return s
}

func (s *scene) owner() *scene {
	s.w.Records(claim, nil)
	return s
}

func (s *scene) index(t testing.TB, bytes int64) *checkpoint.Index {
	x := newIndex(t, bytes)
	x.Feed(s.log...)
	x.Finish()
	return x
}

type answer struct {
	Offset         int64
	Exact, Deleted bool
}

func exact(offset int64) answer   { return answer{Offset: offset, Exact: true} }
func guess(offset int64) answer   { return answer{Offset: offset} }
func deleted(offset int64) answer { return answer{Offset: offset, Deleted: true} }

func TestTranslate(t *testing.T) {
	// Source 10..19 at 100..109, then a marker on either side, 21..24 at
	// 111..114; everything was read up to 26.
	simple := func() *scene {
		return newScene().commit(21, "x", seg(10, 100, 10)).commit(26, "x", seg(21, 111, 4))
	}
	tests := []struct {
		name              string
		scene             *scene
		forward, backward map[int64]answer
	}{
		{
			"one owner", simple(),
			map[int64]answer{0: guess(0), 9: guess(0), 10: exact(100), 15: exact(105), 20: exact(111), 21: exact(111), 24: exact(114), 25: exact(115), 26: exact(115), 27: guess(115), 99: guess(115)},
			map[int64]answer{0: guess(0), 99: guess(0), 100: exact(10), 109: exact(19), 110: exact(21), 111: exact(21), 114: exact(24), 115: exact(26), 116: exact(26), 117: guess(26)},
		},
		{
			"another owner goes on at the mark", simple().owner().commit(30, "x", seg(26, 116, 4)),
			map[int64]answer{25: exact(116), 26: exact(116), 30: exact(120)},
			map[int64]answer{114: exact(24), 115: exact(26), 116: exact(26), 119: exact(29), 120: exact(30)},
		},
		{
			"somebody else copied in between", simple().owner().commit(50, "x", seg(40, 200, 10)),
			map[int64]answer{25: exact(115), 26: exact(115), 27: guess(115), 39: guess(115), 40: exact(200)},
			map[int64]answer{115: exact(26), 116: guess(26), 199: guess(26), 200: exact(40)},
		},
		{
			"the mark was moved back", simple().owner().commit(15, "x", seg(12, 200, 3)),
			map[int64]answer{11: exact(101), 12: exact(200), 14: exact(202), 15: exact(203), 20: guess(203)},
			map[int64]answer{101: exact(11), 102: exact(12), 103: guess(12), 113: guess(12), 200: exact(12), 203: exact(15)},
		},
		{
			"the source topic was made anew", simple().commit(5, "y", seg(0, 120, 5)),
			map[int64]answer{0: exact(120), 4: exact(124), 5: exact(125), 21: guess(125)},
			map[int64]answer{0: deleted(0), 100: deleted(0), 115: deleted(0), 119: guess(0), 120: exact(0), 125: exact(5)},
		},
		{
			"made anew twice", simple().commit(5, "y", seg(0, 120, 5)).owner().commit(3, "z", seg(0, 130, 3)),
			map[int64]answer{0: exact(130), 4: guess(133)},
			map[int64]answer{100: deleted(0), 122: deleted(0), 130: exact(0)},
		},
		{
			"the target topic was made anew", simple().owner().commit(30, "x", seg(26, 0, 4)),
			map[int64]answer{12: exact(0), 26: exact(0), 30: exact(4)},
			map[int64]answer{0: exact(26), 3: exact(29), 100: guess(30)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := tt.scene.index(t, 0)
			forward, backward := map[int64]answer{}, map[int64]answer{}
			for g := range tt.forward {
				tr := x.Forward(orders, g)
				forward[g] = answer{tr.Offset, tr.Exact, tr.Deleted}
				if !tr.Known || tr.Target != aOrders {
					t.Errorf("forward %d: %+v", g, tr)
				}
			}
			for g := range tt.backward {
				tr := x.Backward(aOrders, g)
				backward[g] = answer{tr.Offset, tr.Exact, tr.Deleted}
				if !tr.Known || tr.Target != orders {
					t.Errorf("backward %d: %+v", g, tr)
				}
			}
			if diff := cmp.Diff(tt.forward, forward); diff != "" {
				t.Errorf("forward (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.backward, backward); diff != "" {
				t.Errorf("backward (-want +got):\n%s", diff)
			}
			x.CheckAccount(t)
		})
	}
}

func TestCopied(t *testing.T) {
	x := newScene().commit(21, "x", seg(10, 100, 10)).index(t, 0)
	if got := x.Copied(orders); got != 21 {
		t.Errorf("copied up to %d, want 21", got)
	}
	if got := x.Copied(aOrders); got != -1 {
		t.Errorf("of an unknown partition up to %d", got)
	}
}

func TestNothingIsKnownBeforeTheEndOfTheTopic(t *testing.T) {
	x := newIndex(t, 0)
	x.Feed(newScene().commit(21, "x", seg(10, 100, 10)).log...)
	if tr := x.Forward(orders, 10); tr.Known {
		t.Errorf("forward: %+v", tr)
	}
	if tr := x.Backward(aOrders, 100); tr.Known {
		t.Errorf("backward: %+v", tr)
	}
	x.Finish()
	if tr := x.Forward(orders, 10); !tr.Known {
		t.Errorf("forward of a complete index: %+v", tr)
	}
}

// A chunk that cannot be read may be the one that says that all before it is
// void.
func TestUnreadableChunkSilencesItsPartition(t *testing.T) {
	s := newScene().commit(10, "x", seg(0, 0, 10)).owner()
	x := s.index(t, 0)
	x.Feed(&kgo.Record{Partition: 1, Key: []byte("orders/3/99/7"), Value: []byte{2, 0, 1}, Offset: 10})
	if tr := x.Forward(orders, 5); tr.Known {
		t.Errorf("forward: %+v", tr)
	}
	x.Feed(&kgo.Record{Key: []byte("strange"), Value: []byte("x"), Offset: 11})
	n := len(s.log)
	s.commit(20, "x", seg(10, 11, 10))
	s.log[n].Offset = 12
	x.Feed(s.log[n])
	if tr := x.Forward(orders, 5); !tr.Known || tr.Offset != 5 || !tr.Exact {
		t.Errorf("forward after a newer chunk: %+v", tr)
	}
	x.CheckAccount(t)
}

func TestTrimForgetsWhatTheTargetNoLongerHas(t *testing.T) {
	s := newScene().commit(10, "x", seg(0, 0, 10)).owner().commit(20, "x", seg(10, 11, 10)).owner().commit(30, "x", seg(20, 22, 10))
	x := s.index(t, 0)
	x.Trim(map[pipeline.Partition]int64{aOrders: 100})
	if diff := cmp.Diff([]string{string(s.log[0].Key), string(s.log[1].Key)}, tombstones(t, x.Edits())); diff != "" {
		t.Errorf("tombstones (-want +got):\n%s", diff)
	}
	if tr := x.Forward(orders, 25); tr.Offset != 27 || !tr.Exact {
		t.Errorf("the newest chunk is gone: %+v", tr)
	}
	x.CheckAccount(t)
}

func tombstones(t *testing.T, records []*kgo.Record) []string {
	t.Helper()
	keys := map[string]bool{}
	out := []string{}
	for _, r := range records {
		if r.Value != nil {
			t.Errorf("%s is no tombstone", r.Key)
		}
		keys[string(r.Key)] = true
	}
	for k := range keys {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// The log of any schedule, also one with topics made anew and marks moved back,
// compacted or not, thinned or not: no translation skips a record, and an exact
// one repeats none.
func TestTranslationsNeverSkip(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		m := newModel(rng)
		m.seed, m.rewinds = seed, seed%2 == 1
		for range 20 + rng.IntN(400) {
			m.step()
		}
		budget := int64(0)
		if rng.IntN(2) == 0 {
			budget = 1000 + rng.Int64N(4000)
		}
		log := m.log
		if rng.IntN(2) == 0 {
			log = m.compacted()
		}
		x := newIndex(t, budget)
		for len(log) > 0 {
			n := 1 + rng.IntN(len(log))
			x.Feed(log[:n]...)
			log = log[n:]
		}
		x.Finish()
		thinned := x.Stats().Thinned > 0
		m.translate(t, x, !thinned)
		x.CheckAccount(t)

		// The topic as tidied says the same to the next reader, whether or not
		// the tombstones came that far.
		edits := x.Edits()
		for _, r := range edits {
			if _, _, _, err := checkpoint.ChunkText(r.Key, r.Value); r.Value != nil && err != nil {
				t.Fatalf("seed %d: the topic gets a chunk that cannot be read: %v", seed, err)
			}
			if bytes.Equal(r.Key, m.log[len(m.log)-1].Key) {
				t.Fatalf("seed %d: the chunk that the lane still writes was touched", seed)
			}
		}
		cut := len(edits)
		if rng.IntN(2) == 0 {
			cut = rng.IntN(cut + 1)
		}
		m.commit(edits[:cut], nil)
		x.Feed(edits[:cut]...)
		m.translate(t, x, !thinned)
		x.CheckAccount(t)
		y := newIndex(t, 0)
		y.Feed(m.compacted()...)
		y.Finish()
		m.translate(t, y, !thinned)
		y.CheckAccount(t)
	}
}

// As long as the copy grows, no answer refutes an earlier one about the same or
// an earlier position, whatever was thinned meanwhile, unless it is exact: then
// nothing that was read lies between the two.
func TestNoTranslationRefutesWhatWasTrue(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 3))
		m := newModel(rng)
		for range 20 + rng.IntN(200) {
			m.step()
		}
		budget := int64(1000 + rng.Int64N(8000))
		x := newIndex(t, budget)
		x.Finish()
		most := make([]int64, m.mark+5) // answers about positions up to here
		for fed := 0; fed < len(m.log); {
			n := min(1+rng.IntN(20), len(m.log)-fed)
			x.Feed(m.log[fed : fed+n]...)
			fed += n
			if rng.IntN(4) == 0 {
				x.Edits()
			}
			if rng.IntN(4) == 0 { // another worker
				x = newIndex(t, budget)
				x.Feed(m.log[:fed]...)
				x.Finish()
			}
			high := int64(-1)
			for o := range most {
				tr := x.Forward(orders, int64(o))
				if most[o] = max(most[o], high); !tr.Exact && tr.Refutes(most[o]) {
					t.Fatalf("seed %d, position %d: %+v refutes %d", seed, o, tr, most[o])
				}
				if tr.Known {
					most[o] = max(most[o], tr.Offset)
				}
				high = max(high, most[o])
			}
		}
	}
}

// translate compares every translation with the list. Dense: nothing was left
// out, so that positions at copied records are exact.
func (m *model) translate(t *testing.T, x *checkpoint.Index, dense bool) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("seed %d, dense %v, rewinds %v", m.seed, dense, m.rewinds)
		}
	}()
	m.compare(t, dense, 0, func(o int64) checkpoint.Translation { return x.Forward(orders, o) })
	m.compare(t, dense, 1, func(o int64) checkpoint.Translation { return x.Backward(aOrders, o) })
}

// compare checks one direction: from is the column of the list that positions
// are of.
func (m *model) compare(t *testing.T, dense bool, from int, translate func(int64) checkpoint.Translation) {
	t.Helper()
	end := max(m.mark, m.end)
	for _, c := range m.copied {
		end = max(end, c[0], c[1])
	}
	end += 5
	// On the other side, of the records that count: the first one that is at or
	// behind a position, and the last one before it.
	first, last := make([]int64, end+1), make([]int64, end+1)
	near := make([]bool, end+1)
	for i := range first {
		first[i], last[i] = math.MaxInt64, -1
	}
	for _, c := range m.copied {
		if c[2] == 1 {
			o, other := c[from], c[1-from]
			first[o], last[o+1] = min(first[o], other), max(last[o+1], other)
			near[o], near[o+1] = true, true
		}
	}
	for o := range end {
		first[end-o-1] = min(first[end-o-1], first[end-o])
		last[o+1] = max(last[o+1], last[o])
	}
	for o := range end {
		switch tr := translate(o); {
		case tr.Known && tr.Offset > first[o]:
			t.Fatalf("column %d, position %d: %+v skips %d", from, o, tr, first[o])
		case tr.Exact && tr.Offset <= last[o]:
			t.Fatalf("column %d, position %d: %+v repeats %d", from, o, tr, last[o])
		case dense && near[o] && !tr.Exact:
			t.Fatalf("column %d, position %d: %+v is not exact, beside a copied record", from, o, tr)
		}
	}
}

// The lane of a partition changes only with the lanes topic. What the old lane
// has written is void, in whatever order the two are read.
func TestAnotherLaneSupersedes(t *testing.T) {
	old, now := newScene().commit(10, "x", seg(0, 0, 10)).log[0], newScene().commit(10, "x", seg(0, 50, 10)).log[0]
	old.Partition, old.Timestamp, old.Offset = 0, time.UnixMilli(1000), 900
	now.Partition, now.Timestamp = 1, time.UnixMilli(2000)
	for name, log := range map[string][]*kgo.Record{"old first": {old, now}, "new first": {now, old}} {
		x := newIndex(t, 0)
		x.Feed(log...)
		x.Finish()
		if tr := x.Forward(orders, 5); tr.Offset != 55 || !tr.Exact {
			t.Errorf("%s: %+v", name, tr)
		}
		x.CheckAccount(t)
	}
}

func TestTombstonesRemoveChunks(t *testing.T) {
	s := newScene().commit(10, "x", seg(0, 0, 10)).owner().commit(20, "x", seg(10, 11, 10))
	x := s.index(t, 0)
	x.Feed(&kgo.Record{Partition: 1, Key: s.log[0].Key, Offset: 5})
	if tr := x.Forward(orders, 5); tr.Offset != 0 || tr.Exact || !tr.Known {
		t.Errorf("before what is left: %+v", tr)
	}
	x.Feed(&kgo.Record{Partition: 1, Key: s.log[1].Key, Offset: 6}, &kgo.Record{Partition: 1, Key: s.log[1].Key, Offset: 7})
	if tr := x.Forward(orders, 5); tr.Known {
		t.Errorf("of nothing: %+v", tr)
	}
	if tr := x.Backward(aOrders, 5); tr.Known {
		t.Errorf("of nothing: %+v", tr)
	}
	if st := x.Stats(); st != (checkpoint.IndexStats{Ready: true}) {
		t.Errorf("%+v", st)
	}
	x.CheckAccount(t)
}

func TestIndexMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	metrics := checkpoint.NewIndexMetrics(reg)
	x := newIndex(t, 0, func(c *checkpoint.IndexConfig) { c.Metrics = metrics })
	x.Feed(newScene().commit(10, "x", seg(0, 0, 10)).log...)
	x.Finish()
	got := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	want := map[string]float64{
		"mm2_offset_map_ready": 1, "mm2_offset_map_partitions": 1, "mm2_offset_map_segments": 1,
		"mm2_offset_map_bytes": float64(x.Stats().Bytes), "mm2_offset_map_thinned_segments": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	metrics.Forget(flow)
	if families, err = reg.Gather(); err != nil || len(families) != 0 {
		t.Errorf("%d families of a flow that is gone, %v", len(families), err)
	}
}

func TestNewIndexRefuses(t *testing.T) {
	if _, err := checkpoint.NewIndex(checkpoint.IndexConfig{}); err == nil {
		t.Error("an index without a dialer")
	}
}
