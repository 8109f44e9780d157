package buffer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Version is the version of the format, which the changelog has in a header.
var Version = []byte{3}

// Value is the last change of a key, as bytes. A nil value is a null.
type Value struct {
	// Where the record came from that made the change, and its time in
	// milliseconds. Topic is empty if a punctuator made it.
	Time      int64
	Offset    int64
	Topic     string
	Partition int32
	Headers   []kgo.RecordHeader
	// Prior is the row before the first change that is held, which is what those
	// behind the buffer know; Old is the row before the last one.
	Prior, Old, New []byte
}

// The lengths that stand for something else.
const (
	isNull    = -1
	sameAgain = -2 // the old value is the prior one
)

// appendValue writes v and, behind it, the time that it is ordered by:
//
//	time 8 | offset 8 | topic 4+ | partition 4 | number of headers 4 |
//	headers, each: name 4+ | value 4+ | prior 4+ | old 4+ | new 4+ | order 8
//
// where 4+ is a length of 4 bytes and what it counts.
func appendValue(dst []byte, v *Value, order int64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.Time))
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.Offset))
	dst = appendBytes(dst, []byte(v.Topic))
	dst = binary.BigEndian.AppendUint32(dst, uint32(v.Partition))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v.Headers)))
	for _, h := range v.Headers {
		dst = appendBytes(dst, []byte(h.Key))
		dst = appendNullable(dst, h.Value)
	}
	dst = appendNullable(dst, v.Prior)
	if v.Old != nil && v.Prior != nil && bytes.Equal(v.Prior, v.Old) {
		dst = appendLength(dst, sameAgain)
	} else {
		dst = appendNullable(dst, v.Old)
	}
	dst = appendNullable(dst, v.New)
	return binary.BigEndian.AppendUint64(dst, uint64(order))
}

func appendLength(dst []byte, n int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) }

func appendBytes(dst, b []byte) []byte {
	return append(appendLength(dst, int32(len(b))), b...)
}

func appendNullable(dst, b []byte) []byte {
	if b == nil {
		return appendLength(dst, isNull)
	}
	return appendBytes(dst, b)
}

// decodeValue reads what appendValue wrote. The value shares memory with b.
func decodeValue(b []byte) (v Value, order int64, err error) {
	r := reader{b: b}
	v.Time, v.Offset = r.int64("time"), r.int64("offset")
	v.Topic = string(r.bytes("topic"))
	v.Partition = r.int32("partition")
	// Kafka wrote -1 for no headers once.
	if n := r.int32("number of headers"); n > 0 {
		if int64(n)*8 > int64(len(r.b)) {
			r.fail(fmt.Errorf("%d headers in %d bytes", n, len(r.b)))
		} else {
			v.Headers = make([]kgo.RecordHeader, n)
		}
	} else if n < -1 {
		r.fail(fmt.Errorf("%d headers", n))
	}
	for i := range v.Headers {
		v.Headers[i].Key = string(r.bytes("name of a header"))
		v.Headers[i].Value, _ = r.nullable("value of a header")
	}
	var again bool
	if v.Prior, again = r.nullable("prior value"); again {
		r.fail(errors.New("the prior value has the length -2"))
	}
	if v.Old, again = r.nullable("old value"); again {
		v.Old = v.Prior
	}
	if v.New, again = r.nullable("new value"); again {
		r.fail(errors.New("the new value has the length -2"))
	}
	order = r.int64("time of the order")
	if r.err == nil && len(r.b) > 0 {
		r.fail(fmt.Errorf("%d bytes are left over", len(r.b)))
	}
	if r.err != nil {
		return Value{}, 0, fmt.Errorf("decode a change (format version %d): %w", Version[0], r.err)
	}
	return v, order, nil
}

// orderOf is the time at the end of an encoded value.
func orderOf(b []byte) (int64, error) {
	if len(b) < 8 {
		return 0, fmt.Errorf("a change has %d bytes, want at least 8", len(b))
	}
	return int64(binary.BigEndian.Uint64(b[len(b)-8:])), nil
}

// reader reads fields until one is missing.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.b = err, nil
	}
}

func (r *reader) take(n int, what string) []byte {
	if n > len(r.b) {
		r.fail(fmt.Errorf("the %s has %d bytes and %d are left", what, n, len(r.b)))
	}
	if r.err != nil {
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) int64(what string) int64 {
	b := r.take(8, what)
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

func (r *reader) int32(what string) int32 {
	b := r.take(4, what)
	if b == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

func (r *reader) bytes(what string) []byte {
	n := r.int32(what)
	if n < 0 {
		r.fail(fmt.Errorf("the %s has the length %d", what, n))
		return nil
	}
	return r.take(int(n), what)
}

// nullable reads bytes that may be null, or, as the second result says, that
// it is the value before again.
func (r *reader) nullable(what string) (b []byte, again bool) {
	switch n := r.int32(what); {
	case n == isNull:
		return nil, false
	case n == sameAgain:
		return nil, true
	case n < 0:
		r.fail(fmt.Errorf("the %s has the length %d", what, n))
		return nil, false
	default:
		return r.take(int(n), what), false
	}
}
