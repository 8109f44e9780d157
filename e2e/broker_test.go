package e2e_test

import (
	"testing"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestBrokerKilled kills and restarts brokers of either side under load. A node
// of one is the whole cluster: nothing works until it is back. Of three nodes
// two remain, with everything that was acknowledged.
func TestBrokerKilled(t *testing.T) {
	tests := []struct {
		name           string
		source, target int  // nodes
		killTarget     bool // or the source
		rounds         int  // times each node is killed
	}{
		{name: "source, one node", source: 1, target: 1, rounds: 3},
		{name: "target, one node", source: 1, target: 1, killTarget: true, rounds: 4},
		{name: "source, three nodes", source: 3, target: 1, rounds: 1},
		{name: "target, three nodes", source: 1, target: 3, killTarget: true, rounds: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const rate = 500
			clusters := ownClusters(t, e2e.Options{Nodes: tt.source}, e2e.Options{Nodes: tt.target})
			a, b := alias{"A", clusters[0]}, alias{"B", clusters[1]}
			a.CreateTopic(t, "orders", 4)
			log := check.NewLog(nil)
			stop := load(t, a.Cluster, log, check.Workload{Topic: "orders", Rate: rate})
			w := worker(t, "worker", mesh(`
kind = "active-standby"
active = "A"
standby = "B"
topics = ["orders"]`, a, b))
			arrived := watch(t, b.Cluster, log, "A.", "orders")
			arrived.more(t, rate, w)
			hurt := a.Cluster
			if tt.killTarget {
				hurt = b.Cluster
			}
			for round := range tt.rounds {
				for i := range hurt.Nodes() {
					hurt.Kill(t, i)
					hurt.Restart(t, i)
					arrived.more(t, rate, w)
					arrived.catchesUp(t, w)
					t.Logf("round %d: node %d came back", round+1, i+1)
				}
			}
			stop()
			arrived.all(t, w)
			metrics, err := w.Metrics(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("aborts %v, fences %v, hanging transactions finished %v", metrics["mm2_aborts_total"],
				metrics["mm2_fences_total"], metrics["mm2_hanging_transactions_total"])
			finish(t, []*e2e.Worker{w}, arrived)
			report := arrived.view.Report()
			if report.Maybe > 0 {
				t.Errorf("%d records have no outcome: the producer gave up", report.Maybe)
			}
		})
	}
}
