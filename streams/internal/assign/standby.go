package assign

import (
	"cmp"
	"slices"
)

// placeStandbys adds the standbys to each task.
//
// Standbys first stay where they were, then missing ones are added where state or
// room is, then single copies are moved as long as that spreads them better. The
// end of that search is also where the next one starts, so a plan that is as good
// as it gets is kept.
func placeStandbys(placed []*copies, procs []*process, c Config) {
	want := min(c.Standbys, len(procs)-1)
	if want == 0 {
		return
	}
	s := standbys{tags: c.RackTags, procs: procs, load: make([]int, len(procs))}
	for _, at := range placed {
		var stay []*process
		for _, p := range procs {
			if p.standby[at.task.ID] && at.free(p) {
				stay = append(stay, p)
			}
		}
		slices.SortStableFunc(stay, func(a, b *process) int {
			return cmp.Compare(a.rank(at.task, c.AcceptableLag), b.rank(at.task, c.AcceptableLag))
		})
		for _, p := range stay[:min(len(stay), want)] {
			s.add(at, p)
		}
	}
	for _, at := range placed {
		for len(at.standbys) < want {
			s.add(at, s.choose(at))
		}
	}
	for s.improve(placed) {
	}
	for _, at := range placed {
		for _, p := range at.standbys {
			p.standbys = append(p.standbys, at.task.ID)
		}
	}
}

// free says whether the process holds no copy of the task yet.
func (at *copies) free(p *process) bool {
	return at.active != p && at.warmup != p && !slices.Contains(at.standbys, p)
}

// standbys is the state of the search; load is the number of standbys by process.
type standbys struct {
	tags  []string
	procs []*process
	load  []int
}

func (s *standbys) add(at *copies, p *process) {
	at.standbys = append(at.standbys, p)
	s.load[p.index]++
}

// overlap counts the tags of p that have the value of an active or standby copy
// other than the one on skip. Fewer is better spread.
func (s *standbys) overlap(at *copies, p, skip *process) int {
	n := 0
	for _, tag := range s.tags {
		same := func(q *process) bool { return q != skip && q.tags[tag] == p.tags[tag] }
		if same(at.active) || slices.ContainsFunc(at.standbys, same) {
			n++
		}
	}
	return n
}

// choose picks the process for one more standby of the task.
func (s *standbys) choose(at *copies) *process {
	var best *process
	for _, p := range s.procs {
		if at.free(p) && (best == nil || cmp.Or(
			cmp.Compare(s.overlap(at, p, nil), s.overlap(at, best, nil)),
			cmp.Compare(stateless(p, at.task.ID), stateless(best, at.task.ID)),
			compareLoad(s.load[p.index], p.width(), s.load[best.index], best.width()),
		) < 0) {
			best = p
		}
	}
	return best
}

func stateless(p *process, id TaskID) int {
	if _, known := p.offsets[id]; known {
		return 0
	}
	return 1
}

// improve moves standbys that are better placed elsewhere and reports whether it
// did. Each move lowers the overlap, or keeps it and lowers the sum of squares of
// the thread loads, so that a loop over it ends.
func (s *standbys) improve(placed []*copies) bool {
	moved := false
	for _, at := range placed {
		for i, from := range at.standbys {
			if to := s.better(at, from); to != nil {
				at.standbys[i] = to
				s.load[from.index]--
				s.load[to.index]++
				moved = true
			}
		}
	}
	return moved
}

func (s *standbys) better(at *copies, from *process) *process {
	var best *process
	now := s.overlap(at, from, from)
	least := now
	for _, p := range s.procs {
		if !at.free(p) {
			continue
		}
		overlap := s.overlap(at, p, from)
		fullest := (s.load[from.index] + from.width() - 1) / from.width()
		if overlap > least || overlap == now && fullest <= s.load[p.index]/p.width()+1 {
			continue
		}
		if best == nil || overlap < least || compareLoad(s.load[p.index], p.width(), s.load[best.index], best.width()) < 0 {
			best, least = p, overlap
		}
	}
	return best
}
