package balancer_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams/internal/assign"
	"mm2/streams/internal/balancer"
)

type partition = balancer.TopicPartition

// app is a topology of three sub-topologies: a join of orders and addresses with
// state, a stateless one on clicks, and one with state on the internal topic.
type app struct {
	counts map[string]int32
	config assign.Config
	err    error // of Plan
}

func newApp() *app {
	return &app{
		counts: map[string]int32{"orders": 6, "addresses": 6, "clicks": 4, "app-repartition": 3},
		config: assign.Config{AcceptableLag: 10, MaxWarmups: 2, ProbingInterval: time.Minute, Standbys: 1},
	}
}

var subtopologies = []struct {
	topics   []string
	stateful bool
}{{[]string{"orders", "addresses"}, true}, {[]string{"clicks"}, false}, {[]string{"app-repartition"}, true}}

func (a *app) plan(context.Context, balancer.Request) ([]balancer.Task, error) {
	if a.err != nil {
		return nil, a.err
	}
	var tasks []balancer.Task
	for sub, s := range subtopologies {
		for n := range a.counts[s.topics[0]] {
			t := balancer.Task{Task: assign.Task{ID: assign.TaskID{Subtopology: int32(sub), Partition: n}, Stateful: s.stateful, EndOffsets: 1000}}
			for _, topic := range s.topics {
				t.Partitions = append(t.Partitions, partition{Topic: topic, Partition: n})
			}
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

// node is a member of a group without a network.
type node struct {
	*balancer.Balancer
	id         string
	instance   *string
	process    assign.ProcessID
	topology   byte
	code       assign.Code
	endPoint   string
	blind      string // a topic that the client has not found
	owned      map[partition]bool
	generation int32
	last       assign.Assignment
	disk       map[assign.TaskID]int64 // shared by the threads of a process
}

func (a *app) node(t testing.TB, id string, process byte) *node {
	n := &node{id: id, process: assign.ProcessID{process}, owned: map[partition]bool{}, disk: map[assign.TaskID]int64{}, generation: -1}
	b, err := balancer.New(balancer.Config{
		Assign: a.config, Plan: a.plan, PlanTimeout: time.Second, Metadata: n.metadata,
		OnAssignment: func(as assign.Assignment) { n.last = as },
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Balancer = b
	return n
}

func (n *node) metadata() assign.Metadata {
	m := assign.Metadata{Process: n.process, Topology: assign.Fingerprint{n.topology}, Code: n.code, EndPoint: n.endPoint}
	state := map[assign.TaskID]assign.TaskState{}
	for id, sum := range n.disk {
		state[id] = assign.TaskState{ID: id, Offsets: sum}
	}
	for _, id := range n.last.Active {
		state[id] = assign.TaskState{ID: id, Offsets: assign.Running, Active: true}
	}
	for _, id := range slices.Concat(n.last.Standby, n.last.WarmUp) {
		state[id] = assign.TaskState{ID: id, Offsets: n.disk[id], Standby: true}
	}
	m.Tasks = slices.Collect(maps.Values(state))
	return m
}

func (a *app) join(n *node) kmsg.JoinGroupResponseMember {
	owned := map[string][]int32{}
	for p := range n.owned {
		owned[p.Topic] = append(owned[p.Topic], p.Partition)
	}
	j := kmsg.NewJoinGroupResponseMember()
	j.MemberID, j.InstanceID = n.id, n.instance
	j.ProtocolMetadata = n.JoinGroupMetadata(slices.DeleteFunc(slices.Sorted(maps.Keys(a.counts)), func(s string) bool { return s == n.blind }), owned, n.generation)
	return j
}

// round balances once on the leader; every node takes its answer. It reports
// whether some node had to revoke.
func (a *app) round(t testing.TB, generation int32, leader *node, nodes ...*node) (revoked bool) {
	t.Helper()
	got, err := a.balance(leader, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	return take(t, generation, got, nodes)
}

func (a *app) balance(leader *node, nodes ...*node) ([]kmsg.SyncGroupRequestGroupAssignment, error) {
	var joined []kmsg.JoinGroupResponseMember
	for _, n := range nodes {
		joined = append(joined, a.join(n))
	}
	mb, _, err := leader.MemberBalancer(joined)
	if err != nil {
		return nil, err
	}
	mb.(kgo.GroupMemberBalancerInfo).SetBalanceInfo(kgo.BalanceInfo{LeaderID: leader.id})
	into, err := mb.(kgo.GroupMemberBalancerOrError).BalanceOrError(a.counts)
	if err != nil {
		return nil, err
	}
	return into.IntoSyncAssignment(), nil
}

func take(t testing.TB, generation int32, got []kmsg.SyncGroupRequestGroupAssignment, nodes []*node) (revoked bool) {
	t.Helper()
	answers := map[string]map[partition]bool{}
	for _, n := range nodes {
		i := slices.IndexFunc(got, func(s kmsg.SyncGroupRequestGroupAssignment) bool { return s.MemberID == n.id })
		if i < 0 {
			t.Fatalf("no answer to %s", n.id)
		}
		parsed, err := n.ParseSyncAssignment(got[i].MemberAssignment)
		if err != nil {
			t.Fatal(err)
		}
		answers[n.id] = map[partition]bool{}
		for topic, list := range parsed {
			for _, p := range list {
				answers[n.id][partition{Topic: topic, Partition: p}] = true
			}
		}
	}
	// Nobody may get what another one still owns, whoever is faster.
	for _, n := range nodes {
		for p := range answers[n.id] {
			for _, other := range nodes {
				if other != n && other.owned[p] && !n.owned[p] {
					t.Fatalf("%s gets %v, which %s owns", n.id, p, other.id)
				}
			}
		}
	}
	held := map[assign.ProcessID]map[assign.TaskID]string{}
	for _, n := range nodes {
		for p := range n.owned {
			revoked = revoked || !answers[n.id][p]
		}
		n.owned, n.generation = answers[n.id], generation
		if held[n.process] == nil {
			held[n.process] = map[assign.TaskID]string{}
		}
		for _, id := range slices.Concat(n.last.Active, n.last.Standby, n.last.WarmUp) {
			if other := held[n.process][id]; other != "" {
				t.Fatalf("process of %s and %s holds %v twice", n.id, other, id)
			}
			held[n.process][id] = n.id
			n.disk[id] = 1000
		}
	}
	return revoked
}

// complete checks that every partition has one owner.
func (a *app) complete(t testing.TB, nodes ...*node) {
	t.Helper()
	owner := map[partition]string{}
	for _, n := range nodes {
		for p := range n.owned {
			if owner[p] != "" {
				t.Fatalf("%v is owned by %s and %s", p, owner[p], n.id)
			}
			owner[p] = n.id
		}
	}
	for topic, count := range a.counts {
		for n := range count {
			if owner[partition{Topic: topic, Partition: n}] == "" {
				t.Fatalf("nobody owns %s-%d", topic, n)
			}
		}
	}
}

func names(i int) string { return fmt.Sprintf("m%02d", i) }
