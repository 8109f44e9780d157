package assign

import (
	"cmp"
	"math"
	"slices"
)

// copies says where one stateful task is placed.
type copies struct {
	task     Task
	active   *process
	warmup   *process // or nil
	standbys []*process
}

// rank says how far a copy is behind: below zero it runs, at zero it has caught
// up, else it is the lag in offsets. An offset sum beyond the end belongs to
// another incarnation of the changelog and is worth nothing.
func (p *process) rank(t Task, acceptable int64) int64 {
	sum, known := p.offsets[t.ID]
	switch {
	case known && sum == Running:
		return -1
	case t.EndOffsets < 0:
		return math.MaxInt64 - max(sum, 0)
	case !known || sum < 0 || sum > t.EndOffsets:
		sum = 0
	}
	if lag := t.EndOffsets - sum; lag > acceptable {
		return lag
	}
	return 0
}

// placeStateful places the active copies and the warm-ups, and reports whether
// some task waits to move to its ideal process.
func placeStateful(tasks []Task, procs []*process, c Config) (placed []*copies, waiting bool) {
	type move struct {
		of *copies
		to *process
	}
	var moves []move
	owners := ideal(tasks, procs, c.AcceptableLag)
	for i, t := range tasks {
		to := owners[i]
		best := mostCaughtUp(t, to, procs, c.AcceptableLag)
		best.stateful = append(best.stateful, t.ID)
		at := &copies{task: t, active: best}
		placed = append(placed, at)
		if best != to {
			moves = append(moves, move{at, to})
		}
	}
	if c.Standbys >= len(procs)-1 {
		return placed, len(moves) > 0 // every other process has a standby: nothing to warm up beside them
	}
	// What is being warmed up goes on before anything new begins.
	slices.SortStableFunc(moves, func(a, b move) int {
		return cmp.Compare(begun(a.to, a.of.task.ID), begun(b.to, b.of.task.ID))
	})
	for _, m := range moves[:min(len(moves), c.MaxWarmups)] {
		m.of.warmup = m.to
		m.to.warmups = append(m.to.warmups, m.of.task.ID)
	}
	for _, p := range procs {
		sorted(p.warmups)
	}
	return placed, len(moves) > 0
}

func begun(p *process, id TaskID) int {
	if p.standby[id] {
		return 0
	}
	return 1
}

// mostCaughtUp is the ideal process if it has caught up, else the one with the
// lowest rank. Of equals the ideal one comes first, then the least loaded.
func mostCaughtUp(t Task, ideal *process, procs []*process, acceptable int64) *process {
	best, rank := ideal, ideal.rank(t, acceptable)
	if rank <= 0 {
		return best
	}
	for _, p := range procs {
		switch r := p.rank(t, acceptable); {
		case r < rank:
			best, rank = p, r
		case r == rank && best != ideal && compareLoad(len(p.stateful), p.width(), len(best.stateful), best.width()) < 0:
			best = p
		}
	}
	return best
}
