package pipeline

import (
	"context"
	"time"
)

// Source yields batches. Its methods are called by one goroutine.
type Source interface {
	// Seek starts (or starts over) at the given marks; what they do not cover
	// starts where the source's configuration says. It is called before the
	// first Poll and after every failure. Batches polled before are void.
	Seek(ctx context.Context, to Marks) error
	// Poll returns the next batch, waiting up to wait for one. nil without an
	// error means the input has run dry: nothing is buffered and the source
	// knows of nothing that will arrive at once. A zero wait does not wait for
	// new data, only for data known to be there.
	Poll(ctx context.Context, wait time.Duration) (*Batch, error)
}

// Stage is one step between source and sink: it edits, drops and adds records.
// Its methods are called by one goroutine.
type Stage interface {
	Process(ctx context.Context, b *Batch) error
}

// Sink takes batches and makes them visible together with the marks. Its
// methods are called by one goroutine.
type Sink interface {
	// Open makes this the only writer: it ends whatever an earlier owner left
	// open and then, never before, reads the committed marks. It is called
	// first and after every failure.
	Open(ctx context.Context) (Marks, error)
	// Write adds a batch to the open transaction, beginning one if none is
	// open. It may return before the target has answered, and takes ownership
	// of the batch.
	Write(ctx context.Context, b *Batch) error
	// Commit makes everything written since the last commit and the marks
	// next visible together. After an error the outcome is whatever Open
	// reads back.
	Commit(ctx context.Context, next Marks) (*Receipt, error)
	// Abort discards everything written since the last commit as far as it
	// still can; Open repeats what Abort could not do.
	Abort(ctx context.Context) error
}

// Opener is a Stage that restores state before the first batch after each Open.
type Opener interface {
	Open(ctx context.Context, marks Marks) error
}

// Rewinder is a Stage with state: Rewind forgets everything since the last commit.
type Rewinder interface {
	Rewind()
}

// Observer is told of every commit, in order, after it succeeded. It must not
// keep the receipt's maps and slices, and it must not block: it runs on the
// loop's goroutine. It may never be told of a commit whose success was learnt
// only by reopening.
type Observer interface {
	Committed(r *Receipt)
}

// Parker is a Source that deals with what concerns one partition only, so that
// its neighbours go on: a RefusedError with its offset, or what a PartitionError
// holds, with offset -1. It is told between the end of the failed transaction and
// the Seek that follows. Whether it sets the partition aside, leaves something
// out, or looks closer first is the source's to decide.
type Parker interface {
	Park(p Partition, offset int64, reason error)
}

// Checker is a Sink that can find out, while nothing is in flight, whether its
// earlier commits are really visible. An error makes the loop open it afresh.
type Checker interface {
	Check(ctx context.Context) error
}
