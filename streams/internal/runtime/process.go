package runtime

import (
	"time"

	"mm2/streams/internal/task"
)

// process lets each task process some records, again and again, until there are
// none that may be processed, or the group must not wait any longer. The number
// grows while nothing else is due, and is halved when something was.
func (t *thread) process() error {
	began := time.Now()
	noted := began
	budget := t.app.cfg.Settings.Group.RebalanceTimeout / 2
	for {
		did, other := 0, false
		for _, o := range t.sorted() {
			if o.phase != running {
				continue
			}
			before := time.Now()
			n, err := t.some(o)
			did += n
			if err != nil {
				return err
			}
			after := time.Now()
			if n > 0 {
				t.app.metrics.tasks.spent(t.number, processes, after.Sub(before))
			}
			called, err := punctuate(o.task)
			if called {
				t.app.metrics.tasks.spent(t.number, punctuates, time.Since(after))
				t.app.metrics.tasks.punctuations.Add(1)
			}
			other = other || called
			if err != nil {
				return err
			}
		}
		committed, err := t.maybeCommit()
		if err != nil {
			return err
		}
		if other || committed {
			t.n = max(t.n/2, 1)
		} else if did > 0 {
			t.n++
		}
		if committed || did == 0 || time.Since(noted) > noteInterval {
			noted = time.Now()
			t.noteTasks()
		}
		if did == 0 || time.Since(began) > budget {
			return nil
		}
	}
}

// noteInterval is how old metrics may be in a round that does not end.
const noteInterval = time.Second

// noteTasks hands over what the tasks have counted.
func (t *thread) noteTasks() {
	for _, o := range t.tasks {
		if o.phase == running {
			t.app.metrics.tasks.note(o)
		}
	}
}

// some processes up to n records of a task.
func (t *thread) some(o *owned) (did int, err error) {
	for did < t.n {
		processed, err := o.task.Process(time.Now())
		if err != nil {
			return did, err
		}
		if !processed {
			break
		}
		did++
	}
	if did == 0 {
		return 0, nil
	}
	t.app.metrics.processed.Add(float64(did))
	t.app.metrics.tasks.records.Add(int64(did))
	limit := t.app.cfg.Settings.BufferedRecordsPerPartition
	for at, in := range o.inputs {
		if in.paused && in.known && o.task.Buffered(at) <= limit {
			t.resume(at, in)
		}
	}
	return did, nil
}

func punctuate(t *task.Task) (called bool, err error) {
	byStream, err := t.PunctuateStreamTime()
	if err != nil {
		return true, err
	}
	byWall, err := t.PunctuateWallClock()
	return byStream || byWall, err
}

// maybeCommit commits when it is time to, when a processor asked for it, or when
// a task has staged too much.
func (t *thread) maybeCommit() (bool, error) {
	due := time.Since(t.lastCommit) >= t.app.cfg.Settings.CommitInterval || t.out.hasFailures()
	for _, o := range t.tasks {
		if o.phase == running {
			due = o.task.CommitRequested() || due || o.rows.staged.Size() > t.app.cfg.MaxStagedBytes
		}
	}
	if !due {
		return false, nil
	}
	return true, t.commit(t.hard)
}

// purge deletes what was read from repartition topics, in the background: it is
// no matter when it fails.
func (t *thread) purge() {
	every := t.app.cfg.Settings.RepartitionPurgeInterval
	if every <= 0 || time.Since(t.lastPurge) < every {
		return
	}
	t.lastPurge = time.Now()
	committed := make(map[string]map[int32]int64)
	for _, o := range t.tasks {
		for at, in := range o.inputs {
			if in.source.Internal && in.committed > 0 {
				if committed[at.Topic] == nil {
					committed[at.Topic] = make(map[int32]int64)
				}
				committed[at.Topic][at.Partition] = in.committed
			}
		}
	}
	if len(committed) > 0 {
		t.purges.Go(func() { t.app.purger.Purge(t.hard, committed) })
	}
}
