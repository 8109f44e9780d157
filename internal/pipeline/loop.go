package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Config sets when a loop commits. All values must be positive; IdleMarks may
// be zero.
type Config struct {
	// Interval is the longest a transaction stays open while input keeps coming.
	Interval time.Duration
	// Bytes is the uncompressed size at which a transaction commits at the
	// latest. The loop finds out by itself how much less the sink can commit
	// well within EndTimeout, starting from little.
	Bytes int64
	// IdleMarks is how long marks without records (control records, filtered
	// input) may wait for a commit of their own. They change nothing a reader
	// sees, so they are not worth a transaction each.
	IdleMarks time.Duration
	// IdleWait bounds one wait for new input.
	IdleWait time.Duration
	// Check is how often an idle sink is checked; see Checker.
	Check time.Duration
	// EndTimeout bounds ending a transaction, also when asked to stop: a
	// transaction that is cut off leaves its outcome unknown.
	EndTimeout time.Duration
}

// DefaultConfig gives the values that replication starts from.
//
// Interval 500 ms and 32 MiB: a commit costs 5 to 15 ms near the target, so a
// busy lane spends a few percent on commits, and a crash repeats at most that
// much. IdleMarks 5 s: a restart re-reads at most five seconds of markers.
// Check 10 s: a hanging transaction is found within two checks.
func DefaultConfig() Config {
	return Config{
		Interval:   500 * time.Millisecond,
		Bytes:      32 << 20,
		IdleMarks:  5 * time.Second,
		IdleWait:   500 * time.Millisecond,
		Check:      10 * time.Second,
		EndTimeout: 10 * time.Second,
	}
}

// Loop drives one lane: one source, its stages, one sink, one goroutine.
type Loop struct {
	Config    Config
	Source    Source
	Stages    []Stage
	Sink      Sink
	Observers []Observer
	// Claimed, if set, is asked right after the sink was opened whether to go
	// on; its error ends Run.
	Claimed func() error
	// Opened, if set, is told the marks each time everything is open.
	Opened func(Marks)
	// Aborted, if set, is told why a transaction was given up or a sink reopened.
	Aborted func(error)

	pending pending
	checked time.Time
	budget  budget
}

// budget is how many bytes a transaction may have: what the sink can commit
// well within the time it has. A transaction too large for the link would time
// out, be replayed as large as before, and time out again, for ever.
type budget struct {
	bytes int64
}

const (
	firstBudget = 1 << 20 // a link of 1 Mbit/s commits it in 8 s
	leastBudget = 64 << 10
)

func (b *budget) limit(most int64) int64 {
	if b.bytes == 0 {
		b.bytes = firstBudget
	}
	return min(b.bytes, most)
}

// committed grows the budget while commits are quick and it is what bounds
// them, and shrinks it when they need a good part of their time.
func (b *budget) committed(size, most int64, took, timeout time.Duration) {
	switch {
	case took > timeout/4:
		b.bytes = max(b.bytes/2, leastBudget)
	case took < timeout/8 && size >= b.limit(most):
		b.bytes = min(2*b.bytes, most)
	}
}

func (b *budget) failed() { b.bytes = max(b.bytes/4, leastBudget) }

// pending is what was written since the last commit.
type pending struct {
	marks   Marks
	bytes   int64
	records int
	urgent  bool
	since   time.Time // of the first batch
}

func (p *pending) empty() bool { return len(p.marks) == 0 }

func (p *pending) reset() { *p = pending{marks: Marks{}} }

func (p *pending) add(b *Batch, n int) {
	if p.empty() {
		p.since = time.Now()
	}
	p.marks.Merge(b.Next)
	p.bytes += b.Bytes
	p.records += n
	p.urgent = p.urgent || b.Urgent
}

// Run copies until ctx ends or something fails. When ctx ends it commits what
// was written (on its own deadline) and returns nil. An error means that the
// open transaction was aborted as far as possible; the caller decides whether
// to Run again, which starts over from the committed marks. What concerns one
// partition is told to the source (see Parker), and Run starts over by itself.
//
// Run may be called again after it returned, never concurrently.
func (l *Loop) Run(ctx context.Context) error {
	for {
		err := l.run(ctx)
		if ctx.Err() != nil || !l.settled(err) {
			return err
		}
	}
}

// local tells whether a failure says nothing about the link to the sink.
func local(err error) bool {
	var refused *RefusedError
	var one *PartitionError
	return errors.Is(err, ErrReopen) || errors.As(err, &refused) || errors.As(err, &one)
}

