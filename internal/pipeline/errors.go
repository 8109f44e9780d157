package pipeline

import (
	"errors"
	"fmt"
)

// ErrFenced means that another owner took over: return and touch nothing.
var ErrFenced = errors.New("fenced by another owner")

// ErrReopen asks Run to start over from the committed marks at once: a source
// needs a sink that was just opened, with nothing in flight.
var ErrReopen = errors.New("the lane has to be opened afresh")

// RefusedError is a record that the target will never take (too large, invalid
// timestamp, null key on a compacted topic), or a topic that it lets nobody
// write, or a record that a stage cannot treat. The loop tells the source; see
// Parker.
type RefusedError struct {
	Source Partition
	Offset int64 // source offset of the refused record, or of the first one of what was sent together
	Target Partition
	Stage  string // that cannot treat the record; empty: the target refuses it
	Err    error
}

func (e *RefusedError) Error() string {
	if e.Stage != "" {
		return fmt.Sprintf("stage %s cannot treat the record from %s partition %d offset %d: %v",
			e.Stage, e.Source.Topic, e.Source.Partition, e.Offset, e.Err)
	}
	return fmt.Sprintf("%s partition %d refuses the record from %s partition %d offset %d: %v",
		e.Target.Topic, e.Target.Partition, e.Source.Topic, e.Source.Partition, e.Offset, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// PartitionError is what a sink finds wrong with one source partition, or with
// its copy. The loop tells the source; see Parker.
type PartitionError struct {
	Source Partition
	Err    error
}

func (e *PartitionError) Error() string {
	return fmt.Sprintf("%s partition %d: %v", e.Source.Topic, e.Source.Partition, e.Err)
}

func (e *PartitionError) Unwrap() error { return e.Err }

// FatalError is a failure that trying again cannot mend: missing rights,
// invalid configuration, a hanging transaction that we may not finish.
type FatalError struct {
	Err    error
	Remedy string // what a person has to do
}

func (e *FatalError) Error() string {
	if e.Remedy == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + "; " + e.Remedy
}

func (e *FatalError) Unwrap() error { return e.Err }
