package streams

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"mm2/streams/serde"
)

// changeSerde writes changes of a table to a repartition topic, as Kafka does:
//
//	new value | 1
//	old value | 0
//	length of the new value, zigzag varint | new value | old value | 2
type changeSerde[V any] struct {
	of serde.Serde[V]
}

const (
	onlyOld byte = iota
	onlyNew
	oldAndNew
)

// AppendEncode implements serde.Serde.
func (s *changeSerde[V]) AppendEncode(dst []byte, c change[V]) ([]byte, error) {
	return s.AppendEncodeMeta(dst, serde.Meta{}, c)
}

// Decode implements serde.Serde.
func (s *changeSerde[V]) Decode(b []byte) (change[V], error) {
	return s.DecodeMeta(serde.Meta{}, b)
}

// AppendEncodeMeta implements serde.MetaSerde, as the serde of V may.
func (s *changeSerde[V]) AppendEncodeMeta(dst []byte, m serde.Meta, c change[V]) (_ []byte, err error) {
	start := len(dst)
	kind := onlyOld
	if c.HasNew {
		kind = onlyNew
		if dst, err = serde.Append(s.of, m, dst, c.New); err != nil {
			return nil, fmt.Errorf("the new value: %w", err)
		}
	}
	if c.HasNew && c.HasOld {
		kind = oldAndNew
		var length [binary.MaxVarintLen64]byte
		n := binary.PutVarint(length[:], int64(len(dst)-start))
		dst = slices.Insert(dst, start, length[:n]...)
	}
	if c.HasOld {
		if dst, err = serde.Append(s.of, m, dst, c.Old); err != nil {
			return nil, fmt.Errorf("the old value: %w", err)
		}
	}
	if !c.HasNew && !c.HasOld {
		return nil, errors.New("a change without a new and an old value")
	}
	return append(dst, kind), nil
}

// DecodeMeta implements serde.MetaSerde.
func (s *changeSerde[V]) DecodeMeta(m serde.Meta, b []byte) (c change[V], err error) {
	if len(b) == 0 {
		return c, errors.New("a change of a table has at least 1 byte, got none")
	}
	b, kind := b[:len(b)-1], b[len(b)-1]
	newBytes, oldBytes := b, b
	switch kind {
	case onlyOld:
		c.HasOld = true
	case onlyNew:
		c.HasNew = true
	case oldAndNew:
		c.HasNew, c.HasOld = true, true
		n, read := binary.Varint(b)
		if read <= 0 || n < 0 || n > int64(len(b)-read) {
			return change[V]{}, fmt.Errorf("the length of the new value in a change of a table: %d of %d bytes", n, len(b))
		}
		newBytes, oldBytes = b[read:read+int(n)], b[read+int(n):]
	default:
		return c, fmt.Errorf("a change of a table has the kind %d, want 0, 1 or 2", kind)
	}
	if c.HasNew {
		if c.New, err = serde.Read(s.of, m, newBytes); err != nil {
			return change[V]{}, fmt.Errorf("the new value: %w", err)
		}
	}
	if c.HasOld {
		if c.Old, err = serde.Read(s.of, m, oldBytes); err != nil {
			return change[V]{}, fmt.Errorf("the old value: %w", err)
		}
	}
	return c, nil
}
