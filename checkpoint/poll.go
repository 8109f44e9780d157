package checkpoint

import (
	"context"
	"time"

	"mm2/internal/backoff"
)

// listEvery is how often a poller looks for new groups: a listing goes to every
// broker, the positions only to coordinators.
const listEvery = 5 * time.Second

// poll asks for all positions once in every PollInterval. It returns nil when a
// tail may have become possible.
func (f *Follower) poll(ctx context.Context) error {
	var groups listing
	var listed time.Time
	started := time.Now()
	for {
		begun := time.Now()
		if listed.IsZero() || begun.Sub(listed) >= listEvery {
			l, err := f.refresh(ctx)
			if err != nil {
				return err
			}
			groups, listed = l, begun
		}
		s, err := f.fetch(ctx, groups)
		if err != nil {
			return err
		}
		f.works(s)
		f.settle(s)
		if f.cfg.Mode != FollowPoll && !f.unread && time.Since(started) >= f.cfg.SnapshotInterval {
			return nil
		}
		if !backoff.Sleep(ctx, f.cfg.PollInterval-time.Since(begun)) {
			return ctx.Err()
		}
	}
}
