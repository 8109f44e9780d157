package streams

import (
	"iter"
	"time"

	"mm2/streams/state"
)

// SessionView reads a session store from outside of its tasks, as KeyValueView
// reads a key-value store: committed rows, task by task. A task shows its sessions
// by its own stream time, those that are in its retention. It is a
// state.ReadOnlySession.
type SessionView[K, V any] struct{ q *query }

// QuerySession looks a session store up by its name. V is the type of its values.
// The error is ErrStoreNotFound or ErrNotRunning, or says that the store has other
// types.
func QuerySession[K, V any](a *App, store string, opts ...QueryOption) (*SessionView[K, V], error) {
	v := &SessionView[K, V]{newQuery(a, store, opts)}
	if err := first[state.ReadOnlySession[K, V]](v.q); err != nil {
		return nil, err
	}
	return v, nil
}

// Err is the first error that an iteration met since the last call: after a loop
// it tells whether the loop saw everything. ErrStoreMoved is one.
func (v *SessionView[K, V]) Err() error { return v.q.takeErr() }

// Get is the value of exactly this session of k, and whether any task of this
// instance has it.
func (v *SessionView[K, V]) Get(k K, s state.Span) (value V, ok bool, err error) {
	return lookUp(v.q, func(store state.ReadOnlySession[K, V]) (V, bool, error) { return store.Get(k, s) })
}

// Find has the sessions of k that end at earliestEnd or later and start at
// latestStart or earlier, ordered by end, then by start. Err tells whether the
// loop saw all.
func (v *SessionView[K, V]) Find(k K, earliestEnd, latestStart time.Time) iter.Seq2[state.Span, V] {
	return each(v.q, func(s state.ReadOnlySession[K, V]) iter.Seq2[state.Span, V] {
		return s.Find(k, earliestEnd, latestStart)
	})
}

// Fetch has all sessions of k, ordered by end, then by start.
func (v *SessionView[K, V]) Fetch(k K) iter.Seq2[state.Span, V] {
	return each(v.q, func(s state.ReadOnlySession[K, V]) iter.Seq2[state.Span, V] { return s.Fetch(k) })
}

// FetchAll has the sessions of all keys that end from from to to, both included,
// task by task, in each ordered by end, then by start, then by the encoded key.
func (v *SessionView[K, V]) FetchAll(from, to time.Time) iter.Seq2[state.SessionKey[K], V] {
	return each(v.q, func(s state.ReadOnlySession[K, V]) iter.Seq2[state.SessionKey[K], V] { return s.FetchAll(from, to) })
}

// All has all sessions of all keys, as FetchAll.
func (v *SessionView[K, V]) All() iter.Seq2[state.SessionKey[K], V] {
	return v.FetchAll(time.UnixMilli(0), endOfTime)
}
