package balancer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams/internal/assign"
	"mm2/streams/internal/balancer"
)

// stabilize balances until nobody revokes.
func (a *app) stabilize(t *testing.T, generation int32, leader *node, nodes ...*node) int32 {
	t.Helper()
	for range 10 {
		generation++
		if !a.round(t, generation, leader, nodes...) {
			return generation
		}
	}
	t.Fatal("members go on revoking")
	return 0
}

func TestMovesAreRevokedFirst(t *testing.T) {
	a := newApp()
	a.config.AcceptableLag = 1000 // all are caught up: tasks move at once
	n1, n2 := a.node(t, "m1", 1), a.node(t, "m2", 2)
	a.round(t, 1, n1, n1)
	a.complete(t, n1)
	if !a.round(t, 2, n1, n1, n2) {
		t.Error("nothing is revoked for the new member")
	}
	if len(n2.owned) != 0 || len(n2.last.WarmUp) == 0 {
		t.Errorf("in the first round the new member has %v and warms up %v", n2.owned, n2.last.WarmUp)
	}
	if a.round(t, 3, n1, n1, n2) {
		t.Error("the second round revokes")
	}
	a.complete(t, n1, n2)
	before := [][]assign.TaskID{n1.last.Active, n2.last.Active}
	a.round(t, 4, n1, n2, n1)
	if diff := cmp.Diff(before, [][]assign.TaskID{n1.last.Active, n2.last.Active}); diff != "" {
		t.Errorf("tasks move for no reason: %s", diff)
	}
}

func TestRandomRounds(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		a := newApp()
		a.config.Standbys = rnd.IntN(3)
		var nodes, lost []*node
		generation := int32(0)
		for step := range 25 {
			switch i := rnd.IntN(max(1, len(nodes))); {
			case len(nodes) == 0 || rnd.IntN(4) == 0:
				process := byte(rnd.IntN(5))
				n := a.node(t, names(rnd.IntN(90)*100+step), process)
				for _, other := range append(slices.Clone(nodes), lost...) {
					if other.process == n.process {
						n.disk = other.disk
					}
				}
				nodes = append(nodes, n)
			case len(nodes) > 1 && rnd.IntN(4) == 0: // its session ends, it may not know
				lost = append(lost, nodes[i])
				nodes = slices.Delete(nodes, i, i+1)
			case len(lost) > 0: // it comes back and claims what it had
				nodes = append(nodes, lost[0])
				lost = lost[1:]
			}
			generation++
			leader := nodes[rnd.IntN(len(nodes))]
			if rnd.IntN(2) == 0 {
				a.round(t, generation, leader, nodes...)
				continue
			}
			generation = a.stabilize(t, generation, leader, nodes...)
			a.complete(t, nodes...)
		}
	}
}

func TestOtherTopologyIsRefused(t *testing.T) {
	a := newApp()
	n1, n2, other := a.node(t, "m1", 1), a.node(t, "m2", 2), a.node(t, "m3", 3)
	other.topology = 9
	g := a.stabilize(t, 0, n1, n1, n2)
	a.round(t, g+1, n1, n1, n2, other)
	a.complete(t, n1, n2)
	if err := other.last.Err(); !errors.Is(err, assign.ErrIncompatibleTopology) || !strings.Contains(err.Error(), "m3") {
		t.Errorf("the other member gets %v", err)
	}
	if n1.last.Err() != nil || n2.last.Err() != nil || len(other.owned) != 0 {
		t.Error("the group is disturbed")
	}

	// As leader it refuses itself and leaves the others alone.
	active, standby := n2.last.Active, n2.last.Standby
	if a.round(t, g+2, other, n1, n2, other) {
		t.Error("the wrong leader takes partitions away")
	}
	a.complete(t, n1, n2)
	if !errors.Is(other.last.Err(), assign.ErrIncompatibleTopology) {
		t.Errorf("the wrong leader gets %v", other.last.Err())
	}
	if !slices.Equal(n2.last.Active, active) || !slices.Equal(n2.last.Standby, standby) {
		t.Errorf("m2 had %v and %v, has %v and %v", active, standby, n2.last.Active, n2.last.Standby)
	}

	// Where nobody owns anything, the leader's topology counts.
	f1, f2 := a.node(t, "f1", 1), a.node(t, "f2", 2)
	f1.topology = 9
	a.round(t, 1, f1, f1, f2)
	a.complete(t, f1)
	if !errors.Is(f2.last.Err(), assign.ErrIncompatibleTopology) {
		t.Errorf("f2 gets %v", f2.last.Err())
	}
}

func TestTopicsAreFoundFirst(t *testing.T) {
	a := newApp()
	n := a.node(t, "m1", 1)
	n.blind = "addresses"
	a.round(t, 1, n, n)
	if diff := cmp.Diff([]string{"addresses"}, n.last.Unseen); diff != "" {
		t.Error(diff)
	}
	for p := range n.owned {
		if p.Topic == "orders" || p.Topic == "addresses" {
			t.Errorf("%v is given away", p)
		}
	}
	n.blind = ""
	a.round(t, 2, n, n)
	a.complete(t, n)
	if n.last.Unseen != nil {
		t.Errorf("still unseen: %v", n.last.Unseen)
	}
}

