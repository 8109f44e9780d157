package streams

import (
	"fmt"
	"time"

	"mm2/streams/state"
)

// WindowedGrouped is a stream grouped by key and time windows, ready to be
// aggregated.
type WindowedGrouped[K, V any] struct {
	g *Grouped[K, V]
	w TimeWindow
}

// WindowedBy has a grouped stream aggregated by windows of fixed length. Each
// window is a row of its own: its key is Windowed. A record that is late for all its
// windows is dropped and counted; time is the largest record time that the operator
// has seen in this partition, and is carried over a restart with the committed
// offsets.
func WindowedBy[K, V any](g *Grouped[K, V], w TimeWindow) *WindowedGrouped[K, V] {
	if err := w.check(); err != nil {
		g.s.b.fail(fmt.Errorf("WindowedBy: %w", err))
		w = Tumbling(time.Millisecond) // so that it is said once
	}
	return &WindowedGrouped[K, V]{g, w}
}

// Count is the table of how many records each window has. Records with a null key
// are dropped and counted as such. Those with a null value count, but not with
// sliding windows, where they are dropped too.
func (g *WindowedGrouped[K, V]) Count(opts ...Option) *KTable[Windowed[K], int64] {
	return timeTable(g, "Count", "KSTREAM-AGGREGATE-", opts, nil, countFold[K, V]())
}

// Reduce folds the values of each window into one of the same type: the first value
// is taken as it is, then fn makes a new aggregate of the one before and a value.
// Records with a null key are dropped, and with a null value too if V cannot hold
// nil or windows are sliding. Where V can be nil, a nil result deletes the row.
func (g *WindowedGrouped[K, V]) Reduce(fn func(agg, v V) V, opts ...Option) *KTable[Windowed[K], V] {
	return timeTable(g, "Reduce", "KSTREAM-REDUCE-", opts, firstOf(g.g.o.value, g.g.s.value), reduceFold[K](fn))
}

// AggregateWindow folds the values of each window into a row of another type: fn
// makes a new row of the one before, which at first is what init gives. Nulls are
// treated as by Reduce. Where A can be nil, a nil result deletes the row.
//
// fn may change the row that it is given and return it: it is its own copy.
func AggregateWindow[K, V, A any](g *WindowedGrouped[K, V], init func() A, fn func(k K, v V, agg A) A, opts ...Option) *KTable[Windowed[K], A] {
	return timeTable(g, "AggregateWindow", "KSTREAM-AGGREGATE-", opts, nil, aggregateFold(init, fn, nil))
}

func timeTable[K, V, A any](g *WindowedGrouped[K, V], operator, prefix string, opts []Option, value any, f fold[K, V, A]) *KTable[Windowed[K], A] {
	op := newWindowOperator(g.g, operator, prefix, opts, g.w.needs(), value, f)
	size := max(g.w.size, time.Millisecond) // sliding windows may have no difference
	store := state.NewTimestampedWindow[K, A](op.store, op.retention, size, op.storeOpts...)
	op.look = func(ctx BaseContext) (lookup[Windowed[K], A], error) {
		s, err := GetStore[windowStore[K, A]](ctx, op.store)
		return func(k Windowed[K]) (A, time.Time, bool, error) {
			row, ok, err := s.Get(k.Key, k.Start)
			return row.Value, row.Time, ok, err
		}, err
	}
	key := &windowedSerde[K]{times: 1, size: g.w.size.Milliseconds()}
	return op.table(key, g.w.grace, store, func() Processor[K, V, Windowed[K], change[A]] {
		n := timeNode[K, V, A]{windowNode: windowNode[K, V, A]{op: op}, w: g.w}
		if g.w.kind == sliding {
			return &slidingNode[K, V, A]{timeNode: n}
		}
		return &alignedNode[K, V, A]{timeNode: n}
	})
}
