package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"mm2/internal/pipeline"
)

// ErrChunk is wrapped by every error about a record of the segments topic that
// this version cannot read.
var ErrChunk = errors.New("not a chunk of segments")

const (
	// chunkVersion is the first byte of every value.
	chunkVersion = 1

	// maxRuns closes a chunk. A commit writes its open chunks whole, and the
	// reader keeps each as one piece: 128 runs are some 500 bytes, of which key
	// and header are a fifth.
	maxRuns = 128

	flagThinned = 1 << 0
)

// chunk is a record of the segments topic: some runs of one source partition
// and what is known around them.
type chunk struct {
	source pipeline.Partition
	id     chunkID
	identity

	// order tells older chunks of a partition from newer ones: the offset in
	// the segments topic at which a lane last wrote it. Lanes leave it to the
	// reader (-1); who rewrites a chunk of others keeps it.
	order int64

	// Of the source offsets [from, next) exactly those in runs were copied.
	from, next int64
	// tail target offsets after the last run hold no copied record: the marker
	// of the transaction.
	tail int64
	// thinned: some runs were left out, so a position between two runs may be
	// in one of those.
	thinned bool

	runs runList
}

// identity is which topics the offsets of a chunk are about.
type identity struct {
	target             pipeline.Partition
	sourceID, targetID string // topic ids; empty on brokers without
}

// same tells whether two topic ids can be those of one topic.
func same(a, b string) bool { return a == b || a == "" || b == "" }

// runList is runs in order, as (source gap, target gap, count) in varints: the
// gaps are from the end of the run before, zero for the first.
type runList struct {
	data           []byte
	n              int
	source, target int64 // of the first run
	sourceEnd      int64 // one past the last run
	targetEnd      int64
	records        int64 // in all runs
}

// add appends a run that begins at or after the end of the last one on both
// sides.
func (l *runList) add(source, target, count int64) {
	if l.n == 0 {
		l.source, l.target = source, target
		l.sourceEnd, l.targetEnd = source, target
	}
	l.data = binary.AppendUvarint(l.data, uint64(source-l.sourceEnd))
	l.data = binary.AppendUvarint(l.data, uint64(target-l.targetEnd))
	l.data = binary.AppendUvarint(l.data, uint64(count))
	l.n++
	l.sourceEnd, l.targetEnd = source+count, target+count
	l.records += count
}

// reader is before the first run.
func (l *runList) reader() runReader {
	return runReader{data: l.data, source: l.source, target: l.target}
}

// runReader walks over a runList that was checked.
type runReader struct {
	data                  []byte
	source, target, count int64 // the present run
}

func (r *runReader) next() bool {
	if len(r.data) == 0 {
		return false
	}
	r.source += r.count + r.varint()
	r.target += r.count + r.varint()
	r.count = r.varint()
	return true
}

// varint is binary.Uvarint, which is not inlined: most gaps are of one byte.
func (r *runReader) varint() int64 {
	if b := r.data[0]; b < 0x80 {
		r.data = r.data[1:]
		return int64(b)
	}
	v, n := binary.Uvarint(r.data)
	r.data = r.data[n:]
	return int64(v)
}

// chunkID tells the chunks of a source partition apart.
type chunkID struct {
	// generation is another one for each owner of the lane, and whenever the
	// copy starts over. Nobody writes a chunk of a generation that has ended, so
	// it can be removed without a race.
	generation int64
	first      int64 // target offset of the first record
}

// key is where the chunk is kept: topic/partition/generation/first.
func (id chunkID) key(source pipeline.Partition) []byte {
	b := append(make([]byte, 0, len(source.Topic)+48), source.Topic...)
	for _, v := range []int64{int64(source.Partition), id.generation, id.first} {
		b = strconv.AppendInt(append(b, '/'), v, 10)
	}
	return b
}

