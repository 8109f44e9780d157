package e2e_test

import (
	"context"
	"fmt"
	"testing"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestNewTopicAndPartitionsUnderLoad adds partitions to a topic that is being
// copied and a topic that did not exist, while both are written.
func TestNewTopicAndPartitionsUnderLoad(t *testing.T) {
	a, b := alias{"grow_a", cluster(t, "a")}, alias{"grow_b", cluster(t, "b")}
	a.CreateTopic(t, "grow-old", 1)
	log := check.NewLog(nil)
	w := worker(t, "growth", mesh(`
kind = "active-standby"
active = "grow_a"
standby = "grow_b"
topics = ["grow-.*"]`, a, b))
	arrived := watch(t, b.Cluster, log, "grow_a.", "grow-old", "grow-new")
	stopOld := load(t, a.Cluster, log, check.Workload{Topic: "grow-old", Rate: 400})
	arrived.more(t, 400, w)

	if _, err := a.Admin(t).UpdatePartitions(t.Context(), 4, "grow-old"); err != nil {
		t.Fatal(err)
	}
	a.CreateTopic(t, "grow-new", 3)
	stopNew := load(t, a.Cluster, log, check.Workload{Topic: "grow-new", Rate: 400})
	partitions(t, a.Cluster, "grow-old", 4) // the producer uses them now
	arrived.more(t, 3000, w)
	stopOld()
	stopNew()
	finish(t, []*e2e.Worker{w}, arrived)
	partitions(t, b.Cluster, "grow_a.grow-old", 4)
	partitions(t, b.Cluster, "grow_a.grow-new", 3)
}

// partitions waits until a topic has records in each of n partitions.
func partitions(t *testing.T, c *e2e.Cluster, topic string, n int) {
	t.Helper()
	admin := c.Admin(t)
	e2e.Until(t, arrivesIn, fmt.Sprintf("%s has records in %d partitions", topic, n), func(ctx context.Context) error {
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return err
		}
		used := 0
		for _, end := range ends[topic] {
			if end.Offset > 0 {
				used++
			}
		}
		if used != n {
			return fmt.Errorf("%d of its %d have some", used, len(ends[topic]))
		}
		return nil
	})
}
