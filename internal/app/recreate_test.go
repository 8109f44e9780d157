package app_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/mm2test"
)

// nextOf is the value that a reader of a cluster would see next on another: the
// one at its position, or the first behind it that the other has.
func nextOf(here, there []*kgo.Record, at int64) string {
	has := map[string]bool{}
	for _, r := range there {
		has[string(r.Value)] = true
	}
	for _, r := range here {
		if r.Offset >= at && has[string(r.Value)] {
			return string(r.Value)
		}
	}
	return "the end"
}

// wantCarriedOver compares where groups go on on both sides, by their positions
// and by their last checkpoints.
func (m *mesh) wantCarriedOver(t *testing.T, topic string, groups map[string]int64) {
	t.Helper()
	here, there := m.a.Committed(t, topic), m.b.Committed(t, "A."+topic)
	last := map[string]checkpoint.Checkpoint{}
	for _, r := range m.b.Committed(t, "A.checkpoints.internal") {
		c, err := checkpoint.DecodeCheckpoint(r.Key, r.Value)
		if err != nil {
			t.Fatal(err)
		}
		last[c.Group] = c
	}
	for group, at := range groups {
		want := nextOf(here, there, at)
		if pos, ok := positions(t, m.b, group, "A."+topic)[0]; !ok || valueAt(there, 0, pos) != want {
			t.Errorf("%s is at %d (%v) on B, which is %q, want %q", group, pos, ok, valueAt(there, 0, pos), want)
		}
		if c := last[group]; c.Upstream != at || valueAt(there, 0, c.Downstream) != want {
			t.Errorf("%s has the checkpoint %v, which is %q, want %q", group, c, valueAt(there, 0, c.Downstream), want)
		}
	}
}

func commitAll(t *testing.T, c *mm2test.Cluster, topic string, groups map[string]int64) {
	t.Helper()
	for group, at := range groups {
		commitAt(t, c, group, topic, 1, at)
	}
}

// Whichever topic is made anew, whatever the policy, and whether or not a worker
// runs then: groups go on on the target at the record that is next on the source,
// or at the first behind it that the target has.
func TestGroupsGoOnWhereATopicIsMadeAnew(t *testing.T) {
	const topic = "test-topic-1"
	before := map[string]int64{"behind": 10, "middle": 60, "end": 100}
	for _, tc := range []struct {
		name  string
		anew  func(t *testing.T, m *mesh)
		after map[string]int64 // where groups are on A then
	}{
		{
			"target", func(t *testing.T, m *mesh) {
				m.b.Recreate(t, "A."+topic)
				time.Sleep(10 * time.Second)
				m.a.Produce(t, spread(topic, 100, 30, 1)...)
			},
			before,
		},
		{
			"target, read on before it is copied", func(t *testing.T, m *mesh) {
				m.b.Recreate(t, "A."+topic)
				m.a.Produce(t, spread(topic, 100, 300, 1)...)
				commitAt(t, m.a, "end", topic, 1, 250)
			},
			map[string]int64{"behind": 10, "middle": 60, "end": 250},
		},
		{
			"source", func(t *testing.T, m *mesh) { // its groups lose their positions
				m.a.Recreate(t, topic)
				m.a.Produce(t, spread(topic, 1000, 150, 1)...)
				commitAll(t, m.a, topic, map[string]int64{"behind": 5, "middle": 70, "end": 150})
			},
			map[string]int64{"behind": 5, "middle": 70, "end": 150},
		},
		{
			"both", func(t *testing.T, m *mesh) {
				m.a.Recreate(t, topic)
				m.b.Recreate(t, "A."+topic)
				m.a.Produce(t, spread(topic, 1000, 50, 1)...)
				commitAll(t, m.a, topic, map[string]int64{"behind": 10, "middle": 20, "end": 50})
			},
			map[string]int64{"behind": 10, "middle": 20, "end": 50},
		},
	} {
		for _, policy := range []string{"skip", "restart"} {
			for _, running := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/running=%v", tc.name, policy, running), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						m := newMesh(t)
						m.a.Create(t, topic, 1)
						m.a.Produce(t, spread(topic, 0, 100, 1)...)
						commitAll(t, m.a, topic, before)
						file := (&javaRun{mesh: m}).file(oneWay, fmt.Sprintf("on = { source_recreated = %q, target_recreated = %q }", policy, policy))
						_, stop := m.serve(t, file)
						time.Sleep(settles)
						m.wantCarriedOver(t, topic, before)
						if !running {
							stop()
						}
						tc.anew(t, m)
						if !running {
							m.start(t, file)
						}
						time.Sleep(settles)
						m.wantCarriedOver(t, topic, tc.after)
					})
				})
			}
		}
	}
}
