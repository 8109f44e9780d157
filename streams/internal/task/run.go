package task

import (
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Add queues records of an input, in the order of their offsets. It is an error
// if the task does not have that input.
func (t *Task) Add(p Partition, records []*kgo.Record) error {
	q := t.byIn[p]
	if q == nil {
		return fmt.Errorf("task %v has no input %v", t.cfg.ID, p)
	}
	q.add(records)
	t.fill(q)
	return nil
}

// SetEnd tells how far an input was fetched, next being the offset that would
// come next, and where its log ends (the last stable offset, where only committed
// records are read).
func (t *Task) SetEnd(p Partition, next, end int64) {
	if q := t.byIn[p]; q != nil {
		q.fetched, q.end = max(q.fetched, next), max(q.end, end)
	}
}

// Buffered is how many records of an input wait.
func (t *Task) Buffered(p Partition) int {
	if q := t.byIn[p]; q != nil {
		return q.size()
	}
	return 0
}

// fill decodes the first record of a queue that has none decoded.
func (t *Task) fill(q *queue) {
	for q.first == nil && t.broken == nil {
		r := q.pop()
		if r == nil {
			return
		}
		at, stack, err := q.decode(r)
		if err != nil {
			before, cluster := t.current, t.cluster
			t.current, t.cluster = r, q.in.Cluster
			t.broken = t.failed(Decode, q.node, err, stack, nil)
			t.current, t.cluster = before, cluster
			if t.broken != nil {
				q.unpop(r) // it is not processed: the task's next owner begins with it
			}
			continue
		}
		if at < 0 {
			t.cfg.Logger.Warn("record dropped: its time is negative", "task", t.cfg.ID.String(), "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "time", at)
			t.Dropped(q.node, "negative time")
			continue
		}
		q.first, q.at = r, at
	}
}

// Process takes the next record through the nodes; false means that none may be
// processed now. An error ends the task.
func (t *Task) Process(now time.Time) (bool, error) {
	if t.broken != nil {
		return false, t.takeBroken()
	}
	q, forced := t.choose(now)
	if q == nil {
		return false, nil
	}
	t.now = now.UnixMilli()
	t.current, t.cluster, t.at = q.first, q.in.Cluster, q.at
	t.streamTime = max(t.streamTime, q.at)
	q.time = max(q.time, q.at)
	err := q.head.Process()
	t.current = nil
	if err != nil {
		return true, err // the record stays the first: its offset must not be committed
	}
	t.taken(q, q.first, forced)
	q.first = nil
	t.fill(q)
	return true, t.takeBroken()
}

// Position is where an input goes on.
type Position struct {
	Offset int64 // of the next record that is not processed
	Committed
}

// Positions are the offsets that may be committed now, with their metadata. An
// input of which nothing is known is left out.
func (t *Task) Positions() map[Partition]Position {
	positions := make(map[Partition]Position, len(t.queues))
	for _, q := range t.queues {
		next := q.fetched
		switch {
		case q.first != nil:
			next = q.first.Offset
		case q.next < len(q.raw):
			next = q.raw[q.next].Offset
		}
		if next < 0 {
			continue
		}
		positions[q.in] = Position{Offset: next, Committed: Committed{PartitionTime: q.time, Kept: maps.Clone(t.kept)}}
	}
	return positions
}

// CommitRequested tells whether a processor asked for a commit since the last
// call.
func (t *Task) CommitRequested() bool {
	asked := t.commit
	t.commit = false
	return asked
}
