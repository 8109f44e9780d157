package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

var (
	orders  = pipeline.Partition{Topic: "orders", Partition: 3}
	aOrders = pipeline.Partition{Topic: "A.orders", Partition: 3}
	claim   = pipeline.Marks{"owner": `{"worker":"w"}`}
)

func newWriter(change ...func(*checkpoint.SegmentConfig)) *checkpoint.SegmentWriter {
	cfg := checkpoint.SegmentConfig{Topic: "segments", Lane: 1, RemoteTopic: func(t string) string { return "A." + t }}
	for _, c := range change {
		c(&cfg)
	}
	return checkpoint.NewSegmentWriter(cfg)
}

func marks(p pipeline.Partition, offset int64, id string) pipeline.Marks {
	return pipeline.Marks{kafka.MarkKey(p): fmt.Sprintf(`{"offset":%d,"epoch":0,"topic":%q}`, offset, id)}
}

func seg(source, target, count int64) pipeline.Segment {
	return pipeline.Segment{Source: orders, SourceBase: source, Target: aOrders, TargetBase: target, Count: count}
}

// says is what the records say: "[from runs next]", a run being source:target+count.
func says(t *testing.T, records []*kgo.Record) []string {
	t.Helper()
	out := []string{}
	for _, r := range records {
		runs, from, next, err := checkpoint.ChunkText(r.Key, r.Value)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("[%d", from)
		for _, r := range runs {
			text += fmt.Sprintf(" %d:%d+%d", r[0], r[1], r[2])
		}
		out = append(out, text+fmt.Sprintf(" %d]", next))
	}
	return out
}