func parseChunkKey(key string) (source pipeline.Partition, id chunkID, err error) {
	part := strings.Split(key, "/") // no topic name contains a slash
	if len(part) == 4 && part[0] != "" {
		var p, generation, first int64
		for i, v := range []*int64{&p, &generation, &first} {
			n, nerr := strconv.ParseUint(part[i+1], 10, 63)
			*v, err = int64(n), errors.Join(err, nerr)
		}
		if err == nil && p <= math.MaxInt32 {
			return pipeline.Partition{Topic: part[0], Partition: int32(p)}, chunkID{generation, first}, nil
		}
	}
	return pipeline.Partition{}, chunkID{}, fmt.Errorf("%w: key %.80q is not topic/partition/generation/offset", ErrChunk, key)
}

// encode is the value. A chunk has at least one run.
func (c *chunk) encode() []byte {
	b := make([]byte, 0, 64+len(c.sourceID)+len(c.targetID)+len(c.target.Topic)+len(c.runs.data))
	var flags byte
	if c.thinned {
		flags |= flagThinned
	}
	b = append(b, chunkVersion, flags)
	for _, s := range []string{c.sourceID, c.targetID, c.target.Topic} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	for _, v := range []int64{
		int64(c.target.Partition), c.order + 1, c.runs.source, c.runs.target,
		c.runs.source - c.from, c.next - c.runs.sourceEnd, c.tail,
	} {
		b = binary.AppendUvarint(b, uint64(v))
	}
	return append(b, c.runs.data...)
}

// decodeChunk reads a record of the segments topic. The chunk keeps value.
func decodeChunk(key, value []byte) (*chunk, error) {
	source, id, err := parseChunkKey(string(key))
	if err != nil {
		return nil, err
	}
	c := &chunk{source: source, id: id}
	if len(value) < 2 || value[0] != chunkVersion || value[1]&^flagThinned != 0 {
		return nil, fmt.Errorf("%w: %s is of another version: its value begins with %x", ErrChunk, key, value[:min(len(value), 2)])
	}
	c.thinned = value[1]&flagThinned != 0
	f := fields{rest: value[2:]}
	c.sourceID, c.targetID, c.target.Topic = f.text(), f.text(), f.text()
	partition, order := f.number(), f.number()
	c.runs.source, c.runs.target = f.number(), f.number()
	lead, rest, tail := f.number(), f.number(), f.number()
	c.runs.data = f.rest
	f.check(c.runs.measure())
	f.check(partition <= math.MaxInt32 && lead <= c.runs.source && rest <= math.MaxInt64-c.runs.sourceEnd && tail <= math.MaxInt64-c.runs.targetEnd)
	f.check(c.target.Topic != "" && c.runs.target == id.first)
	if f.bad {
		return nil, fmt.Errorf("%w: value of %s, %d bytes", ErrChunk, key, len(value))
	}
	c.target.Partition, c.order, c.tail = int32(partition), order-1, tail
	c.from, c.next = c.runs.source-lead, c.runs.sourceEnd+rest
	return c, nil
}

// measure fills in count and ends, and tells whether the data are runs.
func (l *runList) measure() bool {
	f := fields{rest: l.data}
	l.sourceEnd, l.targetEnd, l.records = l.source, l.target, 0
	for len(f.rest) > 0 && !f.bad {
		gapSource, gapTarget, count := f.number(), f.number(), f.number()
		f.check(count > 0 && (l.n > 0 || gapSource == 0 && gapTarget == 0))
		for _, v := range []int64{gapSource, count} {
			f.check(v <= math.MaxInt64-l.sourceEnd)
			l.sourceEnd += v
		}
		for _, v := range []int64{gapTarget, count} {
			f.check(v <= math.MaxInt64-l.targetEnd)
			l.targetEnd += v
		}
		l.n++
		l.records += count // no overflow: it is at most targetEnd
	}
	return !f.bad && l.n > 0
}

// fields reads what others wrote; bad stays set once something was wrong.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) check(ok bool) { f.bad = f.bad || !ok }

func (f *fields) number() int64 {
	v, n := binary.Uvarint(f.rest)
	if n <= 0 || v > math.MaxInt64 {
		f.bad, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[n:]
	return int64(v)
}

func (f *fields) text() string {
	n := f.number()
	if n > int64(len(f.rest)) {
		f.bad, f.rest = true, nil
		return ""
	}
	s := string(f.rest[:n])
	f.rest = f.rest[n:]
	return s
}
