package streams

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/task"
)

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Record is what flows through a topology. It is a value: a changed copy changes
// nothing for others. Headers are shared between copies and must not be changed
// in place; AddHeader makes a new list.
type Record[K, V any] struct {
	Key     K
	Value   V
	Time    time.Time // to the millisecond
	Headers []Header
	// NullKey and NullValue say that key or value is Kafka's null. For types that
	// can be nil they go with nil.
	NullKey, NullValue bool
}

// AddHeader gives the record one more header.
func (r Record[K, V]) AddHeader(key string, value []byte) Record[K, V] {
	r.Headers = append(slices.Clip(r.Headers), Header{key, value})
	return r
}

// WithValue is the record with another value. A null value is not null any more.
func WithValue[K, V, V2 any](r Record[K, V], v V2) Record[K, V2] {
	return Record[K, V2]{Key: r.Key, Value: v, Time: r.Time, Headers: r.Headers, NullKey: r.NullKey}
}

// WithKey is the record with another key. A null key is not null any more.
func WithKey[K, V, K2 any](r Record[K, V], k K2) Record[K2, V] {
	return Record[K2, V]{Key: k, Value: r.Value, Time: r.Time, Headers: r.Headers, NullValue: r.NullValue}
}

// RecordMetadata says where a record comes from.
type RecordMetadata = task.Metadata

// TaskID names a task: one sub-topology for one partition number.
type TaskID = task.ID

func headersOf(from []kgo.RecordHeader) []Header {
	if len(from) == 0 {
		return nil
	}
	headers := make([]Header, len(from))
	for i, h := range from {
		headers[i] = Header(h)
	}
	return headers
}

func wireHeaders(from []Header) []kgo.RecordHeader {
	if len(from) == 0 {
		return nil
	}
	headers := make([]kgo.RecordHeader, len(from))
	for i, h := range from {
		headers[i] = kgo.RecordHeader(h)
	}
	return headers
}