func TestChunkGrowsWithEachTransaction(t *testing.T) {
	w := newWriter()
	steps := []struct {
		name     string
		next     pipeline.Marks
		segments []pipeline.Segment
		want     []string
	}{
		{"first", marks(orders, 11, "x"), []pipeline.Segment{seg(0, 100, 10)}, []string{"[0 0:100+10 11]"}},
		{"only marks", marks(orders, 15, "x"), nil, []string{}},
		{"marker between", marks(orders, 18, "x"), []pipeline.Segment{seg(15, 111, 3)}, []string{"[0 0:100+10 15:111+3 18]"}},
		{"contiguous on both sides", marks(orders, 20, "x"), []pipeline.Segment{seg(18, 114, 1), seg(19, 115, 1)}, []string{"[0 0:100+10 15:111+5 20]"}},
		{"a claim forgets", claim, nil, []string{}},
		{"a new chunk", marks(orders, 25, "x"), []pipeline.Segment{seg(20, 120, 5)}, []string{"[20 20:120+5 25]"}},
		{"sent elsewhere", marks(orders, 30, "x"), []pipeline.Segment{{Source: orders, SourceBase: 25, Target: pipeline.Partition{Topic: "dead", Partition: 3}, Count: 5}}, []string{}},
		{"goes back on the source", marks(orders, 12, "x"), []pipeline.Segment{seg(10, 130, 2)}, []string{"[10 10:130+2 12]"}},
		{"goes back on the target", marks(orders, 14, "x"), []pipeline.Segment{seg(12, 0, 2)}, []string{"[12 12:0+2 14]"}},
		{"another source topic", marks(orders, 40, "y"), []pipeline.Segment{seg(30, 10, 10)}, []string{"[30 30:10+10 40]"}},
		{
			"another within the transaction", marks(orders, 2, "z"),
			[]pipeline.Segment{seg(40, 20, 1), seg(0, 21, 2)},
			[]string{"[30 30:10+11 41]", "[0 0:21+2 2]"},
		},
	}
	for _, s := range steps {
		if diff := cmp.Diff(s.want, says(t, w.Records(s.next, s.segments))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

func TestRewrittenChunkKeepsItsKeyAndANewOneHasAnother(t *testing.T) {
	w := newWriter()
	a := w.Records(marks(orders, 10, "x"), []pipeline.Segment{seg(0, 0, 10)})[0]
	b := w.Records(marks(orders, 20, "x"), []pipeline.Segment{seg(10, 11, 10)})[0]
	w.Records(claim, nil)
	c := w.Records(marks(orders, 10, "x"), []pipeline.Segment{seg(0, 0, 10)})[0] // a target made anew
	if !bytes.Equal(a.Key, b.Key) || bytes.Equal(a.Key, c.Key) {
		t.Errorf("keys %s, %s, %s", a.Key, b.Key, c.Key)
	}
	if a.Topic != "segments" || a.Partition != 1 {
		t.Errorf("goes to %s partition %d", a.Topic, a.Partition)
	}
}

func TestTargetTopicMadeAnewBeginsAChunk(t *testing.T) {
	id := "one"
	w := newWriter(func(c *checkpoint.SegmentConfig) { c.TopicID = func(string) string { return id } })
	w.Records(marks(orders, 10, "x"), []pipeline.Segment{seg(0, 0, 10)})
	id = "two"
	got := says(t, w.Records(marks(orders, 12, "x"), []pipeline.Segment{seg(10, 20, 2)}))
	if diff := cmp.Diff([]string{"[10 10:20+2 12]"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFullChunkIsClosed(t *testing.T) {
	w := newWriter()
	var many []pipeline.Segment
	for i := range int64(300) {
		many = append(many, seg(2*i, i, 1)) // a compacted source
	}
	records := w.Records(marks(orders, 600, "x"), many)
	if len(records) != 3 {
		t.Fatalf("%d records, want 3", len(records))
	}
	for i, want := range []string{"[0 0:0+1", "[255 256:128+1", "[511 512:256+1"} {
		if got := says(t, records[i:i+1])[0]; got[:len(want)] != want {
			t.Errorf("record %d begins %.40s, want %s", i, got, want)
		}
	}
	// What was read and not copied between two chunks is known to be nothing.
	for i := int64(300); len(records) == 3 || len(records) == 1; i++ {
		records = w.Records(marks(orders, 10*i+5, "x"), []pipeline.Segment{seg(10*i, i, 1)})
		if says(t, records)[0][:5] != "[511 " {
			if got, want := says(t, records)[0], fmt.Sprintf("[%d %d:%d+1 %d]", 10*i-5, 10*i, i, 10*i+5); got != want {
				t.Errorf("the chunk after a full one is %s, want %s", got, want)
			}
			return
		}
	}
}

// Any schedule of commits, aborts, commits with an unknown outcome and
// reopenings: the committed records say what the committed transactions copied,
// no more and no less.
func TestCommittedChunksSayWhatWasCommitted(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		m := newModel(rng)
		for range 60 {
			m.step()
		}
		m.check(t, seed)
		if t.Failed() {
			return
		}
	}
}

// model is one lane that copies one partition, its target, and a list of what
// is really there.
type model struct {
	seed    uint64
	rng     *rand.Rand
	w       *checkpoint.SegmentWriter
	mark    int64         // next source offset
	end     int64         // of the target log
	id      string        // of the source topic
	copied  [][3]int64    // committed: source, target, 1 if it still counts
	log     []*kgo.Record // committed records of the segments topic
	offset  int64
	rewinds bool // topics are made anew, marks move back
}

func newModel(rng *rand.Rand) *model {
	m := &model{rng: rng, w: newWriter(), id: "x", end: rng.Int64N(50), mark: rng.Int64N(50)}
	m.w.Records(claim, nil)
	return m
}

// step is one transaction: some batches with holes, and an outcome.
func (m *model) step() {
	if m.rewinds && m.rng.IntN(12) == 0 {
		m.rewind()
	}
	var segments []pipeline.Segment
	mark := m.mark
	for range m.rng.IntN(6) {
		mark += max(0, m.rng.Int64N(6)-3) // control, aborted and filtered records
		if m.rng.IntN(4) == 0 {
			m.end += m.rng.Int64N(3) // records of others
		}
		n := 1 + m.rng.Int64N(5)
		segments = append(segments, seg(mark, m.end, n))
		mark, m.end = mark+n, m.end+n
	}
	if m.rng.IntN(2) == 0 {
		mark += m.rng.Int64N(3)
	}
	outcome := m.rng.IntN(10)
	if outcome == 0 { // the batches failed
		m.end++ // the marker of the abort
		m.w.Records(claim, nil)
		return
	}
	records := m.w.Records(marks(orders, mark, m.id), segments)
	m.end++
	if outcome == 1 { // the commit failed
		m.w.Records(claim, nil)
		return
	}
	m.mark = mark
	m.commit(records, segments)
	if outcome == 2 { // it happened, and nobody knew
		m.w.Records(claim, nil)
	}
	if outcome == 3 { // another owner
		m.w = newWriter()
	}
}

func (m *model) commit(records []*kgo.Record, segments []pipeline.Segment) {
	for _, r := range records {
		m.offset++
		r.Offset = m.offset
		m.log = append(m.log, r)
	}
	for _, s := range segments {
		for i := range s.Count {
			m.copied = append(m.copied, [3]int64{s.SourceBase + i, s.TargetBase + i, 1})
		}
	}
}

// rewind makes the source or the target topic anew, or moves the mark back.
func (m *model) rewind() {
	from := int64(0)
	switch m.rng.IntN(4) {
	case 0:
		m.id += "x"
	case 1:
		m.end, m.copied = 0, nil
		if m.rng.IntN(2) == 0 {
			from = m.mark
		}
	case 2:
		from = m.rng.Int64N(m.mark + 1)
	case 3:
		return
	}
	m.mark = from
	for i := range m.copied {
		if m.copied[i][0] >= from {
			m.copied[i][2] = 0
		}
	}
	if m.id != "x" && from == 0 {
		for i := range m.copied {
			m.copied[i][2] = 0
		}
	}
	if m.rng.IntN(2) == 0 {
		m.w.Records(claim, nil)
	}
}

// compacted is the log with only the last record of each key.
func (m *model) compacted() []*kgo.Record {
	last := map[string]int64{}
	for _, r := range m.log {
		last[string(r.Key)] = r.Offset
	}
	var out []*kgo.Record
	for _, r := range m.log {
		if last[string(r.Key)] == r.Offset {
			out = append(out, r)
		}
	}
	return out
}

func (m *model) check(t *testing.T, seed uint64) {
	t.Helper()
	x := newIndex(t, 0)
	x.Feed(m.log...)
	want := [][2]int64{}
	for _, c := range m.copied {
		want = append(want, [2]int64{c[0], c[1]})
	}
	got := x.Pairs(orders)
	if len(got)+len(want) > 0 {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d: records in the map (-want +got):\n%s", seed, diff)
		}
	}
	x.CheckAccount(t)
}

func FuzzDecodeChunk(f *testing.F) {
	w := newWriter()
	for i := range int64(5) {
		for _, r := range w.Records(marks(orders, 20*i+5, "x"), []pipeline.Segment{seg(20*i, 30*i, 3), seg(20*i+3, 30*i+5, 1)}) {
			f.Add(r.Key, r.Value)
		}
	}
	f.Add([]byte("orders/3/0/0"), []byte{1, 0})
	f.Add([]byte("a/0/0/9223372036854775807"), bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		runs, from, next, err := checkpoint.ChunkText(key, value)
		if err != nil {
			if !errors.Is(err, checkpoint.ErrChunk) {
				t.Fatalf("error %v is not ErrChunk", err)
			}
			return
		}
		source, target := from, int64(0)
		for _, r := range runs {
			if r[0] < source || r[1] < target || r[2] <= 0 || r[0]+r[2] < 0 || r[1]+r[2] < 0 {
				t.Fatalf("runs %v from %d to %d", runs, from, next)
			}
			source, target = r[0]+r[2], r[1]+r[2]
		}
		if from < 0 || next < source {
			t.Fatalf("runs %v from %d to %d", runs, from, next)
		}
		k, v, err := checkpoint.Reencode(key, value)
		if err != nil {
			t.Fatal(err)
		}
		again, from2, next2, err := checkpoint.ChunkText(k, v)
		if err != nil || from2 != from || next2 != next || !cmp.Equal(again, runs) {
			t.Fatalf("encoded again: %v from %d to %d, %v", again, from2, next2, err)
		}
		x := newIndex(t, 0)
		x.Feed(&kgo.Record{Key: key, Value: value})
		x.Finish()
		x.CheckAccount(t)
		if got := x.Stats().Segments; got != len(runs) {
			t.Fatalf("%d segments, want %d", got, len(runs))
		}
	})
}
