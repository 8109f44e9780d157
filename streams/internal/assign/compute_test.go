package assign_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams/internal/assign"
)

var defaults = assign.Config{AcceptableLag: 100, MaxWarmups: 2, ProbingInterval: 10 * time.Minute}

func id(s string) assign.TaskID {
	t, err := assign.ParseTaskID(s)
	if err != nil {
		panic(err)
	}
	return t
}

func ids(list ...string) []assign.TaskID {
	var out []assign.TaskID
	for _, s := range list {
		out = append(out, id(s))
	}
	return out
}

// member is thread 1 of process n.
func member(name string, process byte, change ...func(*assign.Member)) assign.Member {
	m := assign.Member{ID: name, Process: assign.ProcessID{process}, Offsets: map[assign.TaskID]int64{}}
	for _, c := range change {
		c(&m)
	}
	return m
}

func runs(list ...string) func(*assign.Member) {
	return func(m *assign.Member) {
		m.Active = ids(list...)
		for _, t := range m.Active {
			m.Offsets[t] = assign.Running
		}
	}
}

func copyOf(task string, sum int64) func(*assign.Member) {
	return func(m *assign.Member) {
		m.Standby = append(m.Standby, id(task))
		m.Offsets[id(task)] = sum
	}
}

func dir(task string, sum int64) func(*assign.Member) {
	return func(m *assign.Member) { m.Offsets[id(task)] = sum }
}

func tag(k, v string) func(*assign.Member) {
	return func(m *assign.Member) { m.Tags = map[string]string{k: v} }
}

func stateful(end int64, list ...string) []assign.Task {
	var out []assign.Task
	for _, s := range list {
		out = append(out, assign.Task{ID: id(s), Stateful: true, EndOffsets: end})
	}
	return out
}

func stateless(list ...string) []assign.Task {
	var out []assign.Task
	for _, s := range list {
		out = append(out, assign.Task{ID: id(s)})
	}
	return out
}

// text is a plan as "active / standby / warm-up" by member.
func text(p assign.Plan) map[string]string {
	out := map[string]string{}
	for m, mp := range p.Members {
		s := ""
		for i, list := range [][]assign.TaskID{mp.Active, mp.Standby, mp.WarmUp} {
			if i > 0 {
				s += " /"
			}
			for _, t := range list {
				s += " " + t.String()
			}
		}
		out[m] = s
	}
	return out
}

