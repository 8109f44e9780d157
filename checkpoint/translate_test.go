package checkpoint_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/pipeline"
)

// java is a sync rule that knows some positions.
type java map[int64]int64

func (j java) Translate(p pipeline.Partition, upstream int64) (int64, bool) {
	down, ok := j[upstream]
	return down, ok && p == orders
}

func TestJavaDecidesOnlyWhereNothingElseIsKnown(t *testing.T) {
	// Java copied up to 1000 and again from 1100 to 1200; mm2 in between and after.
	s := newScene().commit(1100, "x", seg(1000, 5000, 100)).owner().commit(1300, "x", seg(1200, 5300, 100))
	rule := java{10: 11, 500: 400, 900: 6000, 999: 5001, 1050: 7000, 1150: 5140, 1160: 9000, 1170: 4000, 1301: 8000}
	tests := []struct {
		name   string
		source pipeline.Partition
		index  *checkpoint.Index
		rule   checkpoint.SyncRule
		want   map[int64]checkpoint.Translation
	}{
		{"both", orders, s.index(t, 0), rule, map[int64]checkpoint.Translation{
			5:    {Target: aOrders, Offset: 0, Known: true},
			500:  {Target: aOrders, Offset: 400, Known: true},
			900:  {Target: aOrders, Offset: 5000, Known: true}, // never later than what follows
			1050: {Target: aOrders, Offset: 5050, Known: true, Exact: true},
			1150: {Target: aOrders, Offset: 5140, Known: true},
			1160: {Target: aOrders, Offset: 5300, Known: true},
			1170: {Target: aOrders, Offset: 5100, Known: true}, // never earlier than what comes before
			1301: {Target: aOrders, Offset: 5400, Known: true}, // the sync may be of another copy
		}},
		{"no Java", orders, s.index(t, 0), nil, map[int64]checkpoint.Translation{
			5:    {Target: aOrders, Offset: 0, Known: true},
			1150: {Target: aOrders, Offset: 5100, Known: true},
		}},
		{"only Java", orders, newScene().index(t, 0), rule, map[int64]checkpoint.Translation{
			5: {}, 10: {Target: aOrders, Offset: 11, Known: true}, 1160: {Target: aOrders, Offset: 9000, Known: true},
		}},
		{"an index that is not ready", orders, newIndex(t, 0), rule, map[int64]checkpoint.Translation{10: {}}},
		{"nobody", aOrders, s.index(t, 0), rule, map[int64]checkpoint.Translation{10: {}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := checkpoint.OffsetMap{Index: tt.index, Java: tt.rule, RemoteTopic: func(t string) string { return "A." + t }}
			got := map[int64]checkpoint.Translation{}
			for g := range tt.want {
				got[g] = m.Forward(tt.source, g).Answer()
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(checkpoint.Translation{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	m := checkpoint.OffsetMap{Index: tests[0].index}
	if tr := m.Backward(aOrders, 5350); tr.Offset != 1250 || !tr.Exact || tr.Target != orders {
		t.Errorf("backward: %+v", tr)
	}
}

// busy is an index of one partition that is written to twice a second: 500
// records and a marker on the target, the source's markers in between.
func busy(t testing.TB, segments, budget int64) (*checkpoint.Index, []*kgo.Record) {
	s := newScene()
	for i := range segments {
		s.commit(501*i+501, "x", seg(501*i, 1000+501*i, 500))
	}
	return s.index(t, budget), s.log
}

func TestTranslationsAllocateNothing(t *testing.T) {
	x, _ := busy(t, 1000, 0)
	g := int64(0)
	if n := testing.AllocsPerRun(1000, func() {
		g = (g + 12345) % 501_000
		if !x.Forward(orders, g).Known || !x.Backward(aOrders, g).Known {
			t.Fatal("nothing is known")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSegmentsAreSmall(t *testing.T) {
	x, _ := busy(t, 100_000, 1<<30)
	st := x.Stats()
	if per := float64(st.Bytes) / float64(st.Segments); per > 9 || st.Segments != 100_000 {
		t.Errorf("%.1f bytes for each of %d segments, want at most 9", per, st.Segments)
	} else {
		t.Logf("%.1f bytes for each segment", per)
	}
}

func TestTranslationsWhileTheIndexGrows(t *testing.T) {
	x, log := busy(t, 1000, 20_000)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for g := int64(0); g < 501_000; g += 101 {
				if tr := x.Forward(orders, g); tr.Offset > 1001+g { // one in 501 was not copied
					t.Errorf("forward %d: %+v", g, tr)
				}
				if tr := x.Backward(aOrders, g+1000); tr.Offset > g+1 { // or is a marker
					t.Errorf("backward %d: %+v", g+1000, tr)
				}
				_ = x.Stats()
			}
		})
	}
	for _, r := range log {
		x.Feed(r)
	}
	readers.Wait()
}

func BenchmarkForward(b *testing.B) {
	x, _ := busy(b, 100_000, 1<<30)
	g := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		g = (g + 7_654_321) % 50_100_000
		x.Forward(orders, g)
	}
}

func BenchmarkBackward(b *testing.B) {
	x, _ := busy(b, 100_000, 1<<30)
	g := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		g = (g + 7_654_321) % 50_100_000
		x.Backward(aOrders, g)
	}
}

// BenchmarkIndexAdd is one commit of one partition, as the reader sees it.
func BenchmarkIndexAdd(b *testing.B) {
	_, log := busy(b, 1280, 0)
	x := newIndex(b, 0)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		r := *log[i%len(log)]
		r.Offset = int64(i)
		x.Feed(&r)
		i++
	}
}

// BenchmarkWriterCommit is one commit of one partition, as the lane pays for it.
func BenchmarkWriterCommit(b *testing.B) {
	w := newWriter()
	next := marks(orders, 1<<40, "AAAAAAAAAAAAAAAAAAAAAA")
	i, bytes := int64(0), 0
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range w.Records(next, []pipeline.Segment{seg(501*i, 501*i, 500)}) {
			bytes += len(r.Key) + len(r.Value)
		}
		i++
	}
	b.ReportMetric(float64(bytes)/float64(i), "bytes/commit")
}
