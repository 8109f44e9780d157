package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"mm2/streams/internal/null"
	"mm2/streams/serde"
)

// stampLen is the length of the timestamp in front of the value in a row of a
// timestamped store. The changelog has the value only: there the timestamp is
// the record's own.
const stampLen = 8

func appendMillis(dst []byte, ms int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(ms))
}

func millisOf(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// format is how values of W stand in a row, and how the changelog shows a row.
type format[W any] interface {
	isNil(v W) bool
	appendRow(dst []byte, v W) ([]byte, error)
	readRow(row []byte) (W, error)
	// logged is the part of a row that the changelog has, and the timestamp that
	// the record gets when the one being processed has now.
	logged(row []byte, now int64) (value []byte, at int64)
}

var errNotAppended = errors.New("the serde did not append to what it was given: its AppendEncode must return dst with the value behind")

// plain has the bytes of the serde in the row.
type plain[V any] struct {
	serde serde.Serde[V]
	meta  serde.Meta
	null  func(V) bool // nil when no V is
}

func newPlain[V any](s serde.Serde[V], topic string) plain[V] {
	return plain[V]{s, serde.Meta{Topic: topic}, null.Check[V]()}
}

func (p plain[V]) asKey() plain[V] {
	p.meta.IsKey = true
	return p
}

func (p plain[V]) isNil(v V) bool { return p.null != nil && p.null(v) }

func (p plain[V]) appendRow(dst []byte, v V) ([]byte, error) {
	out, err := serde.Append(p.serde, p.meta, dst, v)
	if err == nil && !bytes.HasPrefix(out, dst) {
		return dst, errNotAppended
	}
	return out, err
}

func (p plain[V]) readRow(row []byte) (V, error) { return serde.Read(p.serde, p.meta, row) }

func (plain[V]) logged(row []byte, now int64) ([]byte, int64) { return row, now }

// stamped has the timestamp in front of them.
type stamped[V any] struct {
	plain[V]
}

func newStamped[V any](s serde.Serde[V], topic string) stamped[V] {
	return stamped[V]{newPlain(s, topic)}
}

func (s stamped[V]) isNil(v Timestamped[V]) bool { return s.plain.isNil(v.Value) }

func (s stamped[V]) appendRow(dst []byte, v Timestamped[V]) ([]byte, error) {
	ms := v.Time.UnixMilli()
	if ms < 0 {
		return dst, fmt.Errorf("its time %v is before 1970, where Kafka has no times", v.Time)
	}
	return s.plain.appendRow(appendMillis(dst, ms), v.Value)
}

func (s stamped[V]) readRow(row []byte) (Timestamped[V], error) {
	if len(row) < stampLen {
		return Timestamped[V]{}, fmt.Errorf("decode the timestamp of a row: want %d bytes, got %d", stampLen, len(row))
	}
	v, err := s.plain.readRow(row[stampLen:])
	return Timestamped[V]{v, time.UnixMilli(millisOf(row))}, err
}

func (stamped[V]) logged(row []byte, _ int64) ([]byte, int64) {
	return row[stampLen:], millisOf(row)
}
