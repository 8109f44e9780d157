package streams

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"mm2/streams/serde"
)

// Windowed is a key in one of its windows. Of tumbling and hopping windows End is
// the first instant behind the window; of sliding windows and sessions it is the
// last one within.
type Windowed[K any] struct {
	Key        K
	Start, End time.Time // to the millisecond
}

// TimeWindowedSerde encodes keys of tumbling, hopping and sliding windows as Java
// does: the key, then the start of the window in eight bytes. The end is not
// written: size, or the difference of sliding windows, gives it back. A sink places
// such a key by the key without the window. Tables of windows have this serde
// without being told; it is needed to read what was written.
func TimeWindowedSerde[K any](inner serde.Serde[K], size time.Duration) serde.Serde[Windowed[K]] {
	return &windowedSerde[K]{inner: inner, times: 1, size: size.Milliseconds()}
}

// SessionWindowedSerde encodes keys of sessions as Java does: the key, then the
// end and the start of the session in eight bytes each. A sink places such a key
// by the key without the session. Tables of sessions have this serde without being
// told; it is needed to read what was written.
func SessionWindowedSerde[K any](inner serde.Serde[K]) serde.Serde[Windowed[K]] {
	return &windowedSerde[K]{inner: inner, times: 2}
}

// windowedSerde writes a key with one or two times behind it.
type windowedSerde[K any] struct {
	inner serde.Serde[K]
	times int   // 1: start. 2: end, start.
	size  int64 // ms, where only the start is written
}

// AppendEncode implements serde.Serde.
func (s *windowedSerde[K]) AppendEncode(dst []byte, k Windowed[K]) ([]byte, error) {
	return s.AppendEncodeMeta(dst, serde.Meta{IsKey: true}, k)
}

// AppendEncodeMeta implements serde.MetaSerde, for an inner serde that is one.
func (s *windowedSerde[K]) AppendEncodeMeta(dst []byte, m serde.Meta, k Windowed[K]) ([]byte, error) {
	start, end := k.Start.UnixMilli(), k.End.UnixMilli()
	switch {
	case start < 0:
		return nil, fmt.Errorf("encode a windowed key: the start %v is before 1970, where Kafka has no times", k.Start)
	case s.times == 2 && end < start:
		return nil, fmt.Errorf("encode the key of a session: it ends at %v, before its start %v", k.End, k.Start)
	}
	dst, err := serde.Append(s.inner, m, dst, k.Key)
	if err != nil {
		return nil, fmt.Errorf("encode the key in a windowed key: %w", err)
	}
	if s.times == 2 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(end))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(start)), nil
}

// Decode implements serde.Serde.
func (s *windowedSerde[K]) Decode(b []byte) (Windowed[K], error) {
	return s.DecodeMeta(serde.Meta{IsKey: true}, b)
}

// DecodeMeta implements serde.MetaSerde, for an inner serde that is one.
func (s *windowedSerde[K]) DecodeMeta(m serde.Meta, b []byte) (k Windowed[K], err error) {
	if len(b) < 8*s.times {
		return k, fmt.Errorf("decode a windowed key: got %d bytes, want at least %d for the window", len(b), 8*s.times)
	}
	start := int64(binary.BigEndian.Uint64(b[len(b)-8:]))
	if start < 0 {
		return k, errors.New("decode a windowed key: the start of the window is negative")
	}
	end := start + min(s.size, math.MaxInt64-start)
	if s.times == 2 {
		end = int64(binary.BigEndian.Uint64(b[len(b)-16:]))
		if end < start {
			return k, fmt.Errorf("decode the key of a session: it ends at %d, before its start %d", end, start)
		}
	}
	inner, err := serde.Read(s.inner, m, s.place(b))
	if err != nil {
		return k, fmt.Errorf("decode the key in a windowed key: %w", err)
	}
	return Windowed[K]{Key: inner, Start: millis(start), End: millis(end)}, nil
}

// place implements placer.
func (s *windowedSerde[K]) place(encoded []byte) []byte {
	n := len(encoded) - 8*s.times
	return encoded[:n:n]
}
