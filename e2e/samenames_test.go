package e2e_test

import (
	"context"
	"fmt"
	"testing"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestSameNamesInAMesh copies one topic name among three clusters in all
// directions: every cluster gets every record once, and nothing goes round.
func TestSameNamesInAMesh(t *testing.T) {
	all := []alias{{"sn_a", cluster(t, "a")}, {"sn_b", cluster(t, "b")}, {"sn_c", cluster(t, "c")}}
	logs, stops := make([]*check.Log, len(all)), make([]func(), len(all))
	for i, c := range all {
		c.CreateTopic(t, "sn-orders", 2)
		logs[i] = check.NewLog(nil)
		stops[i] = load(t, c.Cluster, logs[i], check.Workload{Topic: "sn-orders", Rate: 200})
	}
	config := mesh(`
kind = "active-active"
clusters = ["sn_a", "sn_b", "sn_c"]
policy = "identity"
topics = ["sn-.*"]
groups = { sync = false }`, all...)
	w := worker(t, "samenames", config)
	for _, log := range logs {
		waitAcked(t, log, 600)
	}
	w.Kill9(t)
	w = worker(t, "samenames2", config)
	total := 0
	for i, log := range logs {
		waitAcked(t, log, 1500)
		stops[i]()
		total += log.Counts().Acked
	}
	e2e.Until(t, arrivesIn, "every cluster has every record", func(ctx context.Context) error {
		if err := w.Alive(); err != nil {
			return err
		}
		for _, c := range all {
			if n := count(t, c.Cluster, "sn-orders"); n < total {
				return fmt.Errorf("%s has %d of %d", c.name, n, total)
			}
		}
		return nil
	})
	w.Stop(t, stopsIn)
	for _, c := range all {
		if n := count(t, c.Cluster, "sn-orders"); n != total {
			t.Errorf("%s has %d records, want %d", c.name, n, total)
		}
	}
}

// count reads a topic read_committed and fails the test if a record is there twice.
func count(t *testing.T, c *e2e.Cluster, topic string) int {
	t.Helper()
	seen, n := map[check.ID]bool{}, 0
	for _, records := range readLogs(t, c, []string{topic}, "") {
		for _, r := range records {
			id, ok := check.NumberOf(r)
			if !ok || seen[id] {
				t.Errorf("record %v at %s-%d offset %d is there twice, or has no id", id, r.Topic, r.Partition, r.Offset)
			}
			seen[id] = true
			n++
		}
	}
	return n
}
