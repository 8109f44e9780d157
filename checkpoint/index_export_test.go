package checkpoint

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// Feed gives records to an index as Run does, in log order.
func (x *Index) Feed(records ...*kgo.Record) { x.apply(records) }

// Finish makes the index ready, as Run does at the end of the topic.
func (x *Index) Finish() { x.finish() }

// Trim forgets what lies before the starts of the copies' logs.
func (x *Index) Trim(starts map[pipeline.Partition]int64) { x.trim(starts) }

// Answer is what others may see of a translation.
func (t Translation) Answer() Translation {
	t.bound, t.bounded, t.settled = 0, false, false
	return t
}

// Refutes tells that an earlier answer is not about the present copy.
func (t Translation) Refutes(earlier int64) bool { return t.refutes(earlier) }

// Edits are the records that bring the topic in step.
func (x *Index) Edits() []*kgo.Record {
	_, records := x.pending("segments")
	return records
}

// Pairs are the source and target offsets of all records that the index maps.
func (x *Index) Pairs(p pipeline.Partition) [][2]int64 {
	var out [][2]int64
	if l := x.lines[p]; l != nil {
		for _, b := range l.view {
			for r := b.visible(); r.next(); {
				for i := range r.count {
					out = append(out, [2]int64{r.source + i, r.target + i})
				}
			}
		}
	}
	return out
}

// CheckAccount fails if the account of bytes and segments went wrong.
func (x *Index) CheckAccount(t testing.TB) {
	t.Helper()
	var sum int64
	for _, l := range x.lines {
		var own int64
		n := 0
		for id, b := range l.chunks {
			own += b.bytes()
			n += b.runs.n
			if id != b.id {
				t.Errorf("chunk %v is kept under %v", b.id, id)
			}
		}
		if own != l.bytes || n != l.segments {
			t.Errorf("%v: %d bytes and %d segments on the account, are %d and %d", l.source, l.bytes, l.segments, own, n)
		}
		sum += own + lineOverhead + int64(len(l.source.Topic))
	}
	total := 0
	for _, l := range x.lines {
		total += l.segments
	}
	if total != x.segments {
		t.Errorf("%d segments on the account, are %d", x.segments, total)
	}
	if sum != x.bytes {
		t.Errorf("%d bytes on the account, are %d", x.bytes, sum)
	}
}

// ChunkText is what a record of the segments topic says, for messages.
func ChunkText(key, value []byte) (runs [][3]int64, from, next int64, err error) {
	c, err := decodeChunk(key, value)
	if err != nil {
		return nil, 0, 0, err
	}
	for r := c.runs.reader(); r.next(); {
		runs = append(runs, [3]int64{r.source, r.target, r.count})
	}
	return runs, c.from, c.next, nil
}

// Reencode decodes a chunk and encodes it again.
func Reencode(key, value []byte) (k, v []byte, err error) {
	c, err := decodeChunk(key, value)
	if err != nil {
		return nil, nil, err
	}
	return c.id.key(c.source), c.encode(), nil
}
