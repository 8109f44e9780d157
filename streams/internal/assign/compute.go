package assign

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
)

// Compute gives out the tasks. It panics if the configuration is not valid. A
// group without members gets an empty plan.
func Compute(g Group, c Config) Plan {
	if err := c.Validate(); err != nil {
		panic("assign: compute with invalid configuration: " + err.Error())
	}
	plan := Plan{Members: map[string]MemberPlan{}}
	procs := processes(g.Members)
	if len(procs) == 0 {
		return plan
	}
	tasks := slices.Clone(g.Tasks)
	slices.SortFunc(tasks, compareTasks)
	tasks = slices.CompactFunc(tasks, func(a, b Task) bool { return a.ID == b.ID })
	var stateful []Task
	var stateless []TaskID
	for _, t := range tasks {
		if t.Stateful {
			stateful = append(stateful, t)
		} else {
			stateless = append(stateless, t.ID)
		}
	}

	copies, waiting := placeStateful(stateful, procs, c)
	unknown := func(t Task) bool { return t.EndOffsets < 0 }
	if waiting || slices.ContainsFunc(stateful, unknown) {
		plan.FollowUp = c.ProbingInterval
	}
	placeStandbys(copies, procs, c)
	placeStateless(stateless, procs)
	for _, p := range procs {
		p.toThreads(plan.Members)
	}
	return plan
}

// compareTasks orders even doubles by their content, so that which of them is
// looked at does not hang on the order of the input.
func compareTasks(a, b Task) int {
	stateful := func(t Task) int {
		if t.Stateful {
			return 0
		}
		return 1
	}
	return cmp.Or(a.ID.Compare(b.ID), cmp.Compare(stateful(a), stateful(b)), cmp.Compare(a.EndOffsets, b.EndOffsets))
}

// process is all members with one process id.
type process struct {
	index   int // in the order of ids
	id      ProcessID
	threads []Member
	tags    map[string]string
	offsets map[TaskID]int64
	active  map[TaskID]bool // before the plan
	standby map[TaskID]bool // before the plan

	// What the plan gives.
	stateful, stateless, standbys, warmups []TaskID
}

func (p *process) width() int { return len(p.threads) }

// processes groups the members; processes and threads come out sorted.
func processes(members []Member) []*process {
	members = slices.Clone(members)
	slices.SortStableFunc(members, func(a, b Member) int {
		return cmp.Or(bytes.Compare(a.Process[:], b.Process[:]), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.ID, b.ID))
	})
	var procs []*process
	seen := map[string]bool{}
	for _, m := range members {
		if seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		if len(procs) == 0 || procs[len(procs)-1].id != m.Process {
			procs = append(procs, &process{
				index: len(procs), id: m.Process, tags: map[string]string{}, offsets: map[TaskID]int64{},
				active: map[TaskID]bool{}, standby: map[TaskID]bool{},
			})
		}
		p := procs[len(procs)-1]
		p.threads = append(p.threads, m)
		maps.Copy(p.tags, m.Tags)
		for id, sum := range m.Offsets {
			p.learn(id, sum)
		}
		for _, id := range m.Active {
			p.active[id] = true
		}
		for _, id := range m.Standby {
			p.standby[id] = true
		}
	}
	return procs
}

// learn merges what the threads of a process say of one task.
func (p *process) learn(id TaskID, sum int64) {
	old, known := p.offsets[id]
	if !known || old != Running && (sum == Running || sum > old) {
		p.offsets[id] = sum
	}
}

// toThreads splits what the process got over its threads.
func (p *process) toThreads(out map[string]MemberPlan) {
	active := make([]bin, len(p.threads))
	copies := make([]bin, len(p.threads))
	for i, m := range p.threads {
		active[i] = bin{width: 1, had: set(m.Active), copy: set(m.Standby)}
		copies[i] = bin{width: 1, had: set(m.Standby), copy: set(m.Active)}
	}
	stateful := spread(p.stateful, active)
	for i := range active {
		active[i].load = len(stateful[i])
	}
	stateless := spread(p.stateless, active)
	standbys := spread(p.standbys, copies)
	for i := range copies {
		copies[i].load = len(standbys[i])
	}
	warmups := spread(p.warmups, copies)
	for i, m := range p.threads {
		out[m.ID] = MemberPlan{
			Active: sorted(append(stateful[i], stateless[i]...)), Standby: sorted(standbys[i]), WarmUp: sorted(warmups[i]),
		}
	}
}

func set(list []TaskID) map[TaskID]bool {
	s := map[TaskID]bool{}
	for _, id := range list {
		s[id] = true
	}
	return s
}

func sorted(ids []TaskID) []TaskID {
	slices.SortFunc(ids, TaskID.Compare)
	return ids
}