func TestCompute(t *testing.T) {
	tests := []struct {
		name     string
		tasks    []assign.Task
		members  []assign.Member
		config   func(*assign.Config)
		want     map[string]string
		followUp bool
	}{
		{
			name: "nobody there", tasks: stateful(0, "0_0"), want: map[string]string{},
		},
		{
			name:    "a first start deals tasks in id order",
			tasks:   stateful(0, "0_0", "0_1", "0_2", "1_0"),
			members: []assign.Member{member("a", 1), member("b", 2)},
			want:    map[string]string{"a": " 0_0 0_2 / /", "b": " 0_1 1_0 / /"},
		},
		{
			name:    "a process gets as many shares as it has threads",
			tasks:   stateful(0, "0_0", "0_1", "0_2", "0_3", "0_4", "0_5"),
			members: []assign.Member{member("a1", 1), member("a2", 1), member("b1", 2)},
			want:    map[string]string{"a1": " 0_0 0_4 / /", "a2": " 0_2 0_5 / /", "b1": " 0_1 0_3 / /"},
		},
		{
			name:  "a lagging ideal process warms up while the owner goes on",
			tasks: stateful(1000, "0_0", "0_1", "0_2", "0_3"),
			members: []assign.Member{
				member("a", 1, runs("0_0", "0_1", "0_2", "0_3")), member("b", 2),
			},
			want:     map[string]string{"a": " 0_0 0_1 0_2 0_3 / /", "b": " / / 0_2 0_3"},
			followUp: true,
		},
		{
			name:  "warm-ups at once are limited",
			tasks: stateful(1000, "0_0", "0_1", "0_2", "0_3"),
			members: []assign.Member{
				member("a", 1, runs("0_0", "0_1", "0_2", "0_3")), member("b", 2),
			},
			config:   func(c *assign.Config) { c.MaxWarmups = 1 },
			want:     map[string]string{"a": " 0_0 0_1 0_2 0_3 / /", "b": " / / 0_2"},
			followUp: true,
		},
		{
			name:  "a warm-up that has begun goes first",
			tasks: stateful(1000, "0_0", "0_1", "0_2", "0_3"),
			members: []assign.Member{
				member("a", 1, runs("0_0", "0_1", "0_2", "0_3")), member("b", 2, copyOf("0_3", 500)),
			},
			config:   func(c *assign.Config) { c.MaxWarmups = 1 },
			want:     map[string]string{"a": " 0_0 0_1 0_2 0_3 / /", "b": " / / 0_3"},
			followUp: true,
		},
		{
			name:  "a warm-up within the acceptable lag takes over",
			tasks: stateful(1000, "0_0", "0_1", "0_2", "0_3"),
			members: []assign.Member{
				member("a", 1, runs("0_0", "0_1", "0_2", "0_3")),
				member("b", 2, copyOf("0_1", 900), copyOf("0_3", 899)),
			},
			want:     map[string]string{"a": " 0_0 0_2 0_3 / /", "b": " 0_1 / / 0_3"},
			followUp: true,
		},
		{
			name:  "the standby of a lost process takes over",
			tasks: stateful(1000, "0_0", "0_1", "0_2"),
			members: []assign.Member{
				member("b", 2, runs("0_1"), copyOf("0_0", 990)), member("c", 3, runs("0_2")),
			},
			config: func(c *assign.Config) { c.Standbys = 1 },
			want:   map[string]string{"b": " 0_0 0_1 / 0_2 /", "c": " 0_2 / 0_0 0_1 /"},
		},
		{
			name:  "the most state wins when nobody runs the task",
			tasks: stateful(1000, "0_0"),
			members: []assign.Member{
				member("a", 1), member("b", 2, dir("0_0", 400)), member("c", 3, dir("0_0", 500)),
			},
			want: map[string]string{"a": " / /", "b": " / /", "c": " 0_0 / /"},
		},
		{
			name:    "state beyond the end of the changelog is of another one",
			tasks:   stateful(1000, "0_0"),
			members: []assign.Member{member("a", 1, dir("0_0", 500)), member("b", 2, dir("0_0", 1001))},
			want:    map[string]string{"a": " 0_0 / /", "b": " / /"},
		},
		{
			name:    "without end offsets only a running task is caught up",
			tasks:   stateful(assign.UnknownOffsets, "0_0"),
			members: []assign.Member{member("a", 1, dir("0_0", 5000)), member("b", 2, runs("0_0"))},
			want:    map[string]string{"a": " / /", "b": " 0_0 / /"}, followUp: true,
		},
		{
			name:    "without end offsets the plan is looked at again",
			tasks:   stateful(assign.UnknownOffsets, "0_0", "0_1"),
			members: []assign.Member{member("a", 1, runs("0_0")), member("b", 2, runs("0_1"))},
			want:    map[string]string{"a": " 0_0 / /", "b": " 0_1 / /"}, followUp: true,
		},
		{
			name:  "a process that comes gets some of each sub-topology",
			tasks: stateful(0, "0_0", "0_1", "1_0", "1_1"),
			members: []assign.Member{
				member("a", 1, runs("0_0", "0_1", "1_0", "1_1")), member("b", 2),
			},
			want: map[string]string{"a": " 0_0 1_0 / /", "b": " 0_1 1_1 / /"},
		},
		{
			name:  "a process that comes back gets what it has state of",
			tasks: stateful(1000, "0_0", "0_1", "0_2", "0_3"),
			members: []assign.Member{
				member("a", 1, dir("0_0", 950), dir("0_3", 950)), member("b", 2, runs("0_0", "0_1", "0_2", "0_3")),
			},
			want: map[string]string{"a": " 0_0 0_3 / /", "b": " 0_1 0_2 / /"},
		},
		{
			name:  "the thread with the standby takes over",
			tasks: stateful(1000, "0_0", "0_1"),
			members: []assign.Member{
				member("a1", 1, runs("0_0")), member("a2", 1, copyOf("0_1", 1000)),
			},
			want: map[string]string{"a1": " 0_0 / /", "a2": " 0_1 / /"},
		},
		{
			name:    "stateless tasks even out stateful ones and stay where they were",
			tasks:   append(stateful(0, "0_0"), stateless("1_0", "1_1", "1_2")...),
			members: []assign.Member{member("a", 1, runs("0_0", "1_2")), member("b", 2, runs("1_0", "1_1"))},
			want:    map[string]string{"a": " 0_0 1_2 / /", "b": " 1_0 1_1 / /"},
		},
		{
			name:    "no more standbys than other processes",
			tasks:   stateful(0, "0_0"),
			members: []assign.Member{member("a1", 1), member("a2", 1), member("b", 2)},
			config:  func(c *assign.Config) { c.Standbys = 5 },
			want:    map[string]string{"a1": " 0_0 / /", "a2": " / /", "b": " / 0_0 /"},
		},
		{
			name:    "standbys are spread over racks",
			tasks:   stateful(0, "0_0"),
			members: []assign.Member{member("a", 1, tag("rack", "x")), member("b", 2, tag("rack", "x")), member("c", 3, tag("rack", "y"))},
			config:  func(c *assign.Config) { c.Standbys, c.RackTags = 1, []string{"rack"} },
			want:    map[string]string{"a": " 0_0 / /", "b": " / /", "c": " / 0_0 /"},
		},
		{
			name:  "threads keep what they ran",
			tasks: stateful(0, "0_0", "0_1", "0_2", "0_3"),
			members: []assign.Member{
				member("a1", 1, runs("0_3", "0_2")), member("a2", 1, runs("0_0", "0_1")),
			},
			want: map[string]string{"a1": " 0_2 0_3 / /", "a2": " 0_0 0_1 / /"},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := defaults
			if tc.config != nil {
				tc.config(&c)
			}
			plan := assign.Compute(assign.Group{Tasks: tc.tasks, Members: tc.members}, c)
			if diff := cmp.Diff(tc.want, text(plan)); diff != "" {
				t.Error(diff)
			}
			want := time.Duration(0)
			if tc.followUp {
				want = c.ProbingInterval
			}
			if plan.FollowUp != want {
				t.Errorf("follow-up %v, want %v", plan.FollowUp, want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	if err := defaults.Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*assign.Config){
		func(c *assign.Config) { c.Standbys = -1 }, func(c *assign.Config) { c.AcceptableLag = -1 },
		func(c *assign.Config) { c.MaxWarmups = 0 }, func(c *assign.Config) { c.ProbingInterval = 0 },
	} {
		c := defaults
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is taken for valid", c)
		}
	}
}

func TestParseTaskID(t *testing.T) {
	for _, s := range []string{"", "1", "1_", "_1", "1_-1", "-1_0", "01_0", "1_0_0", "99999999999_0"} {
		if got, err := assign.ParseTaskID(s); err == nil {
			t.Errorf("%q read as %v", s, got)
		}
	}
	if id("12_7") != (assign.TaskID{Subtopology: 12, Partition: 7}) {
		t.Error("12_7 misread")
	}
	got := slices.SortedFunc(maps.Keys(map[assign.TaskID]bool{id("1_0"): true, id("0_10"): true, id("0_9"): true}), assign.TaskID.Compare)
	if diff := cmp.Diff(ids("0_9", "0_10", "1_0"), got); diff != "" {
		t.Error(diff)
	}
}
