package runtime

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/statedir"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// phase is how far an assigned task is.
type phase int

const (
	waiting   phase = iota // for its positions, or for its directory
	restoring              // its rows belong to the restorer
	running
)

// owned is a task that the group gave to this thread.
type owned struct {
	id     task.ID
	part   *part
	inputs map[task.Partition]*input
	phase  phase

	looking, found bool // of a task that is run directly: its inputs are looked up, and were

	rows   *rows
	task   *task.Task // from running on
	cancel context.CancelFunc
	answer task.Action // of the production handler, the last time
}

// input is a partition of a task.
type input struct {
	source    *graph.Node
	known     bool // the position is
	start     start
	paused    bool
	committed int64 // the offset that the group has; -1 if none

	// Of an input that is read directly.
	added bool     // the reader has it
	id    [16]byte // of the topic
	epoch int32    // of the last record that came; -1 unknown
}

// start is where a partition starts: next, with what was committed beside it, and
// where its log ended then.
type start struct {
	next, end int64
	committed bool
	kept      task.Committed
}

// rows are the open stores of a task.
type rows struct {
	dir    *statedir.Task // nil if nothing is kept
	path   string
	db     state.DB
	staged *state.Staged
}

// openRows opens a task's stores. Those of another topology, and damaged ones,
// are wiped: the changelogs have what was in them.
func (a *App) openRows(p *part, name string, acquire func() (*statedir.Task, error)) (*rows, error) {
	r := &rows{path: filepath.Join(a.dir.Path(), name)}
	if p.persistent {
		var err error
		if r.dir, err = acquire(); err != nil {
			return nil, err
		}
		r.path = r.dir.Path()
	}
	err := r.open(p, a.cfg.OpenDB)
	if r.dir != nil && (errors.Is(err, state.ErrLayout) || errors.Is(err, state.ErrCorrupt)) {
		a.log.Warn("the rows of a task are no use and are restored from the beginning", "dir", r.path, "err", err)
		if err = r.close(); err == nil {
			err = r.wipe(p, a.cfg.OpenDB)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the stores in %s: %w", r.path, err), r.release())
	}
	return r, nil
}

func (r *rows) open(p *part, open func(string) (state.DB, error)) error {
	db, err := p.openDB(r.path, open)
	if err != nil {
		return err
	}
	r.db, r.staged = db, state.NewStaged(db)
	return r.staged.Verify(p.fingerprint)
}

func (r *rows) close() error {
	if r.db == nil {
		return nil
	}
	err := r.db.Close()
	r.db = nil
	return err
}

// wipe begins with empty rows. The stores are closed.
func (r *rows) wipe(p *part, open func(string) (state.DB, error)) error {
	if r.dir != nil {
		if err := r.dir.Wipe(); err != nil {
			return err
		}
	}
	return r.open(p, open)
}

// release closes the stores, flushed, and gives the directory to the next owner.
// What is staged is lost, which is right after all that was committed.
func (r *rows) release() error {
	err := r.close()
	if r.dir != nil {
		err = errors.Join(err, r.dir.Release())
	}
	return err
}

// begin makes a task of restored rows and lets its records come.
func (t *thread) begin(o *owned) error {
	ctx, cancel := context.WithCancel(t.hard)
	o.cancel = cancel
	s := &t.app.cfg.Settings
	handlers := make(map[task.Stage]func(task.Failure) task.Response, len(t.app.cfg.Handlers))
	for stage, h := range t.app.cfg.Handlers {
		handlers[stage] = h
		if stage == task.Produce {
			handlers[stage] = func(f task.Failure) task.Response {
				answer := h(f)
				o.answer = answer.Action
				return answer
			}
		}
	}
	var err error
	o.task, err = task.New(task.Config{
		ID: o.id, ApplicationID: s.ApplicationID, StateDir: o.rows.path, Context: ctx,
		Logger: t.log.With("task", o.id.String()), Now: time.Now, MaxIdle: s.MaxTaskIdle, DeadLetterTopic: s.DeadLetterTopic,
		Handlers: handlers, Collector: collector{t, o.id},
		Rows:    func(s *graph.Store) (state.Rows, error) { return o.rows.staged.Rows(o.part.numbers[s.Name]), nil },
		Global:  t.app.globalStore,
		Dropped: func(node, why string) { t.app.metrics.dropped.WithLabelValues(o.id.String(), node, why).Inc() },
		// As Kafka Streams does: operators look for what is due once a second.
		Throttle: time.Second,
	}, o.part.nodes, o.part.stores)
	if err != nil {
		return err
	}
	for at, in := range o.inputs {
		if err := t.feed(o, at, in); err != nil {
			return err
		}
	}
	if err := o.task.Init(); err != nil {
		return err
	}
	o.phase = running
	t.app.metrics.tasks.created.Inc()
	t.app.show(o.id, o.rows.staged, true)
	t.app.arrived(o.id, t.number)
	for at, in := range o.inputs {
		t.resume(at, in)
	}
	t.log.Info("task runs", "task", o.id.String())
	return nil
}

// feed makes a partition an input of the running task.
func (t *thread) feed(o *owned, p task.Partition, in *input) error {
	if err := o.task.AddInput(p, in.source.Name, in.start.next, in.start.kept); err != nil {
		return err
	}
	o.task.SetEnd(p, in.start.next, in.start.end)
	in.committed = -1
	if in.start.committed {
		in.committed = in.start.next
	}
	return nil
}

// end closes a task that was committed, or is not to be. What is staged is
// dropped: after a commit nothing is.
func (t *thread) end(o *owned) error {
	delete(t.tasks, o.id)
	t.stopDirect(o)
	if o.phase == restoring {
		t.restore.remove(o.id)
	}
	if o.cancel != nil {
		o.cancel()
	}
	var err error
	if o.task != nil {
		if o.phase == running {
			t.app.metrics.tasks.note(o)
			t.app.metrics.tasks.closed.Inc()
		}
		err = closeTask(o.task)
	}
	t.app.arrived(o.id, t.number)
	if o.rows != nil {
		t.app.hide(o.id, o.rows.staged)
		o.rows.staged.Drop()
		err = errors.Join(err, o.rows.release())
	}
	t.app.metrics.forget(o.id.String())
	return err
}

// closeTask closes the nodes. A panic of theirs is an error as any other.
func closeTask(t *task.Task) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("close task %v: panic: %v", t.ID(), p)
		}
	}()
	return t.Close()
}
