package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// positions are the offsets of all running tasks; changed tells whether any of
// them is not committed yet.
func (t *thread) positions() (all map[task.Partition]task.Position, changed bool) {
	all = make(map[task.Partition]task.Position)
	for _, o := range t.tasks {
		if o.phase != running {
			continue
		}
		for p, at := range o.task.Positions() {
			all[p] = at
			changed = changed || o.inputs[p].committed != at.Offset
		}
	}
	return all, changed
}

// commit commits what all running tasks did. After an error nothing is certain:
// the incarnation ends.
func (t *thread) commit(ctx context.Context) error {
	began := time.Now()
	if err := t.settle(ctx); err != nil {
		return err
	}
	at, changed := t.positions()
	sent := t.out.sent
	acked, next := t.out.take()
	var err error
	switch {
	case !t.out.txns:
		err = t.commitAtLeastOnce(ctx, at, changed, next)
	case acked > 0:
		err = t.commitTransaction(ctx, at, next)
	default:
		err = t.commitNothingSent(ctx, at, changed, sent > 0)
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	t.lastCommit = time.Now()
	t.app.metrics.committed(t.number, t.lastCommit, t.lastCommit.Sub(began))
	t.progress()
	return nil
}

// commitAtLeastOnce writes rows before it commits offsets.
func (t *thread) commitAtLeastOnce(ctx context.Context, at map[task.Partition]task.Position, changed bool, next map[tp]int64) error {
	// A crash here: outputs and changelogs are written. The next owner restores
	// rows from the changelogs, and processes the same records again.
	if err := t.writeRows(next); err != nil {
		return err
	}
	// A crash here: this instance has the rows, too. The same.
	if !changed {
		return nil
	}
	return t.commitOffsets(ctx, at)
}

// commitNothingSent ends a round of exactly-once that wrote no record. There is
// no transaction to tie the offsets to; the generation still keeps others out.
func (t *thread) commitNothingSent(ctx context.Context, at map[task.Partition]task.Position, changed, tried bool) error {
	if tried {
		// Records were refused, and a handler said to go on. The broker may have
		// begun a transaction for them.
		t.app.metrics.tasks.aborted.WithLabelValues("refused_records").Inc()
		if err := t.out.abort(ctx); err != nil {
			return err
		}
	}
	if changed {
		if err := t.commitOffsets(ctx, at); err != nil {
			return err
		}
	}
	// A crash here: rows without a changelog are behind the offsets. They are
	// not restored from anywhere, as their owner chose.
	return t.writeRows(nil)
}

// commitTransaction commits records and offsets together, then rows.
func (t *thread) commitTransaction(ctx context.Context, at map[task.Partition]task.Position, next map[tp]int64) error {
	// A crash here, or before: the transaction is aborted by the next owner of
	// the transactional id, or when it times out.
	add := func(member string, generation int32) error { return t.addOffsets(ctx, at, member, generation) }
	if err := t.asMember(ctx, add); err != nil {
		return fmt.Errorf("add offsets to the transaction: %w", err)
	}
	// A crash here: the same. The next owner of the partitions waits for the end
	// of the transaction before it gets offsets.
	if err := t.out.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		// Whether it is committed may be unknown. The rows are left as they
		// were; the next incarnation learns from offsets and changelogs, and its
		// InitProducerID ends the transaction if it is still open.
		return fmt.Errorf("end the transaction: %w", fromBroker(err))
	}
	t.out.inTxn = false
	t.app.metrics.transactions.Inc()
	// A crash here: the rows are behind. Whoever has the task next reads what is
	// missing from the changelog.
	t.note(at)
	return t.writeRows(next)
}

// writeRows makes staged rows permanent, each task's with its changelog offsets.
func (t *thread) writeRows(next map[tp]int64) error {
	for _, o := range t.tasks {
		if o.phase != running {
			continue
		}
		meta := state.Meta{}
		for _, c := range o.part.changelogs {
			if offset, ok := next[tp{c.topic, o.id.Partition}]; ok {
				meta.SetOffset(c.topic, o.id.Partition, offset)
			}
		}
		if err := o.rows.staged.Commit(meta); err != nil {
			return fmt.Errorf("write the rows of task %v: %w", o.id, err)
		}
	}
	return nil
}

// note remembers what is committed.
func (t *thread) note(at map[task.Partition]task.Position) {
	for _, o := range t.tasks {
		for key, in := range o.inputs {
			if p, ok := at[key]; ok {
				in.committed = p.Offset
			}
		}
	}
}
