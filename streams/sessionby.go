package streams

import (
	"fmt"
	"time"

	"mm2/streams/state"
)

// SessionGrouped is a stream grouped by key and sessions, ready to be aggregated.
type SessionGrouped[K, V any] struct {
	g *Grouped[K, V]
	w SessionWindow
}

// SessionWindowedBy has a grouped stream aggregated by sessions. Each session is a
// row of its own: its key is Windowed, and its time is its end. When a record
// changes the bounds of sessions, or joins some, the rows that were are deleted. A
// record that is late for its session is dropped and counted; time is the largest
// record time that the operator has seen in this partition, and is carried over a
// restart with the committed offsets.
func SessionWindowedBy[K, V any](g *Grouped[K, V], w SessionWindow) *SessionGrouped[K, V] {
	if err := w.check(); err != nil {
		g.s.b.fail(fmt.Errorf("SessionWindowedBy: %w", err))
		w = Session(time.Millisecond) // so that it is said once
	}
	return &SessionGrouped[K, V]{g, w}
}

// Count is the table of how many records each session has. Records with a null key
// are dropped and counted as such; those with a null value count.
func (g *SessionGrouped[K, V]) Count(opts ...Option) *KTable[Windowed[K], int64] {
	return sessionTable(g, "Count", "KSTREAM-AGGREGATE-", opts, nil, countFold[K, V]())
}

// Reduce folds the values of each session into one of the same type: the first
// value is taken as it is, then fn makes a new aggregate of the one before and a
// value. fn also makes one aggregate of those of two sessions that are joined.
// Records with a null key are dropped, and with a null value too if V cannot hold
// nil. Where V can be nil, a nil result deletes the row.
func (g *SessionGrouped[K, V]) Reduce(fn func(agg, v V) V, opts ...Option) *KTable[Windowed[K], V] {
	return sessionTable(g, "Reduce", "KSTREAM-REDUCE-", opts, firstOf(g.g.o.value, g.g.s.value), reduceFold[K](fn))
}

// AggregateSession folds the values of each session into a row of another type.
// merge makes one row of those of two sessions, the earlier one first, or of what
// init gives and that of a session; fn makes a new row of that and a value. Nulls
// are treated as by Reduce. Where A can be nil, a nil result deletes the row.
//
// fn and merge may change the rows that they are given and return one of them: they
// are their own copies.
func AggregateSession[K, V, A any](g *SessionGrouped[K, V], init func() A, fn func(k K, v V, agg A) A, merge func(k K, a, b A) A, opts ...Option) *KTable[Windowed[K], A] {
	return sessionTable(g, "AggregateSession", "KSTREAM-AGGREGATE-", opts, nil, aggregateFold(init, fn, merge))
}

func sessionTable[K, V, A any](g *SessionGrouped[K, V], operator, prefix string, opts []Option, value any, f fold[K, V, A]) *KTable[Windowed[K], A] {
	op := newWindowOperator(g.g, operator, prefix, opts, g.w.needs(), value, f)
	store := state.NewSession[K, A](op.store, op.retention, op.storeOpts...)
	op.look = func(ctx BaseContext) (lookup[Windowed[K], A], error) {
		s, err := GetStore[state.Session[K, A]](ctx, op.store)
		return func(k Windowed[K]) (A, time.Time, bool, error) {
			v, ok, err := s.Get(k.Key, state.Span{Start: k.Start, End: k.End})
			return v, k.End, ok, err
		}, err
	}
	return op.table(&windowedSerde[K]{times: 2}, g.w.gap+g.w.grace, store, func() Processor[K, V, Windowed[K], change[A]] {
		return &sessionNode[K, V, A]{windowNode: windowNode[K, V, A]{op: op}, w: g.w}
	})
}
