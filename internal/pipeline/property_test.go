package pipeline_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
)

var (
	schedules = flag.Int("schedules", 10_000, "random schedules to run")
	seed      = flag.Uint64("seed", 0, "run only this seed (as printed by a failure)")
)

// After any faults the committed target log is the source log, filtered, in
// order, once, and no mark is ahead of or behind its output. Workers are
// interleaved at every step, crash at any of them, fail before or after any
// effect, and fence each other. Records that the target refuses, which it names
// only roughly, are left out or become dead letters, and no others.
func TestAnyScheduleOfCrashesKeepsOutputsAndMarksTogether(t *testing.T) {
	n := *schedules
	if testing.Short() {
		n /= 10
	}
	first := uint64(1)
	if *seed != 0 {
		first, n = *seed, 1
	}
	var crashes, letters int
	for s := first; s < first+uint64(n); s++ {
		w := newWorld(rand.New(rand.NewPCG(s, 1)))
		crashes += w.run(t)
		if w.broken != "" {
			t.Fatalf("seed %d: %s", s, w.broken)
		}
		if !w.done() {
			t.Fatalf("seed %d: not everything arrived: marks %v", s, w.marks)
		}
		for _, dead := range w.dead {
			letters += len(dead)
		}
	}
	if crashes < n || letters < n/10 && n > 1 {
		t.Errorf("only %d crashes and %d dead letters in %d schedules: the test does not test", crashes, letters, n)
	}
}

// run interleaves up to three workers until everything is copied.
func (w *world) run(t *testing.T) (crashes int) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type proc struct {
		next func() bool
		kill func()
	}
	var procs []proc
	for steps := 0; !w.done() && w.broken == ""; steps++ {
		if steps > 5000 {
			w.faults = false // enough: now it has to finish
		}
		if steps > 50_000 {
			break
		}
		if len(procs) == 0 || (len(procs) < 3 && w.faults && w.rng.IntN(60) == 0) {
			next, kill := w.start(ctx)
			procs = append(procs, proc{next, kill})
		}
		i := w.rng.IntN(len(procs))
		switch {
		case w.faults && w.rng.IntN(40) == 0:
			procs[i].kill()
			crashes++
		case procs[i].next():
			continue
		}
		procs = append(procs[:i], procs[i+1:]...)
	}
	for _, p := range procs {
		p.kill()
	}
	return crashes
}
