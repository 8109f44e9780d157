// Package buffer holds changes of a table back, one for each key, in the order of
// a time that each has. It keeps them in the rows of a store and logs them in the
// format of Kafka's suppression buffer. It knows bytes only.
//
// A key keeps its place in the order when its change is replaced by a later one.
// Changes of the same time are ordered by the bytes of their keys.
package buffer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"mm2/streams/state"
)

// Each key has two rows:
//
//	1 | key               encoded value, with the time of the order at its end
//	2 | time (8) | key    nothing
const (
	byKey   = 1
	byOrder = 2
)

// Log writes to a changelog; a nil value is a deletion. The slices are used again.
type Log func(key, value []byte) error

// Buffer is the changes that are held. It belongs to one goroutine.
type Buffer struct {
	rows  state.Rows
	log   Log
	count int64
	size  int64 // of keys and encoded values
	first int64 // the earliest time in the order; of no meaning if count is 0
	buf   []byte
	order []byte
}

// Open gives the buffer on these rows, which were restored before. log may be nil.
func Open(rows state.Rows, log Log) (*Buffer, error) {
	b := &Buffer{rows: rows, log: log, first: math.MaxInt64}
	for row, err := range rows.Scan([]byte{byKey}, []byte{byKey + 1}, false) {
		if err != nil {
			return nil, err
		}
		at, err := orderOf(row.Value)
		if err != nil {
			return nil, fmt.Errorf("the row of key %x: %w", row.Key[1:], err)
		}
		b.count++
		b.size += sizeOf(row.Key[1:], row.Value)
		b.first = min(b.first, at)
	}
	return b, nil
}

// Len is the number of keys.
func (b *Buffer) Len() int64 { return b.count }

// Size is how many bytes the keys and their encoded changes have.
func (b *Buffer) Size() int64 { return b.size }

// First is the earliest time in the order; false if the buffer is empty.
func (b *Buffer) First() (int64, bool) { return b.first, b.count > 0 }

func sizeOf(key, row []byte) int64 { return int64(len(key) + len(row)) }

// Put holds a change of a key. Where one is held already, it takes its place in
// the order, and its prior value stays; else order is the place, which must not be
// negative. The prior value of v is not looked at.
func (b *Buffer) Put(order int64, key []byte, v Value) error {
	if order < 0 {
		return fmt.Errorf("hold a change at the time %d, which is before 1970", order)
	}
	b.order = append(append(b.order[:0], byKey), key...)
	row, held, err := b.rows.Get(b.order)
	if err != nil {
		return err
	}
	v.Prior = v.Old
	if held {
		before, at, err := decodeValue(row)
		if err != nil {
			return fmt.Errorf("the row of key %x: %w", key, err)
		}
		v.Prior, order = before.Prior, at
		b.size -= sizeOf(key, row)
	}
	b.buf = appendValue(b.buf[:0], &v, order)
	if err := b.rows.Put(b.order, b.buf); err != nil {
		return err
	}
	b.size += sizeOf(key, b.buf)
	if !held {
		if b.count == 0 || order < b.first {
			b.first = order
		}
		b.count++
		b.order = appendOrder(b.order[:0], order, key)
		if err := b.rows.Put(b.order, []byte{}); err != nil {
			return err
		}
	}
	if b.log == nil {
		return nil
	}
	return b.log(key, b.buf)
}

// Prior is the prior value of a key, nil for a null, and whether a change of the
// key is held. The slice is valid until the next call.
func (b *Buffer) Prior(key []byte) (prior []byte, held bool, err error) {
	b.order = append(append(b.order[:0], byKey), key...)
	row, held, err := b.rows.Get(b.order)
	if err != nil || !held {
		return nil, false, err
	}
	v, _, err := decodeValue(row)
	if err != nil {
		return nil, false, fmt.Errorf("the row of key %x: %w", key, err)
	}
	return v.Prior, true, nil
}

// Take takes changes out in their order while want is true, which may ask First,
// Len and Size. take owns what it is given, and must not put
// anything into the buffer.
func (b *Buffer) Take(want func() bool, take func(key []byte, v Value) error) error {
	if b.count == 0 || !want() {
		return nil
	}
	for row, err := range b.rows.Scan(appendOrder(nil, b.first, nil), []byte{byOrder + 1}, false) {
		if err != nil {
			return err
		}
		if len(row.Key) < 9 {
			return fmt.Errorf("the row %x of the order is too short", row.Key)
		}
		b.first = int64(binary.BigEndian.Uint64(row.Key[1:]))
		if !want() {
			return nil
		}
		key := slices.Clone(row.Key[9:])
		v, err := b.remove(b.first, key)
		if err != nil {
			return fmt.Errorf("take out the change of key %x: %w", key, err)
		}
		if err := take(key, v); err != nil {
			return err
		}
	}
	if b.count != 0 {
		return fmt.Errorf("the buffer has %d keys that its order does not have", b.count)
	}
	return nil
}

// remove deletes a key and gives what it had.
func (b *Buffer) remove(order int64, key []byte) (v Value, err error) {
	b.order = append(append(b.order[:0], byKey), key...)
	row, held, err := b.rows.Get(b.order)
	if err != nil {
		return v, err
	}
	if !held {
		return v, errors.New("the order has it, and there is no change")
	}
	if v, _, err = decodeValue(slices.Clone(row)); err != nil {
		return v, err
	}
	b.count--
	b.size -= sizeOf(key, row)
	if err := b.rows.Delete(b.order); err != nil {
		return v, err
	}
	b.order = appendOrder(b.order[:0], order, key)
	if err := b.rows.Delete(b.order); err != nil {
		return v, err
	}
	if b.log == nil {
		return v, nil
	}
	return v, b.log(key, nil)
}

func appendOrder(dst []byte, order int64, key []byte) []byte {
	dst = append(dst, byOrder)
	dst = binary.BigEndian.AppendUint64(dst, uint64(order))
	return append(dst, key...)
}

// Restore applies a record of the changelog to rows that no Buffer is open on. A
// nil value is a deletion. It is an error if the value has another format.
func Restore(rows state.Rows, key, value []byte) error {
	rowKey := append([]byte{byKey}, key...)
	row, held, err := rows.Get(rowKey)
	if err != nil {
		return err
	}
	if held {
		before, err := orderOf(row)
		if err != nil {
			return fmt.Errorf("the row of key %x: %w", key, err)
		}
		if err := rows.Delete(appendOrder(nil, before, key)); err != nil {
			return err
		}
	}
	if value == nil {
		return rows.Delete(rowKey)
	}
	_, order, err := decodeValue(value)
	if err != nil {
		return err
	}
	if order < 0 {
		return fmt.Errorf("a change has the time %d in the order, which is before 1970", order)
	}
	if err := rows.Put(rowKey, value); err != nil {
		return err
	}
	return rows.Put(appendOrder(nil, order, key), []byte{})
}
