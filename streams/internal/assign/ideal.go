package assign

import (
	"cmp"
	"slices"
)

// ideal says for each stateful task on which process it shall run in the end. The
// load is even over threads, and as many tasks as that allows are where their
// state is: a process that comes takes its share from those that have too many,
// and one that goes leaves its share to the others; nothing else moves.
//
// What has moved in part gives the same plan again: a copy that was begun is a
// reason to go on with it, and a task that runs is a reason to leave it.
func ideal(tasks []Task, procs []*process, acceptable int64) []*process {
	d := deal{tasks: tasks, procs: procs, to: make([]*process, len(tasks)), got: make([]int, len(procs)), homes: make([][]home, len(tasks)), subs: map[part]int{}}
	for i, t := range tasks {
		d.homes[i] = homes(t, procs, acceptable)
	}
	bins := make([]bin, len(procs))
	first := make([]map[TaskID]bool, len(procs))
	for i, p := range procs {
		first[i] = map[TaskID]bool{}
		bins[i] = bin{width: p.width(), had: p.active, copy: first[i]}
	}
	ids := make([]TaskID, len(tasks))
	for i, t := range tasks {
		ids[i] = t.ID
		if len(d.homes[i]) > 0 {
			first[d.homes[i][0].process.index][t.ID] = true
		}
	}
	d.quota = quotas(ids, bins)
	d.stay(first)
	d.move()
	return d.to
}

// home is a process that has something of a task.
type home struct {
	process *process
	rank    int64
	hold    int // 0 as active, 1 as standby or warm-up, 2 in its directory
}

// homes are the processes that have something of the task, the best one first.
func homes(t Task, procs []*process, acceptable int64) []home {
	var list []home
	for _, p := range procs {
		h := home{process: p, rank: p.rank(t, acceptable), hold: 2}
		_, known := p.offsets[t.ID]
		switch {
		case p.active[t.ID]:
			h.hold = 0
		case p.standby[t.ID]:
			h.hold = 1
		case !known:
			continue
		}
		list = append(list, h)
	}
	slices.SortStableFunc(list, func(a, b home) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.hold, b.hold)) })
	return list
}

// deal is an ideal plan in the making.
type deal struct {
	tasks []Task
	procs []*process
	homes [][]home
	quota []int // by process
	got   []int // tasks given, by process
	to    []*process
	subs  map[part]int
}

// part is a sub-topology on a process.
type part struct {
	process *process
	id      int32
}

func (d *deal) give(task int, p *process) {
	d.to[task] = p
	d.got[p.index]++
	d.subs[part{p, d.tasks[task].ID.Subtopology}]++
}

// of is how many tasks of a task's sub-topology the process has got.
func (d *deal) of(p *process, task int) int { return d.subs[part{p, d.tasks[task].ID.Subtopology}] }

func (d *deal) room(p *process) bool { return d.got[p.index] < d.quota[p.index] }

// stay leaves each process as many of the tasks that are at home there as it may
// have. What runs there stays before a mere copy, and then what has no other home
// to go to. Of equals the process gives away some of each sub-topology: their
// tasks tend to be of one size.
func (d *deal) stay(first []map[TaskID]bool) {
	over := func(p *process) bool { return len(first[p.index]) >= d.quota[p.index] }
	for _, p := range d.procs {
		var mine []int
		ofSub := map[int32]int{}
		for i, t := range d.tasks {
			if first[p.index][t.ID] {
				mine = append(mine, i)
				ofSub[t.ID.Subtopology]++
			}
		}
		for len(mine) > d.quota[p.index] {
			last := 0
			for k := range mine {
				if cmp.Or(
					cmp.Compare(d.homes[mine[k]][0].hold, d.homes[mine[last]][0].hold),
					cmp.Compare(elsewhere(d.homes[mine[last]], over), elsewhere(d.homes[mine[k]], over)),
					cmp.Compare(ofSub[d.tasks[mine[k]].ID.Subtopology], ofSub[d.tasks[mine[last]].ID.Subtopology]),
				) >= 0 {
					last = k
				}
			}
			ofSub[d.tasks[mine[last]].ID.Subtopology]--
			mine = slices.Delete(mine, last, last+1)
		}
		for _, i := range mine {
			d.give(i, p)
		}
	}
}

// elsewhere is how hard it is to move a task away from its first home: 1 where it
// has a standby with room, 2 where it has a directory, and 3 where it has nothing.
func elsewhere(homes []home, over func(*process) bool) int {
	hard := 3
	for _, h := range homes[1:] {
		if !over(h.process) {
			hard = min(hard, h.hold)
		}
	}
	return hard
}

// move places what could not stay: at another of its homes if one has room, else
// where the load is lowest.
func (d *deal) move() {
	for i := range d.tasks {
		for _, h := range d.homes[i] {
			if d.to[i] == nil && d.room(h.process) {
				d.give(i, h.process)
			}
		}
	}
	for i := range d.tasks {
		if d.to[i] != nil {
			continue
		}
		var best *process
		for _, p := range d.procs {
			if d.room(p) && (best == nil || cmp.Or(
				compareLoad(d.got[p.index], p.width(), d.got[best.index], best.width()),
				cmp.Compare(d.of(p, i), d.of(best, i)),
			) < 0) {
				best = p
			}
		}
		d.give(i, best)
	}
}
