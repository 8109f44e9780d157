package streams

import (
	"iter"

	"mm2/streams/state"
)

// KeyValueView reads a key-value store from outside of its tasks: what they
// committed last, in all tasks of the store that run in this instance. It may be
// used by any number of goroutines, and follows tasks as they come and go. It is a
// state.ReadOnlyKeyValue.
//
// A loop over rows sees those of a task as they were when it came to that task.
// The task cannot leave the instance before the body of the loop is done with a
// row; so the body must not wait for the end of Run.
type KeyValueView[K, V any] struct{ q *query }

// QueryKeyValue looks a key-value store up by its name. V is the type of its
// values, a state.Timestamped for stores that keep times, such as those of tables
// and aggregates. The error is ErrStoreNotFound or ErrNotRunning, or says that
// the store has other types.
func QueryKeyValue[K, V any](a *App, store string, opts ...QueryOption) (*KeyValueView[K, V], error) {
	v := &KeyValueView[K, V]{newQuery(a, store, opts)}
	if err := first[state.ReadOnlyKeyValue[K, V]](v.q); err != nil {
		return nil, err
	}
	return v, nil
}

// Err is the first error that an iteration met since the last call: after a loop
// it tells whether the loop saw everything. ErrStoreMoved is one.
func (v *KeyValueView[K, V]) Err() error { return v.q.takeErr() }

// Get is the value of k, and whether any task of this instance has one. The
// error may be ErrStoreMoved.
func (v *KeyValueView[K, V]) Get(k K) (value V, ok bool, err error) {
	return lookUp(v.q, func(s state.ReadOnlyKeyValue[K, V]) (V, bool, error) { return s.Get(k) })
}

// Range has the keys from from to to, both included, task by task, in each in the
// order of the encoded keys. A nil key, where K can be nil, leaves that end open.
// Err tells whether the loop saw all.
func (v *KeyValueView[K, V]) Range(from, to K) iter.Seq2[K, V] {
	return each(v.q, func(s state.ReadOnlyKeyValue[K, V]) iter.Seq2[K, V] { return s.Range(from, to) })
}

// RangeReverse is Range with each task from its end.
func (v *KeyValueView[K, V]) RangeReverse(from, to K) iter.Seq2[K, V] {
	return each(v.q, func(s state.ReadOnlyKeyValue[K, V]) iter.Seq2[K, V] { return s.RangeReverse(from, to) })
}

// All has all keys, as Range.
func (v *KeyValueView[K, V]) All() iter.Seq2[K, V] {
	return each(v.q, func(s state.ReadOnlyKeyValue[K, V]) iter.Seq2[K, V] { return s.All() })
}

// AllReverse is All with each task from its end.
func (v *KeyValueView[K, V]) AllReverse() iter.Seq2[K, V] {
	return each(v.q, func(s state.ReadOnlyKeyValue[K, V]) iter.Seq2[K, V] { return s.AllReverse() })
}

// ApproxLen is about the number of keys in this instance. Err tells whether it
// could be found out.
func (v *KeyValueView[K, V]) ApproxLen() int64 {
	stores, err := open[state.ReadOnlyKeyValue[K, V]](v.q)
	if err != nil {
		v.q.fail(err)
		return 0
	}
	var n int64
	for _, s := range stores {
		n += s.ApproxLen()
	}
	return n
}
