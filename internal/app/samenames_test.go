package app_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/app"
	"mm2/internal/mm2test"
	"mm2/topology"
)

// sameNamesMesh is a file for the flows, which keep names.
func sameNamesMesh(flows string) string {
	file := (&javaRun{}).file(flows, `policy = "identity"`)
	return strings.Replace(file, "[defaults]", "[clusters.C]\nbootstrap = [\"127.0.0.1:9095\"]\n[defaults]", 1)
}

// Records of three clusters in one topic: nothing stands for a position, and the
// status and the command say why.
func TestWhyATopicOfThreeClustersIsNotTranslated(t *testing.T) {
	const (
		topic = "test-topic-1"
		why   = "test-topic-1 has records of 3 clusters under one name, which are mixed differently on each: a position on A stands for none on B"
	)
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.c = mm2test.NewCluster(t, &m.net, portC, "cluster-c")
		m.a.Create(t, topic, 1)
		m.a.Produce(t, spread(topic, 0, 10, 1)...)
		commitAt(t, m.a, "g", topic, 1, 4)
		file := sameNamesMesh(`"A->B", "B->A", "A->C", "C->A", "B->C", "C->B"`)
		a := m.start(t, file)
		time.Sleep(settles)
		groups := state(a, "A->B").Groups
		if groups == nil || len(groups.Groups) != 1 || groups.Groups[0].State != checkpoint.GroupWaiting || groups.Groups[0].Why != why {
			t.Errorf("groups of A->B: %+v", groups)
		}
		if n := len(m.b.Committed(t, "A.checkpoints.internal")); n != 0 {
			t.Errorf("%d checkpoints", n)
		}
		got, err := app.TranslateOffsets(t.Context(), load(t, file), app.Options{ClientOpts: []kgo.Opt{kgo.Dialer(m.net.DialContext)}},
			topology.FlowID{Source: "A", Target: "B"}, "g", shifted{topic: topic, copy: topic})
		want := []app.TranslatedOffset{{Topic: topic, Offset: 4, TargetOffset: -1, Note: why}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("translated (%v) (-want +got):\n%s", err, diff)
		}
	})
}

// wantNoneSkipped fails if a group that goes on on B misses a record that it has
// not read on A, or reads more than most again.
func (m *mesh) wantNoneSkipped(t *testing.T, topic, group string, most int) {
	t.Helper()
	here, there := positions(t, m.a, group, topic)[0], positions(t, m.b, group, topic)[0]
	read, _ := split(m.a.Committed(t, topic), here)
	again := 0
	for _, r := range m.b.Committed(t, topic) {
		switch v := string(r.Value); {
		case r.Offset < there && !read[v]:
			t.Errorf("%s is at %d on A and at %d on B, which skips %s", group, here, there, v)
			return
		case r.Offset >= there && read[v]:
			again++
		}
	}
	if again > most {
		t.Errorf("%s is at %d on A and at %d on B, which repeats %d records, want at most %d", group, here, there, again, most)
	}
}

// Two clusters write one topic: who goes on on the other side skips nothing, not
// even what was not copied back yet, and repeats nothing where only one writes.
func TestGroupsInATopicOfTwoClusters(t *testing.T) {
	const topic = "test-topic-1"
	both := sameNamesMesh(bothWays)
	run := func(name string, test func(t *testing.T, m *mesh)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				m.a.Create(t, topic, 1)
				m.b.Create(t, topic, 1)
				test(t, m)
			})
		})
	}
	run("only one writes", func(t *testing.T, m *mesh) {
		m.a.Produce(t, spread(topic, 0, 100, 1)...)
		commitAll(t, m.a, topic, map[string]int64{"middle": 40, "end": 100})
		m.start(t, both)
		time.Sleep(settles)
		m.wantNoneSkipped(t, topic, "middle", 0)
		m.wantNoneSkipped(t, topic, "end", 0)
	})
	run("the other has written once", func(t *testing.T, m *mesh) {
		m.start(t, both)
		m.b.Produce(t, spread(topic, 1000, 1, 1)...)
		time.Sleep(settles)
		m.a.Produce(t, spread(topic, 0, 100, 1)...)
		time.Sleep(settles)
		commitAll(t, m.a, topic, map[string]int64{"middle": 40, "end": 200})
		time.Sleep(settles)
		m.wantNoneSkipped(t, topic, "middle", 0)
		m.wantNoneSkipped(t, topic, "end", 0)
	})
	run("nothing is copied back", func(t *testing.T, m *mesh) {
		_, stop := m.serve(t, both)
		time.Sleep(settles)
		stop() // both lanes topics exist
		m.start(t, both, "B")
		m.b.Produce(t, spread(topic, 1000, 10, 1)...)
		m.a.Produce(t, spread(topic, 0, 100, 1)...)
		commitAll(t, m.a, topic, map[string]int64{"middle": 40, "end": 100})
		time.Sleep(settles)
		m.wantNoneSkipped(t, topic, "middle", 40)
		m.wantNoneSkipped(t, topic, "end", 100)
	})
	run("both write", func(t *testing.T, m *mesh) {
		m.start(t, both)
		commitAll(t, m.a, topic, map[string]int64{"middle": 0, "end": 0})
		time.Sleep(settles) // both are followed
		for i := range 20 {
			m.b.Produce(t, spread(topic, 1000+10*i, 10, 1)...)
			m.a.Produce(t, spread(topic, 10*i, 10, 1)...)
			commitAll(t, m.a, topic, map[string]int64{"middle": int64(10 * i), "end": int64(10 * (i + 1))})
			time.Sleep(3 * time.Second)
			m.wantNoneSkipped(t, topic, "middle", 200)
			m.wantNoneSkipped(t, topic, "end", 200)
		}
	})
}
