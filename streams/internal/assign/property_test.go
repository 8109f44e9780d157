package assign_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams/internal/assign"
)

// world is a cluster of processes that live by the plans they get.
type world struct {
	t      *testing.T
	rnd    *rand.Rand
	config assign.Config
	tasks  []assign.Task
	alive  []*instance
	gone   []*instance // processes that may come back with their state
	next   int
}

type instance struct {
	id      assign.ProcessID
	tags    map[string]string
	threads []*thread
	disk    map[assign.TaskID]int64
}

type thread struct {
	id              string
	active, standby []assign.TaskID
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), config: defaults}
	w.config.Standbys = w.rnd.IntN(4)
	w.config.MaxWarmups = 1 + w.rnd.IntN(4)
	if w.rnd.IntN(2) == 0 {
		w.config.RackTags = []string{"zone", "cluster"}[:1+w.rnd.IntN(2)]
	}
	for sub := range int32(1 + w.rnd.IntN(3)) {
		isStateful := w.rnd.IntN(3) > 0
		for p := range int32(1 + w.rnd.IntN(9)) {
			w.tasks = append(w.tasks, assign.Task{
				ID: assign.TaskID{Subtopology: sub, Partition: p}, Stateful: isStateful, EndOffsets: w.rnd.Int64N(5000),
			})
		}
	}
	for range 1 + w.rnd.IntN(4) {
		w.join()
	}
	return w
}

func (w *world) join() {
	w.next++
	in := &instance{id: assign.ProcessID{byte(w.rnd.IntN(256)), byte(w.next)}, disk: map[assign.TaskID]int64{}}
	in.tags = map[string]string{"zone": strconv.Itoa(w.rnd.IntN(3)), "cluster": strconv.Itoa(w.rnd.IntN(2))}
	w.threads(in, 1+w.rnd.IntN(3))
	w.alive = append(w.alive, in)
}

func (w *world) threads(in *instance, n int) {
	in.threads = nil
	for range n {
		w.next++
		in.threads = append(in.threads, &thread{id: "m" + strconv.Itoa(w.rnd.IntN(1000)) + "-" + strconv.Itoa(w.next)})
	}
}

func (w *world) group() assign.Group {
	g := assign.Group{Tasks: slices.Clone(w.tasks)}
	for _, in := range w.alive {
		for i, th := range in.threads {
			m := assign.Member{ID: th.id, Process: in.id, Active: th.active, Standby: th.standby, Tags: in.tags, Offsets: map[assign.TaskID]int64{}}
			if i == 0 {
				maps.Copy(m.Offsets, in.disk)
			}
			for _, t := range th.active {
				m.Offsets[t] = assign.Running
			}
			g.Members = append(g.Members, m)
		}
	}
	return g
}

// compute plans and checks what holds for each plan.
func (w *world) compute() assign.Plan {
	g := w.group()
	plan := assign.Compute(g, w.config)
	w.rnd.Shuffle(len(g.Members), func(i, j int) { g.Members[i], g.Members[j] = g.Members[j], g.Members[i] })
	w.rnd.Shuffle(len(g.Tasks), func(i, j int) { g.Tasks[i], g.Tasks[j] = g.Tasks[j], g.Tasks[i] })
	if diff := cmp.Diff(plan, assign.Compute(g, w.config)); diff != "" {
		w.t.Fatalf("the order of the input matters: %s", diff)
	}
	w.checkCopies(plan)
	return plan
}

