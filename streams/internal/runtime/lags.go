package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// Lag is how far a copy of a store is behind its changelog.
type Lag struct {
	Position int64 // the offset that comes next
	End      int64 // the end of the changelog
	Lag      int64 // End less Position
}

// here is a copy of rows with what is asked of it.
type here struct {
	id     task.ID
	part   *part
	staged *state.Staged
	fresh  bool
}

// StoreLags is how far the copies in this instance are behind, by store and
// partition. Those of running tasks are at the end by definition. Stores without
// a changelog are not in it.
func (a *App) StoreLags(ctx context.Context) (map[string]map[int32]Lag, error) {
	a.mu.Lock()
	idle := a.state == Created || a.state.ending()
	var copies []here
	for id, c := range a.visible {
		for _, p := range a.layout.parts {
			if p.id == id.Subtopology {
				copies = append(copies, here{id, p, c.staged, c.fresh})
			}
		}
	}
	a.mu.Unlock()
	if idle {
		return nil, fmt.Errorf("look how far stores are behind: %w", ErrNotRunning)
	}
	topics := make(map[string]bool)
	for _, c := range copies {
		for _, l := range c.part.changelogs {
			topics[l.topic] = true
		}
	}
	lags := make(map[string]map[int32]Lag)
	if len(topics) == 0 {
		return lags, nil
	}
	names := make([]string, 0, len(topics))
	for topic := range topics {
		names = append(names, topic)
	}
	starts, err := a.admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("look up where changelogs start: %w", err)
	}
	ends, err := a.admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("look up where changelogs end: %w", err)
	}
	for _, c := range copies {
		for _, l := range c.part.changelogs {
			end, ok := ends.Lookup(l.topic, c.id.Partition)
			start, also := starts.Lookup(l.topic, c.id.Partition)
			if !ok || !also || end.Err != nil || start.Err != nil {
				err := cmp.Or(errors.Join(start.Err, end.Err), errors.New("the brokers say nothing of it"))
				return nil, fmt.Errorf("look up the offsets of %s partition %d: %w", l.topic, c.id.Partition, err)
			}
			lag, err := c.behind(l.topic, start.Offset, end.Offset)
			if err != nil {
				return nil, fmt.Errorf("look how far store %q partition %d is: %w", l.store.Name, c.id.Partition, err)
			}
			if lags[l.store.Name] == nil {
				lags[l.store.Name] = make(map[int32]Lag)
			}
			lags[l.store.Name][c.id.Partition] = lag
		}
	}
	return lags, nil
}

func (c here) behind(topic string, start, end int64) (Lag, error) {
	if c.fresh {
		return Lag{Position: end, End: end}, nil
	}
	next, ok, err := c.staged.Offset(topic, c.id.Partition)
	if err != nil {
		return Lag{}, err
	}
	if !ok {
		next = start
	}
	return Lag{Position: next, End: end, Lag: max(end-next, 0)}, nil
}
