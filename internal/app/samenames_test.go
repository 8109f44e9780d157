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
		time.Sleep(time.Minute)
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
