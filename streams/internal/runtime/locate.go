package runtime

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mm2/streams/internal/assign"
	"mm2/streams/internal/graph"
	"mm2/streams/state"
)

// Location is where a partition of a store is, by the last rebalance.
type Location struct {
	Store     string
	Partition int32 // -1 for a global store, which is everywhere
	// Active is the end point of the instance whose task owns the rows, empty while
	// the task has none or that instance has no end point.
	Active string
	// Standbys are the end points of instances that keep a copy of the rows.
	Standbys []string
}

// noteHosts keeps the last answer of the leader about end points.
func (a *App) noteHosts(hosts []assign.Host) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hosts, a.hostsKnown = hosts, true
}

// Locate says where the rows of a key are.
func (a *App) Locate(ctx context.Context, store string, key any) (Location, error) {
	p, s, err := a.layout.storeOf(store)
	if err != nil {
		return Location{}, err
	}
	if p == a.layout.global {
		return Location{Store: store, Partition: -1, Active: a.cfg.Settings.ApplicationServer}, nil
	}
	encoder, ok := s.Builder.(state.KeyEncoder)
	if !ok {
		return Location{}, fmt.Errorf("store %q is an operator's own: nobody can tell where its keys are", store)
	}
	encoded, err := encoder.EncodeKey(a.layout.keyTopic(p), key)
	if err != nil {
		return Location{}, err
	}
	n, err := a.taskCount(ctx, p.id)
	if err != nil {
		return Location{}, fmt.Errorf("find the number of partitions of store %q: %w", store, err)
	}
	return a.LocatePartition(store, int32(murmur2(encoded)&0x7fffffff)%n)
}

// LocatePartition says where the rows of a partition are.
func (a *App) LocatePartition(store string, partition int32) (Location, error) {
	p, _, err := a.layout.storeOf(store)
	if err != nil {
		return Location{}, err
	}
	if p == a.layout.global {
		return Location{}, fmt.Errorf("global store %q has no partitions: every instance has all of it", store)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.hostsKnown || a.state.ending() {
		return Location{}, fmt.Errorf("this instance does not know yet, or not any more, who has the tasks of store %q: %w", store, ErrNotRunning)
	}
	at := Location{Store: store, Partition: partition}
	id := assign.TaskID{Subtopology: int32(p.id), Partition: partition}
	for _, h := range a.hosts {
		if slices.Contains(h.Active, id) {
			at.Active = h.EndPoint
		} else if slices.Contains(h.Standby, id) {
			at.Standbys = append(at.Standbys, h.EndPoint)
		}
	}
	return at, nil
}

// keyTopic is the topic whose name serdes of keys are told: of the first source.
func (l *layout) keyTopic(p *part) string {
	for _, n := range p.nodes {
		if n.Kind == graph.Source && n.Pattern == nil {
			return l.sourceTopics(n, nil)[0]
		}
	}
	return ""
}

// taskCounts remembers how many tasks parts have.
type taskCounts struct {
	known map[int]int32
	at    time.Time
}

func (a *App) taskCount(ctx context.Context, part int) (int32, error) {
	a.mu.Lock()
	counts, knows := a.tasksKnown, a.hostsKnown && !a.state.ending()
	a.mu.Unlock()
	if !knows {
		return 0, ErrNotRunning
	}
	if counts.known == nil || time.Since(counts.at) > countAge {
		_, plan, err := a.planTopics(ctx)
		if err != nil {
			return 0, err
		}
		counts = taskCounts{plan.Tasks, time.Now()}
		a.mu.Lock()
		a.tasksKnown = counts
		a.mu.Unlock()
	}
	n := counts.known[part]
	if n < 1 {
		return 0, fmt.Errorf("it has none: %w", ErrNotRunning)
	}
	return n, nil
}
