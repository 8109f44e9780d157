package replicator_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
	"mm2/replicator"
	"mm2/topology"
)

// A flow that is guarded does not start against the guard, goes on while the
// guard merely cannot tell, and hands its lanes over when it refuses.
func TestGuardEndsTheFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(t, topology.ProvenanceOff, "A->B")
		a, b := w.clusters["A"], w.clusters["B"]
		a.Create(t, "orders", 2)
		a.Produce(t, numbered("orders", 2, 0, 10)...)
		var answer atomic.Pointer[error]
		say := func(err error) { answer.Store(&err) }
		start := func() (run chan error, stop func()) {
			r := w.replicator(t, w.flows[0], mm2test.NewLink(&w.net), func(d *replicator.Deps) {
				d.Guard = func(context.Context) error { return *answer.Load() }
			})
			ctx, cancel := context.WithCancel(t.Context())
			run = make(chan error, 1)
			go func() { run <- r.Run(ctx) }()
			return run, cancel
		}
		unknown := errors.New("cannot tell")
		say(unknown)
		run, stop := start()
		if err := <-run; !errors.Is(err, unknown) {
			t.Errorf("run: %v, want the guard's error", err)
		}
		stop()
		wantValues(t, b, "orders", nil)

		say(nil)
		run, stop = start()
		defer stop()
		time.Sleep(5 * time.Second)
		say(unknown)
		time.Sleep(time.Minute)
		a.Produce(t, numbered("orders", 2, 10, 20)...)
		time.Sleep(5 * time.Second)
		wantValues(t, b, "orders", numbered("orders", 2, 0, 20))

		refused := errors.New("somebody else copies")
		say(&pipeline.FatalError{Err: refused})
		time.Sleep(replicator.GuardInterval + time.Second)
		select {
		case err := <-run:
			if !errors.Is(err, refused) {
				t.Errorf("run: %v, want the guard's error", err)
			}
		default:
			t.Error("the flow runs against its guard")
		}
		a.Produce(t, numbered("orders", 2, 20, 30)...)
		time.Sleep(5 * time.Second)
		wantValues(t, b, "orders", numbered("orders", 2, 0, 20))
	})
}
