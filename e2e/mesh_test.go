package e2e_test

import (
	"strings"
	"testing"

	"mm2/e2e"
	"mm2/internal/check"
)

func TestOneWay(t *testing.T) {
	a, b := alias{"one_a", cluster(t, "a")}, alias{"one_b", cluster(t, "b")}
	a.CreateTopic(t, "one-orders", 3)
	a.CreateTopic(t, "one-secret", 1)
	log, others := check.NewLog(nil), check.NewLog(nil)
	write(t, a.Cluster, log, check.Workload{Topic: "one-orders", Limit: 2000})
	write(t, a.Cluster, others, check.Workload{Topic: "one-secret", Limit: 10})

	w := worker(t, "oneway", mesh(`
kind = "active-standby"
active = "one_a"
standby = "one_b"
topics = ["one-.*"]
topics_exclude = ["one-secret"]`, a, b))
	arrived := watch(t, b.Cluster, log, "one_a.", "one-orders")
	arrived.all(t, w)
	write(t, a.Cluster, log, check.Workload{Topic: "one-orders", Limit: 500, Rate: 500})
	finish(t, []*e2e.Worker{w}, arrived)
	noTopic(t, b.Cluster, "one_a.one-secret")
}

func TestBothWays(t *testing.T) {
	a, b := alias{"both_a", cluster(t, "a")}, alias{"both_b", cluster(t, "b")}
	logA, logB := check.NewLog(nil), check.NewLog(nil)
	for _, c := range []alias{a, b} {
		c.CreateTopic(t, "both-orders", 3)
	}
	stopA := load(t, a.Cluster, logA, check.Workload{Topic: "both-orders", Rate: 500})
	stopB := load(t, b.Cluster, logB, check.Workload{Topic: "both-orders", Rate: 500})

	w := worker(t, "bothways", mesh(`
kind = "active-active"
clusters = ["both_a", "both_b"]
topics = ["both-.*"]`, a, b))
	onA := watch(t, a.Cluster, logB, "both_b.", "both-orders")
	onB := watch(t, b.Cluster, logA, "both_a.", "both-orders")
	onA.more(t, 1500, w)
	onB.more(t, 1500, w)
	stopA()
	stopB()
	finish(t, []*e2e.Worker{w}, onA, onB)
	noTopic(t, a.Cluster, "both_b.both_a.both-orders")
	noTopic(t, b.Cluster, "both_a.both_b.both-orders")
}

func TestHubWithTwoSpokes(t *testing.T) {
	hub, s1, s2 := alias{"hub", cluster(t, "a")}, alias{"spoke_1", cluster(t, "b")}, alias{"spoke_2", cluster(t, "c")}
	logs := make(map[string]*check.Log)
	for _, c := range []alias{hub, s1, s2} {
		c.CreateTopic(t, "hub-orders", 2)
		logs[c.name] = check.NewLog(nil)
		write(t, c.Cluster, logs[c.name], check.Workload{Topic: "hub-orders", Limit: 1000})
	}
	w := worker(t, "hub", mesh(`
kind = "hub-and-spoke"
hub = "hub"
spokes = ["spoke_1", "spoke_2"]
direction = "both"
topics = ["hub-.*"]`, hub, s1, s2))
	finish(t, []*e2e.Worker{w},
		watch(t, hub.Cluster, logs["spoke_1"], "spoke_1.", "hub-orders"),
		watch(t, hub.Cluster, logs["spoke_2"], "spoke_2.", "hub-orders"),
		watch(t, s1.Cluster, logs["hub"], "hub.", "hub-orders"),
		watch(t, s2.Cluster, logs["hub"], "hub.", "hub-orders"))
	noTopic(t, s1.Cluster, "spoke_2.hub-orders")
	noTopic(t, s1.Cluster, "hub.spoke_2.hub-orders")
}

func TestChainOfThree(t *testing.T) {
	a, b, c := alias{"chain_a", cluster(t, "a")}, alias{"chain_b", cluster(t, "b")}, alias{"chain_c", cluster(t, "c")}
	a.CreateTopic(t, "chain-orders", 3)
	log := check.NewLog(nil)
	stop := load(t, a.Cluster, log, check.Workload{Topic: "chain-orders", Rate: 500})
	w := worker(t, "chain", mesh(`
kind = "custom"
flows = ["chain_a->chain_b", "chain_b->chain_c"]
topics = ["chain-.*", "chain_a\\.chain-.*"]`, a, b, c))
	onB := watch(t, b.Cluster, log, "chain_a.", "chain-orders")
	onC := watch(t, c.Cluster, log, "chain_b.chain_a.", "chain-orders")
	onC.more(t, 1500, w)
	stop()
	finish(t, []*e2e.Worker{w}, onB, onC)
}

// noTopic fails the test if a topic exists.
func noTopic(t *testing.T, c *e2e.Cluster, name string) {
	t.Helper()
	topics, err := c.Admin(t).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if topics.Has(name) {
		t.Errorf("topic %s exists; there are %s", name, strings.Join(topics.Names(), ", "))
	}
}
