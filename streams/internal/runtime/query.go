package runtime

import (
	"fmt"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// View is the store of one task as it was last committed. Each view is for one
// goroutine.
type View struct {
	Partition int32
	Store     any
}

// Views opens the store of that name in each running task of this instance, or
// the global one. fail is told of what an iteration meets. The error is
// ErrStoreNotFound, or ErrNotRunning when no task of it runs here.
func (a *App) Views(name string, fail func(error)) ([]View, error) {
	for _, p := range a.layout.parts {
		for _, s := range p.stores {
			if s.Name == name {
				return a.views(p, s, fail)
			}
		}
	}
	if a.layout.global == nil {
		return nil, fmt.Errorf("store %q: %w", name, ErrStoreNotFound)
	}
	for _, s := range a.layout.global.stores {
		if s.Name != name {
			continue
		}
		a.mu.Lock()
		ready := a.globalReady
		a.mu.Unlock()
		if !ready {
			return nil, fmt.Errorf("global store %q is not read yet: %w", name, ErrNotRunning)
		}
		store, err := open(s, a.global.rows.staged, a.global.part.numbers[name], fail)
		return []View{{Store: store}}, err
	}
	return nil, fmt.Errorf("store %q: %w", name, ErrStoreNotFound)
}

func (a *App) views(p *part, s *graph.Store, fail func(error)) ([]View, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var views []View
	for id, staged := range a.visible {
		if id.Subtopology != p.id {
			continue
		}
		store, err := open(s, staged, p.numbers[s.Name], fail)
		if err != nil {
			return nil, err
		}
		views = append(views, View{id.Partition, store})
	}
	if len(views) == 0 {
		return nil, fmt.Errorf("store %q: no task that has it runs here: %w", s.Name, ErrNotRunning)
	}
	return views, nil
}

func open(s *graph.Store, staged *state.Staged, number uint16, fail func(error)) (any, error) {
	store, err := s.Builder.Open(state.Env{Rows: staged.Committed(number), Fail: fail, Dropped: func() {}})
	if err != nil {
		return nil, fmt.Errorf("open store %q for reading: %w", s.Name, err)
	}
	return store, nil
}

// show lets queries see a task's rows, hide ends that.
func (a *App) show(id task.ID, staged *state.Staged) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.visible[id] = staged
}

func (a *App) hide(id task.ID, staged *state.Staged) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.visible[id] == staged {
		delete(a.visible, id)
	}
}
