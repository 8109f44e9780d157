package replicator

import (
	"context"
	"errors"
	"time"

	"mm2/internal/backoff"
	"mm2/internal/pipeline"
)

// GuardInterval is how often Deps.Guard is asked while a flow runs. One small
// request each time; what it guards against is a second writer, and what both
// write in the meantime is there twice.
const GuardInterval = 5 * time.Second

// guard asks Deps.Guard until ctx ends (nil). What it refuses for good is
// handed to refuse and returned; that it could not find out is not a reason to
// stop, since the data path meets the same trouble.
func (r *Replicator) guard(ctx context.Context, refuse context.CancelCauseFunc) error {
	if r.deps.Guard == nil {
		return nil
	}
	for backoff.Sleep(ctx, GuardInterval) {
		err := r.ask(ctx)
		if _, fatal := errors.AsType[*pipeline.FatalError](err); fatal && ctx.Err() == nil {
			r.deps.Logger.Error("flow may not run any longer, handing its lanes over", "err", err)
			refuse(err)
			return err
		}
		if err != nil {
			r.deps.Logger.Debug("cannot tell whether the flow may run", "err", err)
		}
	}
	return nil
}

func (r *Replicator) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 6*GuardInterval)
	defer cancel()
	return r.deps.Guard(ctx)
}
