package streams

import (
	"iter"
	"math"
	"time"

	"mm2/streams/state"
)

// endOfTime is later than all times of records.
var endOfTime = time.UnixMilli(math.MaxInt64)

// WindowView reads a window store from outside of its tasks, as KeyValueView reads
// a key-value store: committed rows, task by task. A task shows its windows by its
// own stream time, those that are in its retention. It is a state.ReadOnlyWindow.
type WindowView[K, V any] struct{ q *query }

// QueryWindow looks a window store up by its name. V is the type of its values, a
// state.Timestamped for those of aggregates. The error is ErrStoreNotFound or
// ErrNotRunning, or says that the store has other types.
func QueryWindow[K, V any](a *App, store string, opts ...QueryOption) (*WindowView[K, V], error) {
	v := &WindowView[K, V]{newQuery(a, store, opts)}
	if err := first[state.ReadOnlyWindow[K, V]](v.q); err != nil {
		return nil, err
	}
	return v, nil
}

// Err is the first error that an iteration met since the last call: after a loop
// it tells whether the loop saw everything. ErrStoreMoved is one.
func (v *WindowView[K, V]) Err() error { return v.q.takeErr() }

// Get is the value of the window of k that starts at start, and whether any task
// of this instance has one.
func (v *WindowView[K, V]) Get(k K, start time.Time) (value V, ok bool, err error) {
	return lookUp(v.q, func(s state.ReadOnlyWindow[K, V]) (V, bool, error) { return s.Get(k, start) })
}

// Fetch has the windows of k that start from from to to, both included, the
// earliest first. Err tells whether the loop saw all.
func (v *WindowView[K, V]) Fetch(k K, from, to time.Time) iter.Seq2[time.Time, V] {
	return each(v.q, func(s state.ReadOnlyWindow[K, V]) iter.Seq2[time.Time, V] { return s.Fetch(k, from, to) })
}

// FetchReverse is Fetch with the latest first.
func (v *WindowView[K, V]) FetchReverse(k K, from, to time.Time) iter.Seq2[time.Time, V] {
	return each(v.q, func(s state.ReadOnlyWindow[K, V]) iter.Seq2[time.Time, V] { return s.FetchReverse(k, from, to) })
}

// FetchAll has the windows of all keys that start from from to to, both included,
// task by task, in each ordered by start, then by the encoded key.
func (v *WindowView[K, V]) FetchAll(from, to time.Time) iter.Seq2[state.At[K], V] {
	return each(v.q, func(s state.ReadOnlyWindow[K, V]) iter.Seq2[state.At[K], V] { return s.FetchAll(from, to) })
}

// All has all windows of all keys, as FetchAll.
func (v *WindowView[K, V]) All() iter.Seq2[state.At[K], V] {
	return v.FetchAll(time.UnixMilli(0), endOfTime)
}
