package streams

import (
	"errors"
	"fmt"
	"iter"
	"sync"

	"mm2/streams/internal/runtime"
	"mm2/streams/state"
)

// KeyValueView reads a key-value store from outside of its tasks: what they
// committed last, in all tasks of the store that run in this instance. It may be
// used by any number of goroutines, and follows tasks as they come and go.
type KeyValueView[K, V any] struct {
	app  *App
	name string

	mu  sync.Mutex // guards err
	err error
}

// QueryKeyValue looks a key-value store up by its name. V is the type of its
// values, a state.Timestamped for stores that keep times, such as those of tables
// and aggregates. The error is ErrStoreNotFound or ErrNotRunning, or says that
// the store has other types.
func QueryKeyValue[K, V any](a *App, store string) (*KeyValueView[K, V], error) {
	v := &KeyValueView[K, V]{app: a, name: store}
	_, err := v.stores()
	if err != nil {
		return nil, fmt.Errorf("query store %q: %w", store, err)
	}
	return v, nil
}

func (v *KeyValueView[K, V]) stores() ([]state.ReadOnlyKeyValue[K, V], error) {
	views, err := v.app.app.Views(v.name, v.fail)
	if err != nil {
		return nil, err
	}
	stores := make([]state.ReadOnlyKeyValue[K, V], len(views))
	for i, view := range views {
		s, ok := view.Store.(state.ReadOnlyKeyValue[K, V])
		if !ok {
			return nil, fmt.Errorf("it is a %T, not a %s", view.Store, typeName[state.ReadOnlyKeyValue[K, V]]())
		}
		stores[i] = s
	}
	return stores, nil
}

// moved explains an error of a store that was closed meanwhile.
func moved(err error) error {
	switch {
	case errors.Is(err, state.ErrClosed):
		return fmt.Errorf("%w: %w", ErrStoreMoved, err)
	case errors.Is(err, runtime.ErrNotRunning):
		return fmt.Errorf("%w: %w", ErrStoreMoved, err)
	}
	return err
}

func (v *KeyValueView[K, V]) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		v.err = fmt.Errorf("query store %q: %w", v.name, moved(err))
	}
}

// Err is the first error that an iteration met since the last call: after a loop
// it tells whether the loop saw everything. ErrStoreMoved is one.
func (v *KeyValueView[K, V]) Err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.err
	v.err = nil
	return err
}

// Get is the value of k, and whether any task of this instance has one. The
// error may be ErrStoreMoved.
func (v *KeyValueView[K, V]) Get(k K) (value V, ok bool, err error) {
	stores, err := v.stores()
	for i := 0; err == nil && i < len(stores); i++ {
		if value, ok, err = stores[i].Get(k); ok {
			return value, true, nil
		}
	}
	if err != nil {
		return value, false, fmt.Errorf("query store %q: %w", v.name, moved(err))
	}
	return value, false, nil
}

// Range has the keys from from to to, both included, task by task, in each in the
// order of the encoded keys. A nil key, where K can be nil, leaves that end open.
// Err tells whether the loop saw all.
func (v *KeyValueView[K, V]) Range(from, to K) iter.Seq2[K, V] {
	return v.each(func(s state.ReadOnlyKeyValue[K, V]) iter.Seq2[K, V] { return s.Range(from, to) })
}

// All has all keys, as Range.
func (v *KeyValueView[K, V]) All() iter.Seq2[K, V] {
	return v.each(func(s state.ReadOnlyKeyValue[K, V]) iter.Seq2[K, V] { return s.All() })
}

func (v *KeyValueView[K, V]) each(rows func(state.ReadOnlyKeyValue[K, V]) iter.Seq2[K, V]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		stores, err := v.stores()
		if err != nil {
			v.fail(err)
			return
		}
		for _, s := range stores {
			for k, value := range rows(s) {
				if !yield(k, value) {
					return
				}
			}
		}
	}
}

// ApproxLen is about the number of keys in this instance.
func (v *KeyValueView[K, V]) ApproxLen() int64 {
	stores, err := v.stores()
	if err != nil {
		v.fail(err)
		return 0
	}
	var n int64
	for _, s := range stores {
		n += s.ApproxLen()
	}
	return n
}
