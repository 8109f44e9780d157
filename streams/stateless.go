package streams

import (
	"context"
	"iter"
)

// step is a processor without state: a function of a record and of what passes
// records on.
type step[KI, VI, KO, VO any] struct {
	ctx ProcessorContext[KO, VO]
	fn  func(ctx ProcessorContext[KO, VO], r Record[KI, VI]) error
}

func (p *step[KI, VI, KO, VO]) Init(ctx ProcessorContext[KO, VO]) error {
	p.ctx = ctx
	return nil
}
func (p *step[KI, VI, KO, VO]) Process(r Record[KI, VI]) error { return p.fn(p.ctx, r) }
func (p *step[KI, VI, KO, VO]) Close() error                   { return nil }

// stepOf adds a step behind a stream.
func stepOf[K, V, K2, V2 any](s *KStream[K, V], operator, prefix string, opts []Option, fn func(ctx ProcessorContext[K2, V2], r Record[K, V]) error) *KStream[K2, V2] {
	name := s.b.name(prefix, s.b.read(operator, opts, optNamed))
	addProcessor(s.b, name, func() Processor[K, V, K2, V2] { return &step[K, V, K2, V2]{fn: fn} }, s.node)
	return derive[K, V, K2, V2](s, name)
}

// Filter keeps the records for which fn is true. For a null, fn gets the zero
// value.
func (s *KStream[K, V]) Filter(fn func(K, V) bool, opts ...Option) *KStream[K, V] {
	return stepOf(s, "Filter", "KSTREAM-FILTER-", opts, func(ctx ProcessorContext[K, V], r Record[K, V]) error {
		if fn(r.Key, r.Value) {
			ctx.Forward(r)
		}
		return nil
	})
}

// FilterNot keeps the records for which fn is false.
func (s *KStream[K, V]) FilterNot(fn func(K, V) bool, opts ...Option) *KStream[K, V] {
	return stepOf(s, "FilterNot", "KSTREAM-FILTER-", opts, func(ctx ProcessorContext[K, V], r Record[K, V]) error {
		if !fn(r.Key, r.Value) {
			ctx.Forward(r)
		}
		return nil
	})
}

// Peek calls fn with each record that passes. It is called again for records that
// are processed again after a crash, under exactly-once too.
func (s *KStream[K, V]) Peek(fn func(Record[K, V]), opts ...Option) *KStream[K, V] {
	return stepOf(s, "Peek", "KSTREAM-PEEK-", opts, func(ctx ProcessorContext[K, V], r Record[K, V]) error {
		fn(r)
		ctx.Forward(r)
		return nil
	})
}

// ForEach calls fn with each record and ends the stream. It is called again for
// records that are processed again after a crash, under exactly-once too.
func (s *KStream[K, V]) ForEach(fn func(Record[K, V]), opts ...Option) {
	stepOf(s, "ForEach", "KSTREAM-FOREACH-", opts, func(_ ProcessorContext[K, V], r Record[K, V]) error {
		fn(r)
		return nil
	})
}

// MapValues changes each value. A null that V cannot hold stays null, and fn is
// not called for it.
func MapValues[K, V, V2 any](s *KStream[K, V], fn func(V) V2, opts ...Option) *KStream[K, V2] {
	canBeNil := nullsOf[K, V]().value != nil
	return stepOf(s, "MapValues", "KSTREAM-MAPVALUES-", opts, func(ctx ProcessorContext[K, V2], r Record[K, V]) error {
		if r.NullValue && !canBeNil {
			ctx.Forward(nullValue[K, V, V2](r))
			return nil
		}
		ctx.Forward(WithValue(r, fn(r.Value)))
		return nil
	})
}

// nullValue is the record with a null value of another type.
func nullValue[K, V, V2 any](r Record[K, V]) Record[K, V2] {
	n := Record[K, V2]{Key: r.Key, Time: r.Time, Headers: r.Headers, NullKey: r.NullKey, NullValue: true}
	return n
}

