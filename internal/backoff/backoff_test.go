package backoff_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"mm2/internal/backoff"
)

func TestNextGrowsToItsCapWithJitter(t *testing.T) {
	b := backoff.Backoff{First: 100 * time.Millisecond, Max: time.Second}
	for round := range 2 {
		for i, full := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
			full *= time.Millisecond
			if got := b.Next(); got < full/2 || got > full {
				t.Errorf("round %d pause %d = %v, want between %v and %v", round, i, got, full/2, full)
			}
		}
		b.Reset()
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if backoff.Sleep(ctx, time.Hour) {
			t.Error("Sleep says the hour passed")
		}
		if !backoff.Sleep(t.Context(), time.Hour) {
			t.Error("Sleep says it was interrupted")
		}
	})
}
