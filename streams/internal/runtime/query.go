package runtime

import (
	"fmt"
	"slices"
	"strings"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// Query says which copies of a store are read.
type Query struct {
	One       bool // only this partition
	Partition int32
	Stale     bool // copies that are being restored, or follow another instance, too
}

// View is one copy of a store as it was last committed. Each view is for one
// goroutine.
type View struct {
	Partition int32
	Kind      state.Kind
	Store     any
}

// copyOf is the rows of a task that are here.
type copyOf struct {
	staged *state.Staged
	fresh  bool // the task runs: nobody has newer rows
}

// globalID is the global part among the copies.
var globalID = task.ID{Subtopology: -1}

// Views opens the store of that name in each task of this instance, or the global
// one, ordered by partition. fail is told of what an iteration meets. The error
// is ErrStoreNotFound, or ErrNotRunning when there is no copy to read, or when a
// copy that is asked for is not fresh: to answer without it would be to deny rows
// that it has.
func (a *App) Views(name string, q Query, fail func(error)) ([]View, error) {
	p, s, err := a.layout.storeOf(name)
	if err != nil {
		return nil, err
	}
	if p == a.layout.global {
		if q.One {
			return nil, fmt.Errorf("global store %q has no partitions: leave out the option Partition", name)
		}
		q = Query{Stale: q.Stale, One: true, Partition: globalID.Partition}
	}
	staged, err := a.copies(p.id, name, q)
	if err != nil {
		return nil, err
	}
	views := make([]View, 0, len(staged))
	for _, c := range staged {
		store, err := a.open(s, c.rows, p.numbers[name], fail)
		if err != nil {
			return nil, err
		}
		views = append(views, View{c.partition, s.Builder.Spec().Kind, store})
	}
	return views, nil
}

// foundCopy is rows of a partition.
type foundCopy struct {
	partition int32
	rows      *state.Staged
}

func (a *App) copies(part int, store string, q Query) ([]foundCopy, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wanted := func(id task.ID) bool { return id.Subtopology == part && (!q.One || id.Partition == q.Partition) }
	var found []foundCopy
	for id, c := range a.visible {
		if wanted(id) && (c.fresh || q.Stale) {
			found = append(found, foundCopy{id.Partition, c.staged})
		}
	}
	for id := range a.coming {
		if wanted(id) && !a.visible[id].fresh && !q.Stale {
			return nil, fmt.Errorf("store %q: its task %v is being restored: %w: try again, or allow stale copies", store, id, ErrNotRunning)
		}
	}
	if len(found) == 0 {
		which := "no task that has it"
		if q.One && part >= 0 {
			which = fmt.Sprintf("no task that has partition %d of it", q.Partition)
		}
		return nil, fmt.Errorf("store %q: %s runs here: %w: Locate says where it is", store, which, ErrNotRunning)
	}
	slices.SortFunc(found, func(x, y foundCopy) int { return int(x.partition - y.partition) })
	return found, nil
}

// storeOf finds a store by its name.
func (l *layout) storeOf(name string) (*part, *graph.Store, error) {
	parts := l.parts
	if l.global != nil {
		parts = append(slices.Clone(parts), l.global)
	}
	var names []string
	for _, p := range parts {
		for _, s := range p.stores {
			if s.Name == name {
				return p, s, nil
			}
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil, fmt.Errorf("store %q: %w: it has none at all", name, ErrStoreNotFound)
	}
	slices.Sort(names)
	return nil, nil, fmt.Errorf("store %q: %w: it has %s", name, ErrStoreNotFound, strings.Join(names, ", "))
}

func (a *App) open(s *graph.Store, staged *state.Staged, number uint16, fail func(error)) (any, error) {
	topic := s.SourceTopic
	if topic == "" {
		topic = task.ChangelogTopic(a.cfg.Settings.ApplicationID, s.Name)
	}
	rows := watchedRows{staged.Committed(number), a.metrics.tasks.iterators.WithLabelValues(s.Name)}
	store, err := s.Builder.Open(state.Env{Rows: rows, Topic: topic, Fail: fail, Dropped: func() {}})
	if err != nil {
		return nil, fmt.Errorf("open store %q for reading: %w", s.Name, err)
	}
	return store, nil
}

// expect says that a task is coming to a thread, so that queries do not take its
// rows for missing ones.
func (a *App) expect(id task.ID, thread int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.coming[id] = thread
}

// arrived says that the task runs, or does not come any more.
func (a *App) arrived(id task.ID, thread int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.coming[id] == thread {
		delete(a.coming, id)
	}
}

// show lets queries see a task's rows: fresh ones of a task that runs, or others.
// hide ends that, and is called before the rows are closed.
func (a *App) show(id task.ID, staged *state.Staged, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.visible[id] = copyOf{staged, fresh}
}

func (a *App) hide(id task.ID, staged *state.Staged) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.visible[id].staged == staged {
		delete(a.visible, id)
	}
}
