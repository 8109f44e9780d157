package streams

import (
	"log/slog"
	"time"

	"mm2/streams/internal/task"
)

// Config is how an application runs.
type Config struct {
	// ApplicationID is the consumer group, and the prefix of internal topics,
	// transactional ids and client ids. It is required.
	ApplicationID string
	// StateDir is the root of local state.
	StateDir string
	// MaxTaskIdle is how long a task waits for an input that has no records while
	// others have, so that records are taken in the order of their times. 0 waits
	// only until the broker is known to have nothing more; a negative one does not
	// wait at all.
	MaxTaskIdle time.Duration
	// OnDecodeError, OnProcessError and OnProduceError decide about records that
	// fail; nil is LogAndFail.
	OnDecodeError, OnProcessError, OnProduceError ErrorHandler
	// DeadLetterTopic, if set, gets the records that LogAndFail and LogAndContinue
	// decide about, with headers that say what was wrong (KIP-1034).
	DeadLetterTopic string
	// Logger is where the application writes; nil is slog.Default.
	Logger *slog.Logger
}

// Handlers are the error handlers by stage, for the packages below this one.
func (c Config) Handlers() map[task.Stage]func(Failure) Response {
	handlers := make(map[task.Stage]func(Failure) Response, 3)
	for stage, h := range map[task.Stage]ErrorHandler{task.Decode: c.OnDecodeError, task.Process: c.OnProcessError, task.Produce: c.OnProduceError} {
		if h == nil {
			h = LogAndFail
		}
		handlers[stage] = h
	}
	return handlers
}
