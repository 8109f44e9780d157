package streams

import (
	"errors"
	"fmt"
	"iter"
	"sync"

	"mm2/streams/internal/runtime"
	"mm2/streams/state"
)

// QueryOption changes which copies of a store a query reads.
type QueryOption func(*runtime.Query)

// Partition has a query read one partition of a store only: that of one task. It
// is an error for global stores.
func Partition(n int32) QueryOption {
	return func(q *runtime.Query) { q.One, q.Partition = true, n }
}

// AllowStale has a query also read copies that are behind: of tasks that are being
// restored, and those that this instance keeps for tasks that run elsewhere.
// Without it a query fails while a task of the store is on its way here.
func AllowStale() QueryOption {
	return func(q *runtime.Query) { q.Stale = true }
}

// query is what all views have: which store, and the errors that iterations met.
type query struct {
	app  *App
	name string
	what runtime.Query

	mu  sync.Mutex // guards err
	err error
}

func newQuery(a *App, store string, opts []QueryOption) *query {
	q := &query{app: a, name: store}
	for _, opt := range opts {
		opt(&q.what)
	}
	return q
}

// first is what the functions that make views check.
func first[S any](q *query) error {
	if _, err := open[S](q); err != nil {
		return fmt.Errorf("query store %q: %w", q.name, err)
	}
	return nil
}

var kindNames = map[state.Kind]string{
	state.KindKeyValue: "a key-value", state.KindWindow: "a window", state.KindSession: "a session", state.KindRaw: "an operator's own",
}

// open opens the copies of the store, ordered by partition.
func open[S any](q *query) ([]S, error) {
	views, err := q.app.app.Views(q.name, q.what, q.fail)
	if err != nil {
		return nil, err
	}
	stores := make([]S, len(views))
	for i, view := range views {
		s, ok := view.Store.(S)
		if !ok {
			return nil, fmt.Errorf("it is %s store, opened as %T, and not a %s", kindNames[view.Kind], view.Store, typeName[S]())
		}
		stores[i] = s
	}
	return stores, nil
}

// wrap explains an error of a store that was found before.
func (q *query) wrap(err error) error {
	if errors.Is(err, state.ErrClosed) || errors.Is(err, runtime.ErrNotRunning) {
		err = fmt.Errorf("%w: %w", ErrStoreMoved, err)
	}
	return fmt.Errorf("query store %q: %w", q.name, err)
}

func (q *query) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = q.wrap(err)
	}
}

func (q *query) takeErr() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.err
	q.err = nil
	return err
}

// lookUp asks the copies one after the other until one has what is asked for.
func lookUp[S, V any](q *query, get func(S) (V, bool, error)) (value V, ok bool, err error) {
	stores, err := open[S](q)
	for i := 0; err == nil && i < len(stores); i++ {
		if value, ok, err = get(stores[i]); ok {
			return value, true, nil
		}
	}
	if err != nil {
		return value, false, q.wrap(err)
	}
	return value, false, nil
}

// each iterates the copies one after the other.
func each[S, A, B any](q *query, rows func(S) iter.Seq2[A, B]) iter.Seq2[A, B] {
	return func(yield func(A, B) bool) {
		stores, err := open[S](q)
		if err != nil {
			q.fail(err)
			return
		}
		for _, s := range stores {
			for a, b := range rows(s) {
				if !yield(a, b) {
					return
				}
			}
		}
	}
}