// TryMapValues is MapValues with a function that may fail and may take its time:
// ctx ends when the task is given up. It is also called for nulls.
func TryMapValues[K, V, V2 any](s *KStream[K, V], fn func(context.Context, Record[K, V]) (V2, error), opts ...Option) *KStream[K, V2] {
	return stepOf(s, "TryMapValues", "KSTREAM-MAPVALUES-", opts, func(ctx ProcessorContext[K, V2], r Record[K, V]) error {
		v, err := fn(ctx.Context(), r)
		if err != nil {
			return err
		}
		ctx.Forward(WithValue(r, v))
		return nil
	})
}

// Map makes one record of each, with another key and value. For a null, fn gets
// the zero value.
func Map[K, V, K2, V2 any](s *KStream[K, V], fn func(K, V) (K2, V2), opts ...Option) *KStream[K2, V2] {
	return MapRecord(s, func(r Record[K, V]) Record[K2, V2] {
		k, v := fn(r.Key, r.Value)
		return Record[K2, V2]{Key: k, Value: v, Time: r.Time, Headers: r.Headers}
	}, opts...)
}

// MapRecord is Map of whole records: fn may change time and headers, and sees and
// makes nulls.
func MapRecord[K, V, K2, V2 any](s *KStream[K, V], fn func(Record[K, V]) Record[K2, V2], opts ...Option) *KStream[K2, V2] {
	m := stepOf(s, "Map", "KSTREAM-MAP-", opts, func(ctx ProcessorContext[K2, V2], r Record[K, V]) error {
		ctx.Forward(fn(r))
		return nil
	})
	m.rekeyed = true
	return m
}

// FlatMap makes any number of records of each.
func FlatMap[K, V, K2, V2 any](s *KStream[K, V], fn func(K, V) iter.Seq2[K2, V2], opts ...Option) *KStream[K2, V2] {
	m := stepOf(s, "FlatMap", "KSTREAM-FLATMAP-", opts, func(ctx ProcessorContext[K2, V2], r Record[K, V]) error {
		for k, v := range fn(r.Key, r.Value) {
			ctx.Forward(Record[K2, V2]{Key: k, Value: v, Time: r.Time, Headers: r.Headers})
		}
		return nil
	})
	m.rekeyed = true
	return m
}

// FlatMapValues makes any number of records of each, with the same key. A null
// that V cannot hold gives none.
func FlatMapValues[K, V, V2 any](s *KStream[K, V], fn func(V) iter.Seq[V2], opts ...Option) *KStream[K, V2] {
	canBeNil := nullsOf[K, V]().value != nil
	return stepOf(s, "FlatMapValues", "KSTREAM-FLATMAPVALUES-", opts, func(ctx ProcessorContext[K, V2], r Record[K, V]) error {
		if r.NullValue && !canBeNil {
			return nil
		}
		for v := range fn(r.Value) {
			ctx.Forward(WithValue(r, v))
		}
		return nil
	})
}

// SelectKey gives each record another key.
func SelectKey[K, V, K2 any](s *KStream[K, V], fn func(K, V) K2, opts ...Option) *KStream[K2, V] {
	m := stepOf(s, "SelectKey", "KSTREAM-KEY-SELECT-", opts, func(ctx ProcessorContext[K2, V], r Record[K, V]) error {
		ctx.Forward(WithKey(r, fn(r.Key, r.Value)))
		return nil
	})
	m.rekeyed = true
	return m
}

// Merge is both streams in one. There is no order between their records.
func (s *KStream[K, V]) Merge(other *KStream[K, V], opts ...Option) *KStream[K, V] {
	name := s.b.name("KSTREAM-MERGE-", s.b.read("Merge", opts, optNamed))
	addProcessor(s.b, name, func() Processor[K, V, K, V] { return &step[K, V, K, V]{fn: pass[K, V]} }, s.node, other.node)
	m := derive[K, V, K, V](s, name)
	m.rekeyed = s.rekeyed || other.rekeyed
	return m
}

func pass[K, V any](ctx ProcessorContext[K, V], r Record[K, V]) error {
	ctx.Forward(r)
	return nil
}
