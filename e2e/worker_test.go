package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestWorkerKilledTenTimes kills the only worker again and again while it
// copies. The worker has a stable name, as one that a supervisor restarts: its
// lanes wait for it and not for the end of a session. At least one of ten kills
// must hit an open transaction.
func TestWorkerKilledTenTimes(t *testing.T) {
	a, b := alias{"kill_a", cluster(t, "a")}, alias{"kill_b", cluster(t, "b")}
	a.CreateTopic(t, "kill-orders", 4)
	log := check.NewLog(nil)
	stop := load(t, a.Cluster, log, check.Workload{Topic: "kill-orders", Rate: 2000})
	config := mesh(`
kind = "active-standby"
active = "kill_a"
standby = "kill_b"
topics = ["kill-.*"]

[service]
worker_name = "only"`, a, b)
	admin := b.Admin(t)
	arrived := watch(t, b.Cluster, log, "kill_a.", "kill-orders")
	open := 0
	for i := range 10 {
		w := worker(t, fmt.Sprintf("killed-%d", i+1), config)
		arrived.more(t, 1000, w)
		w.Kill9(t)
		open += openTransactions(t, admin, "mm2-kill_a-")
	}
	if open == 0 {
		t.Error("none of ten kills hit an open transaction: nothing was tested")
	}
	t.Logf("ten kills left %d transactions open", open)
	w := worker(t, "survivor", config)
	arrived.more(t, 1000, w)
	stop()
	finish(t, []*e2e.Worker{w}, arrived)
}

// openTransactions counts those whose id starts with prefix.
func openTransactions(t *testing.T, admin *kadm.Client, prefix string) int {
	t.Helper()
	transactions, err := admin.ListTransactions(t.Context(), nil, []string{"Ongoing"})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for id := range transactions {
		if strings.HasPrefix(id, prefix) {
			n++
		}
	}
	return n
}

// TestTwoWorkersOneKilledOnePaused shares lanes between two workers. The second
// is killed; its successor is paused for longer than its session and then goes
// on as a zombie that must not write.
func TestTwoWorkersOneKilledOnePaused(t *testing.T) {
	const rate = 1000
	a, b := alias{"pair_a", cluster(t, "a")}, alias{"pair_b", cluster(t, "b")}
	a.CreateTopic(t, "pair-orders", 8)
	log := check.NewLog(nil)
	config := mesh(`
kind = "active-standby"
active = "pair_a"
standby = "pair_b"
topics = ["pair-.*"]`, a, b)
	admin := b.Admin(t)
	arrived := watch(t, b.Cluster, log, "pair_a.", "pair-orders")
	stop := load(t, a.Cluster, log, check.Workload{Topic: "pair-orders", Rate: rate})

	first := worker(t, "first", config)
	killed := worker(t, "killed", config)
	owners(t, admin, "pair_a", 2)
	arrived.catchesUp(t, first, killed)

	killed.Kill9(t)
	owners(t, admin, "pair_a", 1)
	arrived.catchesUp(t, first)

	paused := worker(t, "paused", config)
	owners(t, admin, "pair_a", 2)
	arrived.catchesUp(t, first, paused)
	paused.Signal(t, syscall.SIGSTOP)
	owners(t, admin, "pair_a", 1)
	arrived.catchesUp(t, first)
	paused.Signal(t, syscall.SIGCONT)
	owners(t, admin, "pair_a", 2)
	arrived.more(t, 2*rate, first, paused)
	arrived.catchesUp(t, first, paused)
	stop()
	finish(t, []*e2e.Worker{first, paused}, arrived)
}

// owners waits until all lanes of the flow from source are shared by n members
// of the group that owns them.
func owners(t *testing.T, admin *kadm.Client, source string, n int) {
	t.Helper()
	topic := "mm2-lanes." + source + ".internal"
	e2e.Until(t, time.Minute, fmt.Sprintf("%d workers share the lanes from %s", n, source), func(ctx context.Context) error {
		metadata, err := admin.ListTopicsWithInternal(ctx, topic)
		if err != nil {
			return err
		}
		lanes := len(metadata[topic].Partitions)
		groups, err := admin.DescribeGroups(ctx)
		if err != nil {
			return err
		}
		for _, group := range groups {
			if len(group.AssignedPartitions()[topic]) == 0 {
				continue
			}
			sharing := 0
			for _, member := range group.Members {
				assigned, ok := member.Assigned.AsConsumer()
				if ok && len(assigned.Topics) > 0 && len(assigned.Topics[0].Partitions) > 0 {
					sharing++
				}
			}
			owned := len(group.AssignedPartitions()[topic])
			if group.State != "Stable" || sharing != n || owned != lanes {
				return fmt.Errorf("group %s is %s: %d members own %d of %d lanes", group.Group, group.State, sharing, owned, lanes)
			}
			return nil
		}
		return fmt.Errorf("no group owns partitions of %s", topic)
	})
}
