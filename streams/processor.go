package streams

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"mm2/streams/internal/task"
)

// Processor is a step of a topology written by hand. Each task has its own, so it
// needs no locks.
type Processor[KI, VI, KO, VO any] interface {
	// Init is called once for each task, before the first record: here stores are
	// looked up and functions scheduled.
	Init(ctx ProcessorContext[KO, VO]) error
	// Process is called with one record after the other. An error goes to the
	// processing handler, which by default stops the task.
	Process(r Record[KI, VI]) error
	// Close is called when the task ends, cleanly or not. Stores are not closed
	// here.
	Close() error
}

// BaseContext is what a processor knows of the task it runs in. It must not be
// used by other goroutines.
type BaseContext interface {
	// Context is cancelled when the task is given up.
	Context() context.Context
	ApplicationID() string
	TaskID() TaskID
	// StateDir is the task's directory.
	StateDir() string
	// Metadata says where the record being processed comes from; false in a
	// scheduled function.
	Metadata() (RecordMetadata, bool)
	// StreamTime is the largest time of the task's records so far; zero before the
	// first.
	StreamTime() time.Time
	WallClock() time.Time
	// Schedule has fn called again and again until it is cancelled. The schedule
	// ends with the task.
	Schedule(every time.Duration, kind PunctuationType, fn func(now time.Time) error) Cancel
	// ScheduleFrom is Schedule with calls at start and at multiples of every after
	// it.
	ScheduleFrom(start time.Time, every time.Duration, kind PunctuationType, fn func(now time.Time) error) Cancel
	// Commit asks for a commit soon; it does not wait for it.
	Commit()
	Logger() *slog.Logger
	// StoreByName is a store that is connected to this processor, or a global one.
	// GetStore gives it with its type.
	StoreByName(name string) (any, error)
}

// ProcessorContext is a BaseContext that passes records on.
type ProcessorContext[K, V any] interface {
	BaseContext
	// Forward passes a record to all children and returns when they are done with
	// it. When one fails, the others get nothing any more, later calls do nothing,
	// and the task fails when the processor returns.
	Forward(r Record[K, V])
	// ForwardTo passes a record to the child of that name only.
	ForwardTo(child string, r Record[K, V])
}

// PunctuationType is what drives a scheduled function.
type PunctuationType = task.Punctuation

// The clocks of Schedule.
const (
	// StreamTime moves with the records of the task: the first call comes with the
	// first record, later ones at multiples of the interval.
	StreamTime = task.StreamTime
	// WallClock moves by itself.
	WallClock = task.WallClock
)

// Cancel ends a schedule, also from within its own function.
type Cancel func()

// GetStore is the store of that name with its type, one of package state.
func GetStore[S any](ctx BaseContext, name string) (S, error) {
	var none S
	s, err := ctx.StoreByName(name)
	if err != nil {
		return none, err
	}
	typed, ok := s.(S)
	if !ok {
		return none, fmt.Errorf("store %q is a %T, not a %s", name, s, typeName[S]())
	}
	return typed, nil
}