func (w *world) checkCopies(plan assign.Plan) {
	active, standby, warmups := map[assign.TaskID]int{}, map[assign.TaskID]int{}, 0
	for _, in := range w.alive {
		held := map[assign.TaskID]bool{}
		for _, th := range in.threads {
			mp, found := plan.Members[th.id]
			if !found {
				w.t.Fatalf("%s is not in the plan", th.id)
			}
			for _, t := range slices.Concat(mp.Active, mp.Standby, mp.WarmUp) {
				if held[t] {
					w.t.Fatalf("process %s holds %v twice", in.id, t)
				}
				held[t] = true
			}
			for _, t := range mp.Active {
				active[t]++
			}
			for _, t := range mp.Standby {
				standby[t]++
			}
			warmups += len(mp.WarmUp)
		}
	}
	for _, t := range w.tasks {
		if active[t.ID] != 1 {
			w.t.Fatalf("%v is active %d times", t.ID, active[t.ID])
		}
		want := 0
		if t.Stateful {
			want = min(w.config.Standbys, len(w.alive)-1)
		}
		if standby[t.ID] != want {
			w.t.Fatalf("%v has %d standbys, want %d", t.ID, standby[t.ID], want)
		}
	}
	if warmups > w.config.MaxWarmups {
		w.t.Fatalf("%d warm-ups, at most %d allowed", warmups, w.config.MaxWarmups)
	}
	if warmups > 0 && plan.FollowUp == 0 {
		w.t.Fatal("warm-ups without a follow-up")
	}
}

// apply makes the members do what the plan says. Copies then have part or all of
// the changelog.
func (w *world) apply(plan assign.Plan, whole bool) {
	end := map[assign.TaskID]int64{}
	for _, t := range w.tasks {
		if t.Stateful {
			end[t.ID] = t.EndOffsets
		}
	}
	for _, in := range w.alive {
		for _, th := range in.threads {
			mp := plan.Members[th.id]
			th.active, th.standby = mp.Active, slices.Concat(mp.Standby, mp.WarmUp)
			for _, t := range mp.Active {
				if e, isStateful := end[t]; isStateful {
					in.disk[t] = e
				}
			}
			for _, t := range th.standby {
				if whole || end[t] == 0 {
					in.disk[t] = end[t]
				} else {
					in.disk[t] = min(end[t], in.disk[t]+w.rnd.Int64N(end[t]))
				}
			}
		}
	}
}

// disturb lets something happen between two plans.
func (w *world) disturb() {
	i := w.rnd.IntN(len(w.alive))
	switch in := w.alive[i]; w.rnd.IntN(6) {
	case 0:
		w.join()
	case 1: // leaves or dies
		if len(w.alive) > 1 {
			w.alive = slices.Delete(w.alive, i, i+1)
			w.gone = append(w.gone, in)
		}
	case 2: // comes back
		if len(w.gone) > 0 {
			back := w.gone[0]
			w.gone = w.gone[1:]
			w.threads(back, 1+w.rnd.IntN(3))
			w.alive = append(w.alive, back)
		}
	case 3: // restarts
		w.threads(in, 1+w.rnd.IntN(3))
	case 4: // records flow
		for n := range w.tasks {
			w.tasks[n].EndOffsets += w.rnd.Int64N(300)
		}
	case 5: // loses its disk
		w.threads(in, len(in.threads))
		in.disk = map[assign.TaskID]int64{}
	}
}

// settle repeats follow-ups until none is due.
func (w *world) settle() {
	for round := 0; ; round++ {
		plan := w.compute()
		w.apply(plan, true)
		if plan.FollowUp == 0 {
			break
		}
		if round > len(w.tasks)+2 {
			w.t.Fatalf("no end of follow-ups after %d rounds", round)
		}
	}
	before := w.compute()
	w.apply(before, true)
	if before.FollowUp != 0 {
		w.t.Fatal("a settled group asks for a follow-up")
	}
	w.checkBalance(before)
	if diff := cmp.Diff(before, w.compute()); diff != "" {
		w.t.Fatalf("tasks move though nothing changed: %s", diff)
	}
}

func (w *world) checkBalance(plan assign.Plan) {
	isStateful := map[assign.TaskID]bool{}
	for _, t := range w.tasks {
		isStateful[t.ID] = t.Stateful
	}
	var all, state []int
	for _, mp := range plan.Members {
		n := 0
		for _, t := range mp.Active {
			if isStateful[t] {
				n++
			}
		}
		all, state = append(all, len(mp.Active)), append(state, n)
	}
	if slices.Max(all)-slices.Min(all) > 1 || slices.Max(state)-slices.Min(state) > 1 {
		w.t.Fatalf("threads have %v tasks, of them stateful %v", all, state)
	}
}

