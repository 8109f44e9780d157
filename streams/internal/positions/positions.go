// Package positions is the text in which a task that reads from several clusters
// keeps where it goes on in each. The text is the metadata of an offset of the
// group, so that it is committed in the same transaction as the outputs. It does
// no I/O.
package positions

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Limit is how many bytes a text may have: the default of the brokers'
// offset.metadata.max.bytes.
const Limit = 4096

// Position is where a task goes on in its partition of one topic. The number of
// the partition is the task's.
type Position struct {
	Cluster string // empty is the home cluster
	Topic   string
	ID      [16]byte // of the topic; zero if the brokers give none
	Next    int64    // offset of the next record that is not processed
	Epoch   int32    // of the leader that the last record came from; -1 unknown
	Time    int64    // partition time in ms; -1 before the first record
}

// Text is what is kept for one task.
type Text struct {
	Subtopology, Partition int32
	Positions              []Position
	Kept                   map[string]int64 // values that operators keep
}

// marker and version begin every text. Kafka Streams' own texts begin with 1 or 2.
const (
	marker  = 'P'
	version = 1
)

// Encode is the text of t. Equal values give equal texts.
func (t Text) Encode() string {
	sorted := slices.SortedFunc(slices.Values(t.Positions), Position.compare)
	var clusters []string
	for _, p := range sorted {
		if !slices.Contains(clusters, p.Cluster) {
			clusters = append(clusters, p.Cluster)
		}
	}
	b := []byte{marker, version}
	b = binary.AppendUvarint(b, uint64(t.Subtopology))
	b = binary.AppendUvarint(b, uint64(t.Partition))
	b = binary.AppendUvarint(b, uint64(len(clusters)))
	for _, c := range clusters {
		b = appendString(b, c)
	}
	b = binary.AppendUvarint(b, uint64(len(sorted)))
	for _, p := range sorted {
		b = binary.AppendUvarint(b, uint64(slices.Index(clusters, p.Cluster)))
		b = appendString(b, p.Topic)
		b = append(b, p.ID[:]...)
		b = binary.AppendUvarint(b, uint64(p.Next))
		b = binary.AppendUvarint(b, uint64(int64(p.Epoch)+1))
		b = binary.AppendUvarint(b, uint64(p.Time+1))
	}
	b = binary.AppendUvarint(b, uint64(len(t.Kept)))
	for _, key := range slices.Sorted(maps.Keys(t.Kept)) {
		b = appendString(b, key)
		b = binary.AppendVarint(b, t.Kept[key])
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

func (p Position) compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Cluster, o.Cluster), cmp.Compare(p.Topic, o.Topic))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Largest is how long the text of t can become while it has the same topics and
// kept values.
func Largest(t Text) int {
	t.Positions = slices.Clone(t.Positions)
	for i := range t.Positions {
		p := &t.Positions[i]
		p.Next, p.Epoch, p.Time = math.MaxInt64, math.MaxInt32, math.MaxInt64-1
	}
	t.Kept = maps.Clone(t.Kept)
	for key := range t.Kept {
		t.Kept[key] = math.MinInt64
	}
	return len(t.Encode())
}

// ErrOther says that a text was not written by this package, in any version.
var ErrOther = errors.New("the text is not one of positions")

// Decode reads a text. The error is ErrOther for a text of something else.
func Decode(text string) (Text, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 2 || b[0] != marker {
		return Text{}, ErrOther
	}
	if b[1] != version {
		return Text{}, fmt.Errorf("read positions: version %d is not known: a newer version of mm2 wrote them; run that one", b[1])
	}
	r := &reader{b: b[2:]}
	t := Text{Subtopology: r.int32(), Partition: r.int32()}
	clusters := make([]string, r.count(1))
	for i := range clusters {
		clusters[i] = r.string()
	}
	t.Positions = make([]Position, r.count(21))
	for i := range t.Positions {
		p := &t.Positions[i]
		if at := r.uvarint(); at < uint64(len(clusters)) {
			p.Cluster = clusters[at]
		} else {
			r.fail("a position is on cluster %d of %d", at, len(clusters))
		}
		p.Topic = r.string()
		copy(p.ID[:], r.take(len(p.ID)))
		p.Next = r.int64()
		p.Epoch = int32(r.lowered(math.MaxInt32))
		p.Time = r.lowered(math.MaxInt64)
		if i > 0 && t.Positions[i-1].compare(*p) >= 0 {
			r.fail("topic %s is not in order", p.Topic)
		}
	}
	if n := r.count(2); n > 0 {
		t.Kept = make(map[string]int64, n)
		for range n {
			key := r.string()
			t.Kept[key] = r.varint()
		}
	}
	if len(r.b) > 0 {
		r.fail("%d bytes are left over", len(r.b))
	}
	if r.err != nil {
		return Text{}, fmt.Errorf("read positions: %w", r.err)
	}
	return t, nil
}

// reader takes values off b until something is wrong; then it gives zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.b = nil
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("a number is cut off or too large")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("a value is cut off or too large")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) atMost(limit uint64) uint64 {
	v := r.uvarint()
	if v > limit {
		r.fail("the number %d is larger than %d", v, limit)
		return 0
	}
	return v
}

func (r *reader) int64() int64 { return int64(r.atMost(math.MaxInt64)) }
func (r *reader) int32() int32 { return int32(r.atMost(math.MaxInt32)) }

// lowered is a number that is kept with 1 added, as it may be -1.
func (r *reader) lowered(limit int64) int64 { return int64(r.atMost(uint64(limit)+1)) - 1 }

// count is a number of things that each take so many bytes at least.
func (r *reader) count(size int) int { return int(r.atMost(uint64(len(r.b) / size))) }

func (r *reader) string() string { return string(r.take(int(r.atMost(uint64(len(r.b)))))) }

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail("%d bytes are wanted and %d left", n, len(r.b))
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}
