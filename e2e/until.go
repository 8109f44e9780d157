package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// Until asks again and again whether a condition holds and returns when it does.
// It fails the test with the last answer when timeout has passed, or at once
// when the answer is [Hopeless]. Each question may take as long as the deadline
// allows.
func Until(t testing.TB, timeout time.Duration, what string, holds func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := until(ctx, holds); err != nil {
		t.Fatalf("%s: not within %v: %v", what, timeout, err)
	}
}

const pollInterval = 50 * time.Millisecond

func until(ctx context.Context, holds func(context.Context) error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	var last error
	for {
		err := holds(ctx)
		var never hopeless
		if err == nil || errors.As(err, &never) {
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err // an answer cut off by the deadline says less than the one before
		}
		select {
		case <-ctx.Done():
			return last
		case <-ticker.C:
		}
	}
}

type hopeless struct{ error }

func (h hopeless) Unwrap() error { return h.error }

// Hopeless makes an error that ends [Until] at once: waiting longer cannot help.
func Hopeless(format string, args ...any) error { return hopeless{fmt.Errorf(format, args...)} }
