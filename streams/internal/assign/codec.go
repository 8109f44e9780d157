package assign

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Versions of both formats. A version that older readers can still read, because
// it only adds fields at the end, keeps lowestReader and raises Version.
const (
	// Version is what this package writes when all members read it.
	Version uint8 = 1
	// lowestReader is the lowest version whose readers understand version 1.
	lowestReader uint8 = 1
)

// ErrVersion is wrapped by decoding errors of data that needs a newer reader.
var ErrVersion = errors.New("the data needs a newer version of mm2")

// errShort is wrapped by decoding errors of data that ends too early.
var errShort = errors.New("the data ends too early")

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTask(b []byte, id TaskID) []byte {
	b = binary.AppendUvarint(b, uint64(uint32(id.Subtopology)))
	return binary.AppendUvarint(b, uint64(uint32(id.Partition)))
}

func appendTasks(b []byte, ids []TaskID) []byte {
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = appendTask(b, id)
	}
	return b
}

// reader takes fields off a buffer. After an error it returns zero values.
type reader struct {
	buf []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.buf = nil
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.buf) {
		r.fail(errShort)
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.buf)
	switch {
	case n == 0:
		r.fail(errShort)
		return 0
	case n < 0 || v > limit:
		r.fail(fmt.Errorf("a number is larger than %d", limit))
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

// count reads how many items follow. Each takes at least size bytes, so what is
// allocated for them is bounded by the length of the data.
func (r *reader) count(size int) int {
	n := r.uvarint(math.MaxInt32)
	if n > uint64(len(r.buf)/size) {
		r.fail(errShort)
		return 0
	}
	return int(n)
}

func (r *reader) string() string { return string(r.bytes(r.count(1))) }

func (r *reader) task() TaskID {
	sub, part := r.uvarint(math.MaxInt32), r.uvarint(math.MaxInt32)
	return TaskID{Subtopology: int32(sub), Partition: int32(part)}
}

func (r *reader) tasks() []TaskID {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	ids := make([]TaskID, 0, n)
	for range n {
		ids = append(ids, r.task())
	}
	return ids
}

// version reads the first two bytes.
func (r *reader) version() uint8 {
	version, lowest := r.byte(), r.byte()
	switch {
	case r.err != nil:
	case version == 0 || lowest == 0 || lowest > version:
		r.fail(fmt.Errorf("version %d readable from %d on does not exist", version, lowest))
	case lowest > Version:
		r.fail(fmt.Errorf("version %d, readable from %d on, while this is %d: %w", version, lowest, Version, ErrVersion))
	}
	return version
}

// end checks that nothing is left over, except what a newer version adds.
func (r *reader) end(version uint8) error {
	if r.err == nil && version <= Version && len(r.buf) > 0 {
		r.err = fmt.Errorf("%d bytes are left over", len(r.buf))
	}
	return r.err
}