func TestErrorsReachAll(t *testing.T) {
	a := newApp()
	n1, n2 := a.node(t, "m1", 1), a.node(t, "m2", 2)
	g := a.stabilize(t, 0, n1, n1, n2)
	a.err = &assign.Error{Code: assign.CodeNotCopartitioned, Text: "addresses=4, orders=3"}
	if a.round(t, g+1, n1, n1, n2) {
		t.Error("a refusal takes partitions away")
	}
	for _, n := range []*node{n1, n2} {
		if err := n.last.Err(); !errors.Is(err, assign.ErrNotCopartitioned) || !strings.Contains(err.Error(), "addresses=4") {
			t.Errorf("%s gets %v", n.id, err)
		}
	}
	a.err = nil
	n2.code = assign.CodeStopApplication
	a.round(t, g+2, n1, n1, n2)
	for _, n := range []*node{n1, n2} {
		if !errors.Is(n.last.Err(), assign.ErrStopApplication) {
			t.Errorf("%s gets %v", n.id, n.last.Err())
		}
	}
	n2.code = assign.CodeNone
	a.err = errors.New("no broker answers")
	if _, err := a.balance(n1, n1, n2); !errors.Is(err, a.err) {
		t.Errorf("another error gives %v", err)
	}
	a.err = nil
	n1.Close()
	if _, err := a.balance(n1, n1, n2); !errors.Is(err, context.Canceled) {
		t.Errorf("a closed balancer gives %v", err)
	}
}

func TestUnreadableMemberIsRefusedAlone(t *testing.T) {
	a := newApp()
	n1 := a.node(t, "m1", 1)
	joined := []kmsg.JoinGroupResponseMember{a.join(n1), kmsg.NewJoinGroupResponseMember()}
	joined[1].MemberID = "m2"
	meta := kmsg.NewConsumerMemberMetadata()
	meta.UserData = []byte{9, 9}
	joined[1].ProtocolMetadata = meta.AppendTo(nil)
	mb, _, err := n1.MemberBalancer(joined)
	if err != nil {
		t.Fatal(err)
	}
	into, err := mb.(kgo.GroupMemberBalancerOrError).BalanceOrError(a.counts)
	if err != nil {
		t.Fatal(err)
	}
	got := into.IntoSyncAssignment()
	take(t, 1, got, []*node{n1})
	a.complete(t, n1)
	m2 := a.node(t, "m2", 2)
	take(t, 1, got, []*node{m2})
	if !errors.Is(m2.last.Err(), assign.ErrIncompatibleTopology) {
		t.Errorf("the member gets %v", m2.last.Err())
	}
}

func TestHostsAndFollowUp(t *testing.T) {
	a := newApp()
	a.config.Standbys = 0
	n1, n2 := a.node(t, "m1", 1), a.node(t, "m2", 2)
	n1.endPoint, n2.endPoint = "a:1", "b:1"
	a.round(t, 1, n1, n1)
	a.round(t, 2, n2, n1, n2)
	if n2.last.FollowUp != time.Minute || n1.last.FollowUp != 0 {
		t.Errorf("follow-ups %v and %v, want it on the leader only", n1.last.FollowUp, n2.last.FollowUp)
	}
	want := []assign.Host{{EndPoint: "a:1", Active: n1.last.Active}, {EndPoint: "b:1", Standby: n2.last.WarmUp}}
	if len(n2.last.WarmUp) == 0 {
		t.Error("nothing warms up")
	}
	want[1].Active = n2.last.Active
	for _, n := range []*node{n1, n2} {
		if diff := cmp.Diff(want, n.last.Hosts); diff != "" {
			t.Errorf("hosts told to %s: %s", n.id, diff)
		}
	}
}

func TestThreadsOfOneProcess(t *testing.T) {
	a := newApp()
	a.config.Standbys = 1
	n1, n2, n3 := a.node(t, "m1", 1), a.node(t, "m2", 1), a.node(t, "m3", 2)
	n2.disk = n1.disk
	g := a.stabilize(t, 0, n1, n1)
	g = a.stabilize(t, g, n1, n1, n2)
	a.complete(t, n1, n2)
	if d := len(n1.last.Active) - len(n2.last.Active); d < -1 || d > 1 {
		t.Errorf("threads have %v and %v", n1.last.Active, n2.last.Active)
	}
	for range 10 {
		g = a.stabilize(t, g, n1, n1, n2, n3)
	}
	a.complete(t, n1, n2, n3)
	for _, n := range []*node{n1, n2, n3} {
		if len(n.last.Active) < 4 || len(n.last.Active) > 5 || n.last.FollowUp != 0 {
			t.Errorf("%s has %v, follow-up %v", n.id, n.last.Active, n.last.FollowUp)
		}
	}
}

func TestPlanIsChecked(t *testing.T) {
	task := func(n, p int32) balancer.Task {
		return balancer.Task{Task: assign.Task{ID: assign.TaskID{Partition: n}}, Partitions: []partition{{Topic: "t", Partition: p}}}
	}
	for name, tasks := range map[string][]balancer.Task{"task": {task(0, 0), task(0, 1)}, "partition": {task(0, 0), task(1, 0)}} {
		a := newApp()
		n := a.node(t, "m1", 1)
		b, err := balancer.New(balancer.Config{
			Assign: a.config, PlanTimeout: time.Second, Metadata: n.metadata, OnAssignment: func(assign.Assignment) {},
			Plan: func(context.Context, balancer.Request) ([]balancer.Task, error) { return tasks, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		n.Balancer = b
		if _, err := a.balance(n, n); err == nil {
			t.Errorf("a %s that is listed twice is taken", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := balancer.New(balancer.Config{}); err == nil {
		t.Error("an empty configuration is taken")
	}
	if _, err := balancer.New(balancer.Config{Assign: newApp().config}); err == nil {
		t.Error("a configuration without hooks is taken")
	}
}

func TestUnreadableAnswer(t *testing.T) {
	n := newApp().node(t, "m1", 1)
	empty := kmsg.NewConsumerMemberAssignment()
	for _, data := range [][]byte{nil, {0}, empty.AppendTo(nil)} {
		if _, err := n.ParseSyncAssignment(data); err == nil {
			t.Errorf("%v is taken for an answer", data)
		}
	}
}
