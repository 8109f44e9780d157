package app_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/checkpoint"
)

const noMap = "checkpoints = { emit = false }\ngroups = { sync = false }"

// What was copied while nothing was mapped: its groups wait, and say why, until
// the next record is copied; then they go on at the beginning of the copy, which
// skips nothing, and exactly as soon as they have passed it.
func TestGroupsInWhatWasCopiedWithoutAMap(t *testing.T) {
	const topic = "test-topic-1"
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, topic, 1)
		m.a.Produce(t, spread(topic, 0, 100, 1)...)
		_, stop := m.serve(t, (&javaRun{}).file(oneWay, "offset_syncs = { emit = false }\n"+noMap))
		time.Sleep(time.Minute)
		stop()
		if hasTopic(t, m.b, "mm2-segments.A.internal") {
			t.Fatal("there is a map: the test does not test")
		}

		commitAll(t, m.a, topic, map[string]int64{"behind": 10, "end": 100})
		a := m.start(t, (&javaRun{}).file(oneWay, ""))
		time.Sleep(time.Minute)
		for _, g := range state(a, "A->B").Groups.Groups {
			if g.State != checkpoint.GroupWaiting || g.Why != "nothing has been copied of test-topic-1 since offsets are mapped" {
				t.Errorf("group %+v", g)
			}
		}
		if n := len(m.b.Committed(t, "A.checkpoints.internal")); n != 0 {
			t.Errorf("%d checkpoints of what is not known", n)
		}

		m.a.Produce(t, spread(topic, 100, 10, 1)...)
		time.Sleep(time.Minute)
		copies := m.b.Committed(t, "A."+topic)
		for group, want := range map[string]string{"behind": "message-0", "end": "message-100"} {
			if at, ok := positions(t, m.b, group, "A."+topic)[0]; !ok || valueAt(copies, 0, at) != want {
				t.Errorf("%s is at %d (%v), which is %q, want %q", group, at, ok, valueAt(copies, 0, at), want)
			}
		}
		commitAt(t, m.a, "behind", topic, 1, 105)
		time.Sleep(time.Minute)
		(&javaRun{mesh: m}).wantSamePositions(t, "behind", topic, 1)
	})
}

// Where the map's topic was deleted, checkpoints that were written stay.
func TestCheckpointsOutliveTheMap(t *testing.T) {
	const topic = "test-topic-1"
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, topic, 1)
		m.a.Produce(t, spread(topic, 0, 100, 1)...)
		groups := map[string]int64{"behind": 10, "middle": 60}
		commitAll(t, m.a, topic, groups)
		_, stop := m.serve(t, (&javaRun{}).file(oneWay, "offset_syncs = { emit = false }"))
		time.Sleep(time.Minute)
		stop()
		if _, err := kadm.NewClient(m.b.Client(t)).DeleteTopics(t.Context(), "mm2-segments.A.internal"); err != nil {
			t.Fatal(err)
		}
		commitAt(t, m.a, "middle", topic, 1, 70)
		a := m.start(t, (&javaRun{}).file(oneWay, "offset_syncs = { emit = false }"))
		time.Sleep(time.Minute)
		m.a.Produce(t, spread(topic, 100, 10, 1)...)
		time.Sleep(time.Minute)
		copies := m.b.Committed(t, "A."+topic)
		for group, want := range map[string]string{"behind": "message-10", "middle": "message-60"} {
			if at, ok := positions(t, m.b, group, "A."+topic)[0]; !ok || valueAt(copies, 0, at) != want {
				t.Errorf("%s is at %d (%v), which is %q, want %q", group, at, ok, valueAt(copies, 0, at), want)
			}
		}
		if s := state(a, "A->B"); len(s.Problems) > 0 {
			t.Errorf("problems: %s", strings.Join(s.Problems, "; "))
		}
	})
}
