package serde

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
)

// fixed encodes numbers in a fixed number of bytes, the most significant first,
// as Kafka's serializers of short, int, long, float and double do. Go's int is
// written as a long, so that it does not depend on the machine; unsigned numbers
// have no Java type of their own and are the same bytes as the signed ones.
type fixed[T any] struct {
	width int
	put   func(dst []byte, v T) []byte
	get   func(b []byte) T
}

// AppendEncode never fails.
func (f fixed[T]) AppendEncode(dst []byte, v T) ([]byte, error) { return f.put(dst, v), nil }

// Decode fails when b has another length than the type.
func (f fixed[T]) Decode(b []byte) (T, error) {
	if len(b) != f.width {
		var none T
		return none, wrongLength[T](f.width, len(b))
	}
	return f.get(b), nil
}

func wrongLength[T any](want, got int) error {
	return fmt.Errorf("decode %v: want %d bytes, got %d: the writer used another serializer",
		reflect.TypeFor[T](), want, got)
}

var big = binary.BigEndian

var (
	int8s = fixed[int8]{
		1,
		func(dst []byte, v int8) []byte { return append(dst, byte(v)) },
		func(b []byte) int8 { return int8(b[0]) },
	}
	int16s = fixed[int16]{
		2,
		func(dst []byte, v int16) []byte { return big.AppendUint16(dst, uint16(v)) },
		func(b []byte) int16 { return int16(big.Uint16(b)) },
	}
	int32s = fixed[int32]{
		4,
		func(dst []byte, v int32) []byte { return big.AppendUint32(dst, uint32(v)) },
		func(b []byte) int32 { return int32(big.Uint32(b)) },
	}
	int64s = fixed[int64]{
		8,
		func(dst []byte, v int64) []byte { return big.AppendUint64(dst, uint64(v)) },
		func(b []byte) int64 { return int64(big.Uint64(b)) },
	}
	ints = fixed[int]{
		8,
		func(dst []byte, v int) []byte { return big.AppendUint64(dst, uint64(v)) },
		func(b []byte) int { return int(big.Uint64(b)) },
	}
	uint32s = fixed[uint32]{4, big.AppendUint32, big.Uint32}
	uint64s = fixed[uint64]{8, big.AppendUint64, big.Uint64}

	float32s = fixed[float32]{
		4,
		func(dst []byte, v float32) []byte { return big.AppendUint32(dst, math.Float32bits(v)) },
		func(b []byte) float32 { return math.Float32frombits(big.Uint32(b)) },
	}
	float64s = fixed[float64]{
		8,
		func(dst []byte, v float64) []byte { return big.AppendUint64(dst, math.Float64bits(v)) },
		func(b []byte) float64 { return math.Float64frombits(big.Uint64(b)) },
	}
)

// boolean is one byte, 0 or 1.
type boolean struct{}

func (boolean) AppendEncode(dst []byte, v bool) ([]byte, error) {
	if v {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (boolean) Decode(b []byte) (bool, error) {
	if len(b) != 1 {
		return false, wrongLength[bool](1, len(b))
	}
	if b[0] > 1 {
		return false, fmt.Errorf("decode bool: want byte 0 or 1, got %d: the writer used another serializer", b[0])
	}
	return b[0] == 1, nil
}
