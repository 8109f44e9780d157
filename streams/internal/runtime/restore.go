package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// errBeyond says that rows have a position that their changelog does not have:
// it was cut off, or made anew.
var errBeyond = errors.New("the stored position is not in the changelog any more")

// restorer fills the rows of tasks from their changelogs, so that running tasks
// go on meanwhile. Its methods are called by the thread; the work is done by a
// goroutine of its own, to which rows belong from add until take or remove.
type restorer struct {
	app    *App
	client *kgo.Client
	log    *slog.Logger
	stop   context.CancelFunc
	ended  chan struct{}

	jobs map[task.ID]*job // of the goroutine

	mu   sync.Mutex // guards what follows
	ops  []func(ctx context.Context)
	wake context.CancelFunc // ends the poll under way
	done []restoredTask
}

// restoredTask is the end of a job.
type restoredTask struct {
	id  task.ID
	err error
}

// job is the restore of one task.
type job struct {
	id       task.ID
	part     *part
	rows     *rows
	prepared bool
	parts    map[tp]*log
}

// log is one changelog partition.
type log struct {
	changelog
	rows      state.Rows
	next, end int64
	since     time.Time
	start     int64
}

func newRestorer(a *App, client *kgo.Client, log *slog.Logger) *restorer {
	return &restorer{app: a, client: client, log: log, jobs: make(map[task.ID]*job), ended: make(chan struct{})}
}

func (r *restorer) start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(ctx)
	go func() {
		defer close(r.ended)
		r.run(ctx)
	}()
}

// close ends the goroutine and the client.
func (r *restorer) close() {
	r.stop()
	<-r.ended
	r.client.Close()
}

// add begins the restore of a task's rows.
func (r *restorer) add(id task.ID, p *part, rows *rows) {
	r.do(func(context.Context) { r.jobs[id] = &job{id: id, part: p, rows: rows} })
}

// remove ends the restore of a task. After it the rows are the caller's.
func (r *restorer) remove(id task.ID) {
	gone := make(chan struct{})
	r.do(func(context.Context) {
		r.drop(id)
		close(gone)
	})
	select {
	case <-gone:
	case <-r.ended:
	}
}

// take gives the tasks whose restore has ended.
func (r *restorer) take() []restoredTask {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := r.done
	r.done = nil
	return done
}

func (r *restorer) do(op func(ctx context.Context)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
	if r.wake != nil {
		r.wake()
	}
}

// idle is how long a poll waits with jobs under way.
const idle = time.Second

func (r *restorer) run(ctx context.Context) {
	for ctx.Err() == nil {
		r.mu.Lock()
		ops := r.ops
		r.ops = nil
		poll, wake := context.WithCancel(ctx)
		r.wake = wake
		r.mu.Unlock()
		for _, op := range ops {
			op(ctx)
		}
		r.prepare(poll)
		if len(r.jobs) == 0 {
			<-poll.Done()
			wake()
			continue
		}
		limited, cancel := context.WithTimeout(poll, idle)
		fetches := r.client.PollRecords(limited, 0)
		cancel()
		wake()
		if ctx.Err() == nil {
			r.apply(fetches)
		}
	}
}

// prepare finds out from where to where jobs restore. What cannot be found out
// now is tried again in the next round.
func (r *restorer) prepare(ctx context.Context) {
	for _, j := range r.jobs {
		if j.prepared {
			continue
		}
		err := r.begin(ctx, j)
		switch {
		case err == nil:
			r.finish(j)
		case ctx.Err() != nil:
			return
		case classify(err) == again:
			r.log.Warn("a restore could not begin; it is tried again", "task", j.id.String(), "err", kafka.Explain(err))
		default:
			r.fail(j, err)
		}
	}
}

