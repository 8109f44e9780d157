// Package javawire has the primitive encodings that the records of Java
// MirrorMaker 2 are made of: STRING and the big-endian integers, one after the
// other without tags, padding or a length in front.
//
// The Append functions add a value to the end of a slice. The Cut functions
// take one off the front and return what is left; they share no memory with
// their argument. What the records mean is not the package's business.
package javawire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// MaxString is the largest number of bytes that a STRING can hold.
const MaxString = math.MaxInt16

// AppendString appends the length of s in bytes as INT16 and then s. More than
// [MaxString] bytes are an error.
func AppendString(b []byte, s string) ([]byte, error) {
	if len(s) > MaxString {
		return nil, fmt.Errorf("string of %d bytes, at most %d fit", len(s), MaxString)
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...), nil
}

// AppendInt16 appends an INT16.
func AppendInt16(b []byte, v int16) []byte { return binary.BigEndian.AppendUint16(b, uint16(v)) }

// AppendInt32 appends an INT32.
func AppendInt32(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }

// AppendInt64 appends an INT64.
func AppendInt64(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

// CutString takes a STRING off the front of b. Like Java's reader it does not
// check that the bytes are UTF-8, and unlike it it keeps them as they are.
func CutString(b []byte) (s string, rest []byte, err error) {
	n, b, err := CutInt16(b)
	if err != nil {
		return "", nil, fmt.Errorf("length: %w", err)
	}
	if n < 0 || int(n) > len(b) {
		return "", nil, fmt.Errorf("length %d with %d bytes left", n, len(b))
	}
	return string(b[:n]), b[n:], nil
}

// CutInt16 takes an INT16 off the front of b.
func CutInt16(b []byte) (v int16, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, short(b, 2)
	}
	return int16(binary.BigEndian.Uint16(b)), b[2:], nil
}

// CutInt32 takes an INT32 off the front of b.
func CutInt32(b []byte) (v int32, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, short(b, 4)
	}
	return int32(binary.BigEndian.Uint32(b)), b[4:], nil
}

// CutInt64 takes an INT64 off the front of b.
func CutInt64(b []byte) (v int64, rest []byte, err error) {
	if len(b) < 8 {
		return 0, nil, short(b, 8)
	}
	return int64(binary.BigEndian.Uint64(b)), b[8:], nil
}

func short(b []byte, want int) error { return fmt.Errorf("%d bytes left, want %d", len(b), want) }
