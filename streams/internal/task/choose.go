package task

import (
	"slices"
	"time"
)

// choose gives the queue whose first record is the next one: the earliest. It
// gives none while an empty queue may still bring an earlier record: until the
// broker is known to have nothing more, and then for MaxIdle. A negative MaxIdle
// never waits. forced is true when the wait ended only because it was too long.
//
// A wait begins when there is something to wait with: a queue that was empty
// before another one got a record has not been waited for.
func (t *Task) choose(now time.Time) (q *queue, forced bool) {
	if !slices.ContainsFunc(t.queues, func(c *queue) bool { return c.first != nil }) {
		return nil, false
	}
	for _, c := range t.queues {
		if c.first == nil {
			switch {
			case t.cfg.MaxIdle < 0:
			case !c.read():
				c.empty = time.Time{}
				return nil, false
			case t.cfg.MaxIdle > 0:
				if c.empty.IsZero() {
					c.empty = now
				}
				if now.Sub(c.empty) < t.cfg.MaxIdle {
					return nil, false
				}
				forced = true
			}
			continue
		}
		c.empty = time.Time{}
		if q == nil || c.at < q.at {
			q = c
		}
	}
	return q, forced && q != nil
}
