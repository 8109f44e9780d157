package assign_test

import (
	"fmt"
	"testing"

	"mm2/streams/internal/assign"
)

// A large application: 100 processes of 4 threads, one of which has just come,
// 5000 tasks, 2 standbys over two tags.
func BenchmarkCompute(b *testing.B) {
	c := defaults
	c.Standbys, c.RackTags = 2, []string{"zone", "cluster"}
	var g assign.Group
	for n := range int32(5000) {
		g.Tasks = append(g.Tasks, assign.Task{ID: assign.TaskID{Subtopology: n / 1000, Partition: n % 1000}, Stateful: n%5 > 0, EndOffsets: 1e6})
	}
	for n := range 400 {
		g.Members = append(g.Members, assign.Member{
			ID: fmt.Sprint("m", n), Process: assign.ProcessID{byte(n / 4)},
			Tags: map[string]string{"zone": fmt.Sprint(n / 4 % 3), "cluster": fmt.Sprint(n / 4 % 2)},
		})
	}
	last := g.Members[396:]
	g.Members = g.Members[:396]
	plan := assign.Compute(g, c)
	for i, m := range g.Members {
		mp := plan.Members[m.ID]
		g.Members[i].Active, g.Members[i].Standby = mp.Active, mp.Standby
		g.Members[i].Offsets = map[assign.TaskID]int64{}
		for _, id := range mp.Active {
			g.Members[i].Offsets[id] = assign.Running
		}
		for _, id := range mp.Standby {
			g.Members[i].Offsets[id] = 1e6
		}
	}
	g.Members = append(g.Members, last...)
	for b.Loop() {
		assign.Compute(g, c)
	}
}
