// Package backoff is the one way mm2 waits before it tries something again:
// exponential, capped, jittered, and ended at once by a context.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff yields growing pauses. The zero value is not usable: First and Max
// must be positive. It is not safe for concurrent use.
type Backoff struct {
	First, Max time.Duration

	pause time.Duration
}

// Next is the next pause: doubled each time up to Max, then spread by a random
// factor between 1/2 and 1 so that a fleet does not move in step.
func (b *Backoff) Next() time.Duration {
	switch {
	case b.pause == 0:
		b.pause = b.First
	default:
		b.pause = min(2*b.pause, b.Max)
	}
	return b.pause/2 + time.Duration(rand.Int64N(int64(b.pause/2)+1))
}

// Reset starts over from First.
func (b *Backoff) Reset() { b.pause = 0 }

// Sleep waits for d or until ctx ends, and tells whether d passed.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