func (r *restorer) begin(ctx context.Context, j *job) error {
	parts := make(map[tp]*log, len(j.part.changelogs))
	for _, c := range j.part.changelogs {
		// The end is that of all records: a transaction that is still open may
		// be one that is being committed.
		ends, err := r.app.admin.ListEndOffsets(ctx, c.topic)
		if err != nil {
			return fmt.Errorf("look up the end of %s: %w", c.topic, fromBroker(err))
		}
		starts, err := r.app.admin.ListStartOffsets(ctx, c.topic)
		if err != nil {
			return fmt.Errorf("look up the start of %s: %w", c.topic, fromBroker(err))
		}
		start, startOK := starts.Lookup(c.topic, j.id.Partition)
		end, endOK := ends.Lookup(c.topic, j.id.Partition)
		if !startOK || !endOK {
			return fmt.Errorf("changelog %s has no partition %d: %w", c.topic, j.id.Partition, kerr.UnknownTopicOrPartition)
		}
		if err := errors.Join(start.Err, end.Err); err != nil {
			return fmt.Errorf("look up the offsets of %s partition %d: %w", c.topic, j.id.Partition, err)
		}
		stored, ok, err := j.rows.staged.Offset(c.topic, j.id.Partition)
		if err != nil {
			return err
		}
		l := &log{changelog: c, rows: j.rows.staged.Rows(j.part.numbers[c.store.Name]), next: start.Offset, end: end.Offset, since: time.Now()}
		if ok {
			if stored < start.Offset && start.Offset > 0 || stored > end.Offset {
				return fmt.Errorf("changelog %s partition %d has the offsets %d to %d, the rows are at %d: %w", c.topic, j.id.Partition, start.Offset, end.Offset, stored, errBeyond)
			}
			l.next = stored
		}
		l.start = l.next
		parts[tp{c.topic, j.id.Partition}] = l
	}
	j.parts, j.prepared = parts, true
	r.app.metrics.tasks.restoring(j)
	from := make(map[string]map[int32]kgo.Offset)
	for at, l := range parts {
		r.listen(r.app.cfg.OnRestoreStart, j, at, l)
		if l.next < l.end {
			from[at.topic] = map[int32]kgo.Offset{at.partition: kgo.NewOffset().At(l.next)}
		}
	}
	if len(from) > 0 {
		r.log.Info("task is restored", "task", j.id.String(), "changelogs", len(from))
		r.client.AddConsumePartitions(from)
	}
	return nil
}

func (r *restorer) listen(fn func(Restore), j *job, at tp, l *log) {
	if fn != nil {
		fn(Restore{Task: j.id, Store: l.store.Name, Topic: at.topic, Partition: at.partition, Next: l.next, End: l.end})
	}
}

func (r *restorer) jobOf(at tp) (*job, *log) {
	for _, j := range r.jobs {
		if l := j.parts[at]; l != nil {
			return j, l
		}
	}
	return nil, nil
}

// apply writes what was fetched, and moves each task's position with it.
func (r *restorer) apply(fetches kgo.Fetches) {
	touched := make(map[*job]bool)
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		j, l := r.jobOf(tp{p.Topic, p.Partition})
		if j == nil {
			return
		}
		touched[j] = true
		if p.Err != nil {
			r.fetchError(j, p)
			return
		}
		for _, record := range p.Records {
			if record.Offset >= l.end {
				break // it is read again if it is needed
			}
			if !record.Attrs.IsControl() && record.Key != nil {
				if err := l.store.Builder.Restore(l.rows, record.Key, record.Value, record.Timestamp.UnixMilli()); err != nil {
					r.fail(j, err)
					return
				}
				r.app.metrics.restored.Inc()
			}
			l.next = record.Offset + 1
		}
		if n := len(p.Records); n > 0 && p.Records[n-1].Offset >= l.end {
			l.next = l.end // nothing that was there at the start is left
		}
	})
	for j := range touched {
		if r.jobs[j.id] != j {
			continue
		}
		if err := j.commit(); err != nil {
			r.fail(j, err)
			continue
		}
		for at, l := range j.parts {
			r.listen(r.app.cfg.OnRestored, j, at, l)
		}
		r.app.metrics.tasks.restoring(j)
		r.finish(j)
	}
}

func (r *restorer) fetchError(j *job, p kgo.FetchTopicPartition) {
	if errors.Is(p.Err, kerr.OffsetOutOfRange) {
		r.fail(j, fmt.Errorf("read changelog %s partition %d: %w: %w", p.Topic, p.Partition, errBeyond, p.Err))
		return
	}
	if classify(p.Err) != again {
		r.fail(j, fmt.Errorf("read changelog %s partition %d: %w", p.Topic, p.Partition, p.Err))
		return
	}
	r.log.Warn("a changelog could not be read; it is tried again", "topic", p.Topic, "partition", p.Partition, "err", kafka.Explain(p.Err))
}

// commit makes the rows permanent up to where they are.
func (j *job) commit() error {
	meta := state.Meta{}
	for at, l := range j.parts {
		if l.next > l.start {
			meta.SetOffset(at.topic, at.partition, l.next)
		}
	}
	return j.rows.staged.Commit(meta)
}

// finish gives a task back when all its changelogs are read to the end.
func (r *restorer) finish(j *job) {
	for _, l := range j.parts {
		if l.next < l.end {
			return
		}
	}
	for at, l := range j.parts {
		r.listen(r.app.cfg.OnRestoreEnd, j, at, l)
	}
	r.fail(j, nil)
}

func (r *restorer) fail(j *job, err error) {
	r.drop(j.id)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, restoredTask{j.id, err})
}

// drop forgets a job and what was fetched for it.
func (r *restorer) drop(id task.ID) {
	j := r.jobs[id]
	if j == nil {
		return
	}
	delete(r.jobs, id)
	r.app.metrics.tasks.restored(id)
	topics := make(map[string][]int32)
	for at := range j.parts {
		topics[at.topic] = append(topics[at.topic], at.partition)
	}
	if len(topics) > 0 {
		r.client.RemoveConsumePartitions(topics)
	}
}