// settled tells whether the source has dealt with a failure.
func (l *Loop) settled(err error) bool {
	if errors.Is(err, ErrReopen) {
		return true
	}
	parker, ok := l.Source.(Parker)
	if !ok {
		return false
	}
	var refused *RefusedError
	var one *PartitionError
	switch {
	case errors.As(err, &refused):
		parker.Park(refused.Source, refused.Offset, refused)
	case errors.As(err, &one):
		parker.Park(one.Source, -1, one.Err)
	default:
		return false
	}
	return true
}

func (l *Loop) run(ctx context.Context) error {
	if err := l.open(ctx); err != nil {
		if l.Aborted != nil && ctx.Err() == nil {
			l.Aborted(err)
		}
		return err
	}
	for ctx.Err() == nil {
		if err := l.step(ctx); err != nil {
			return l.fail(ctx, err)
		}
	}
	if l.pending.empty() {
		return nil
	}
	if err := l.commit(ctx); err != nil {
		return l.fail(ctx, err)
	}
	return nil
}

// open is the only way into a transaction: sink first, then stages, then source.
func (l *Loop) open(ctx context.Context) error {
	l.pending.reset()
	for _, s := range l.Stages {
		if r, ok := s.(Rewinder); ok {
			r.Rewind()
		}
	}
	marks, err := l.Sink.Open(ctx)
	if err != nil {
		return fmt.Errorf("open sink: %w", err)
	}
	if l.Claimed != nil {
		if err := l.Claimed(); err != nil {
			return err
		}
	}
	for _, s := range l.Stages {
		if o, ok := s.(Opener); ok {
			if err := o.Open(ctx, marks); err != nil {
				return fmt.Errorf("open stage: %w", err)
			}
		}
	}
	if err := l.Source.Seek(ctx, marks); err != nil {
		return fmt.Errorf("seek source: %w", err)
	}
	if l.Opened != nil {
		l.Opened(marks)
	}
	l.checked = time.Now()
	return nil
}

func (l *Loop) step(ctx context.Context) error {
	wait := l.Config.IdleWait
	if l.pending.records > 0 || l.pending.urgent {
		wait = 0
	}
	b, err := l.Source.Poll(ctx, wait)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("poll: %w", err)
	}
	if b != nil {
		if err := l.process(ctx, b); err != nil {
			return err
		}
	}
	if l.due(b == nil) {
		if err := l.commit(ctx); err != nil {
			return err
		}
	}
	if l.pending.records > 0 {
		return nil
	}
	return l.check(ctx)
}

func (l *Loop) process(ctx context.Context, b *Batch) error {
	if b.To.Topic == "" { // else the source has said where it goes, as it is
		for _, s := range l.Stages {
			if err := s.Process(ctx, b); err != nil {
				return fmt.Errorf("stage: %w", err)
			}
		}
	}
	n := b.Len()
	l.pending.add(b, n)
	if n == 0 {
		return nil
	}
	if err := l.Sink.Write(ctx, b); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// due tells whether to commit now: at once when records wait and the input ran
// dry, otherwise by interval or bytes; marks alone wait longer.
func (l *Loop) due(dry bool) bool {
	p := &l.pending
	switch {
	case p.empty():
		return false
	case (p.records > 0 || p.urgent) && dry:
		return true
	case p.bytes >= l.budget.limit(l.Config.Bytes):
		return true
	case p.records > 0:
		return time.Since(p.since) >= l.Config.Interval
	default:
		return time.Since(p.since) >= l.Config.IdleMarks
	}
}

// commit runs on a deadline of its own: cutting it off would leave the outcome
// unknown, also when the lane is being given up.
func (l *Loop) commit(ctx context.Context) error {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Config.EndTimeout)
	defer cancel()
	receipt, err := l.Sink.Commit(end, l.pending.marks)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	l.budget.committed(l.pending.bytes, l.Config.Bytes, receipt.Took, l.Config.EndTimeout)
	l.pending.reset()
	for _, o := range l.Observers {
		o.Committed(receipt)
	}
	return nil
}

func (l *Loop) check(ctx context.Context) error {
	c, ok := l.Sink.(Checker)
	if !ok || time.Since(l.checked) < l.Config.Check {
		return nil
	}
	l.checked = time.Now()
	if err := c.Check(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

// fail gives up the open transaction. A fenced owner touches nothing more.
func (l *Loop) fail(ctx context.Context, err error) error {
	if l.Aborted != nil {
		l.Aborted(err)
	}
	if !local(err) {
		l.budget.failed()
	}
	if errors.Is(err, ErrFenced) {
		return err
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Config.EndTimeout)
	defer cancel()
	if aerr := l.Sink.Abort(end); aerr != nil {
		return errors.Join(err, fmt.Errorf("abort: %w", aerr))
	}
	return err
}
