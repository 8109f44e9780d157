package runtime_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/mm2test"
	"mm2/streams"
)

// TestSourceElsewhereIsNotWhatItWas puts a topic in the place of the one that
// was read, before a restart and while it is read.
func TestSourceElsewhereIsNotWhatItWas(t *testing.T) {
	for name, during := range map[string]bool{"stopped": false, "running": true} {
		t.Run(name, func(t *testing.T) {
			inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
				src.Create(t, "in", 1)
				r.cluster.Create(t, "near", 1)
				r.cluster.Create(t, "out", 1)
				a := r.start("a", copyingAway(t))
				r.running(a)
				src.Produce(t, record("in", 0, "k", "1"))
				r.until("the first is copied", func() bool { return len(r.cluster.Committed(t, "out")) == 1 })
				if !during {
					if err := a.end(); err != nil {
						t.Errorf("end: %v", err)
					}
				}
				src.Recreate(t, "in")
				src.Produce(t, record("in", 0, "k", "2"), record("in", 0, "k", "3"))
				if !during {
					a = r.start("a", copyingAway(t))
				}
				<-a.done
				if err := a.end(); err == nil || !strings.Contains(err.Error(), "created again") || !strings.Contains(err.Error(), "src/in partition 0") {
					t.Errorf("Run gave %v", err)
				}
				r.start("a", copyingAway(t, streams.StartAt(streams.FromEarliest)))
				r.until("the new topic is copied", func() bool { return len(r.cluster.Committed(t, "out")) == 3 })
			})
		})
	}
}

func TestSourceElsewhereLostRecords(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "in", 1)
		r.cluster.Create(t, "near", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", copyingAway(t))
		r.running(a)
		src.Produce(t, record("in", 0, "k", "1"))
		r.until("the first is copied", func() bool { return len(r.cluster.Committed(t, "out")) == 1 })
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		src.Produce(t, record("in", 0, "k", "2"), record("in", 0, "k", "3"))
		gone := kadm.Offsets{}
		gone.Add(kadm.Offset{Topic: "in", Partition: 0, At: 2})
		if _, err := kadm.NewClient(src.Client(t)).DeleteRecords(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		a = r.start("a", copyingAway(t))
		<-a.done
		if err := a.end(); err == nil || !strings.Contains(err.Error(), "the log begins at 2") {
			t.Errorf("Run gave %v", err)
		}
	})
}

// TestTasksTopicIsGone refuses to begin anew beside state that is there.
func TestTasksTopicIsGone(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		a := r.start("a", countingAway(t, nil))
		r.running(a)
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		if _, err := kadm.NewClient(r.cluster.Client(t)).DeleteTopic(t.Context(), "app-tasks"); err != nil {
			t.Fatal(err)
		}
		a = r.start("a", countingAway(t, nil))
		<-a.done
		if err := a.end(); err == nil || !strings.Contains(err.Error(), "app-tasks") {
			t.Errorf("Run gave %v", err)
		}
	})
}