func TestRandomClusters(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 15 {
				w.disturb()
				w.apply(w.compute(), w.rnd.IntN(3) == 0)
				if w.rnd.IntN(3) == 0 {
					w.settle()
				}
			}
			w.settle()
		})
	}
}

// A restart of one process must not take the tasks of others away.
func TestRestartMovesNothingElse(t *testing.T) {
	for seed := range uint64(100) {
		w := newWorld(t, seed)
		w.join()
		w.settle()
		before := w.compute()
		in := w.alive[w.rnd.IntN(len(w.alive))]
		w.threads(in, len(in.threads))
		after := w.compute()
		for _, other := range w.alive {
			for _, th := range other.threads {
				if other == in {
					continue
				}
				got, had := after.Members[th.id].Active, before.Members[th.id].Active
				for _, id := range statefulOf(w, had) {
					if !slices.Contains(got, id) {
						t.Fatalf("seed %d: %s had %v, has %v", seed, th.id, had, got)
					}
				}
			}
		}
		if after.FollowUp != 0 {
			t.Fatalf("seed %d: a restart with its state asks for a follow-up", seed)
		}
	}
}

func statefulOf(w *world, list []assign.TaskID) []assign.TaskID {
	return slices.DeleteFunc(slices.Clone(list), func(id assign.TaskID) bool {
		return !slices.ContainsFunc(w.tasks, func(t assign.Task) bool { return t.ID == id && t.Stateful })
	})
}

// Standbys are even where no rack rule stands against it.
func TestStandbyBalance(t *testing.T) {
	for processes := 2; processes <= 7; processes++ {
		for standbys := 1; standbys < processes; standbys++ {
			w := &world{t: t, rnd: rand.New(rand.NewPCG(uint64(processes), uint64(standbys))), config: defaults}
			w.config.Standbys, w.config.ProbingInterval = standbys, time.Minute
			for p := range int32(23) {
				w.tasks = append(w.tasks, assign.Task{ID: assign.TaskID{Partition: p}, Stateful: true})
			}
			for range processes {
				w.join()
				w.threads(w.alive[len(w.alive)-1], 1)
				w.settle() // the last ones join a running group
			}
			var loads []int
			for _, mp := range w.compute().Members {
				loads = append(loads, len(mp.Standby))
			}
			if slices.Max(loads)-slices.Min(loads) > 1 {
				t.Errorf("%d processes, %d standbys: loads %v", processes, standbys, loads)
			}
		}
	}
}

// owners says on which process each stateful task runs.
func (w *world) owners() map[assign.TaskID]assign.ProcessID {
	out := map[assign.TaskID]assign.ProcessID{}
	for _, in := range w.alive {
		for _, th := range in.threads {
			for _, id := range statefulOf(w, th.active) {
				out[id] = in.id
			}
		}
	}
	return out
}

// When a process comes, tasks move to it only. When one goes, its own move; at
// most one other does, where a standby that took over has two threads and gets
// the share that another had.
func TestOnlyWhatMustMoveMoves(t *testing.T) {
	others := 0
	for seed := range uint64(300) {
		w := newWorld(t, seed)
		w.join()
		w.settle()
		before := w.owners()
		w.join()
		came := w.alive[len(w.alive)-1].id
		w.settle()
		between := w.owners()
		for id, owner := range between {
			if owner != before[id] && owner != came {
				t.Errorf("seed %d: %v went from %s to %s when %s came", seed, id, before[id], owner, came)
			}
		}
		i := w.rnd.IntN(len(w.alive))
		went := w.alive[i].id
		w.alive = slices.Delete(w.alive, i, i+1)
		w.settle()
		moved := 0
		for id, owner := range w.owners() {
			if owner != between[id] && between[id] != went {
				moved++
			}
		}
		if others += moved; moved > 1 {
			t.Errorf("seed %d: %d tasks of others moved when %s went", seed, moved, went)
		}
	}
	if others > 20 {
		t.Errorf("when one of 300 processes went, %d tasks of others moved", others)
	}
}
