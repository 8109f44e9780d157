package assign

import "cmp"

// bin is a process or a thread that takes tasks.
type bin struct {
	width int // threads
	load  int // tasks that it already has
	had   map[TaskID]bool
	copy  map[TaskID]bool // had a copy of; may be nil
}

// compareLoad orders bins by the load of their least loaded thread, then by load
// per thread. Loads and widths of a bin are spread evenly over its threads.
func compareLoad(loadA, widthA, loadB, widthB int) int {
	return cmp.Or(cmp.Compare(loadA/widthA, loadB/widthB), cmp.Compare(loadA*widthB, loadB*widthA))
}

// spread gives each task to one bin so that the load of threads is as even as
// possible, and as many tasks as that allows stay in the bin that had them, or go
// where a copy is. The tasks are sorted; the result has a list for each bin.
func spread(tasks []TaskID, bins []bin) [][]TaskID {
	quota := quotas(tasks, bins)
	got := make([][]TaskID, len(bins))
	keep := func(ids []TaskID, has func(bin) map[TaskID]bool) (rest []TaskID) {
	next:
		for _, id := range ids {
			for i, b := range bins {
				if has(b)[id] && len(got[i]) < quota[i] {
					got[i] = append(got[i], id)
					continue next
				}
			}
			rest = append(rest, id)
		}
		return rest
	}
	rest := keep(tasks, func(b bin) map[TaskID]bool { return b.had })
	rest = keep(rest, func(b bin) map[TaskID]bool { return b.copy })
	for _, id := range rest {
		best := -1
		for i, b := range bins {
			if len(got[i]) == quota[i] {
				continue
			}
			if best < 0 || compareLoad(b.load+len(got[i]), b.width, bins[best].load+len(got[best]), bins[best].width) < 0 {
				best = i
			}
		}
		got[best] = append(got[best], id)
	}
	return got
}

// quotas says how many of the tasks each bin takes. Where several bins are
// equally loaded, one that still has tasks to keep goes first, then one that has
// copies: so a spread that is already even comes out unchanged.
func quotas(tasks []TaskID, bins []bin) []int {
	keep, copies := make([]int, len(bins)), make([]int, len(bins))
next:
	for _, id := range tasks {
		for i, b := range bins {
			if b.had[id] {
				keep[i]++
				copies[i]++
				continue next
			}
		}
		for i, b := range bins {
			if b.copy[id] {
				copies[i]++
				continue next
			}
		}
	}
	quota := make([]int, len(bins))
	full := func(has []int, i int) int {
		if has[i] > quota[i] {
			return 0
		}
		return 1
	}
	for range tasks {
		best := 0
		for i := 1; i < len(bins); i++ {
			a, b := bins[i], bins[best]
			loadA, loadB := a.load+quota[i], b.load+quota[best]
			if cmp.Or(
				cmp.Compare(loadA/a.width, loadB/b.width), cmp.Compare(full(keep, i), full(keep, best)),
				cmp.Compare(full(copies, i), full(copies, best)), compareLoad(loadA, a.width, loadB, b.width),
			) < 0 {
				best = i
			}
		}
		quota[best]++
	}
	return quota
}

// placeStateless gives stateless tasks to the processes with the fewest active
// tasks per thread.
func placeStateless(tasks []TaskID, procs []*process) {
	bins := make([]bin, len(procs))
	for i, p := range procs {
		bins[i] = bin{width: p.width(), load: len(p.stateful), had: p.active}
	}
	for i, got := range spread(tasks, bins) {
		procs[i].stateless = got
	}
}
