package takeover_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/pipeline"
	"mm2/internal/takeover"
)

// worker is a Connect worker in a group on the target, until leave.
type worker struct {
	cl         *kgo.Client
	group      string
	member     string
	generation int32
	stop       context.CancelFunc
	done       chan struct{}
}

// joinConnect joins as Connect's workers do and is given the tasks.
func (m *mesh) joinConnect(t *testing.T, group string, tasks ...kmsg.ConnectMemberAssignmentAssignment) *worker {
	t.Helper()
	w := &worker{cl: m.b.Client(t), group: group, done: make(chan struct{})}
	meta := kmsg.ConnectMemberMetadata{Version: 1, URL: "http://java:8083"}
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = group, "connect", 10_000, 10_000
	proto := kmsg.NewJoinGroupRequestProtocol()
	proto.Name, proto.Metadata = "sessioned", meta.AppendTo(nil)
	join.Protocols = append(join.Protocols, proto)
	for {
		resp, err := join.RequestWith(t.Context(), w.cl)
		if err != nil {
			t.Fatalf("join: %v", err)
		}
		join.MemberID = resp.MemberID
		if err := kerr.ErrorForCode(resp.ErrorCode); errors.Is(err, kerr.MemberIDRequired) {
			continue
		} else if err != nil {
			t.Fatalf("join: %v", err)
		}
		w.member, w.generation = resp.MemberID, resp.Generation
		break
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = group, w.member, w.generation
	a := kmsg.NewSyncGroupRequestGroupAssignment()
	assigned := kmsg.ConnectMemberAssignment{Leader: w.member, LeaderURL: "http://java:8083", Assignment: tasks}
	a.MemberID, a.MemberAssignment = w.member, assigned.AppendTo(nil)
	sync.GroupAssignment = append(sync.GroupAssignment, a)
	if resp, err := sync.RequestWith(t.Context(), w.cl); err != nil || resp.ErrorCode != 0 {
		t.Fatalf("sync: %v %v", err, kerr.ErrorForCode(resp.ErrorCode))
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.stop = cancel
	go w.beat(ctx)
	t.Cleanup(w.leave)
	return w
}

func (w *worker) beat(ctx context.Context) {
	defer close(w.done)
	for ctx.Err() == nil {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group, req.MemberID, req.Generation = w.group, w.member, w.generation
		_, _ = req.RequestWith(ctx, w.cl) // the test ends when it ends
		select {
		case <-ctx.Done():
		case <-time.After(3 * time.Second):
		}
	}
}

// leave is a graceful stop.
func (w *worker) leave() {
	w.stop()
	<-w.done
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = w.group
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID = w.member
	req.Members = append(req.Members, member)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = req.RequestWith(ctx, w.cl) // a second leave is refused
}

func wantLive(t *testing.T, err error) {
	t.Helper()
	if _, fatal := errors.AsType[*pipeline.FatalError](err); !fatal || !errors.Is(err, takeover.ErrLive) {
		t.Errorf("got %v, want a fatal error that java lives", err)
	}
}

// A flow does not run beside Java: not before, not while, and again after.
func TestJavaThatRunsIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.b.Create(t, offsets, 25)
		java := m.joinConnect(t, group)
		over := m.takeOver(t)
		err := over.Guard(t.Context())
		wantLive(t, err)
		for _, part := range []string{"A-mm2 on B has 1 member", java.member, "stop these workers"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
		if len(m.epochs(t)) > 0 {
			t.Error("a java that runs was fenced")
		}
		java.leave()
		if err := over.Guard(t.Context()); err != nil {
			t.Errorf("after java left: %v", err)
		}
		m.produce(t, 10)
		stop := m.start(t, over)
		time.Sleep(10 * time.Second)
		m.wantCopies(t)

		// While it runs Java comes back: the guard says so, no lane is opened.
		j := m.startJava(t)
		j.copy(t, false)
		java = m.joinConnect(t, group)
		wantLive(t, over.Guard(t.Context()))
		if err := stop(); err != nil {
			t.Errorf("the lane: %v", err)
		}
		_, err = over.Resume(t.Context())
		wantLive(t, err)
		java.leave()
		before := m.epochs(t)[javaTask]
		if err := over.Guard(t.Context()); err != nil {
			t.Errorf("after java left again: %v", err)
		}
		if m.epochs(t)[javaTask] == before {
			t.Error("java's producer was not fenced again")
		}
	})
}

// mm2's own workers, and groups that are not Connect's, are not Java.
func TestOtherGroupsAreNotJava(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.b.Create(t, offsets, 25)
		for _, name := range []string{group, "mm2-A->B"} {
			cl := m.b.Client(t, kgo.ConsumerGroup(name), kgo.ConsumeTopics(lanes))
			cl.PollFetches(nil) //nolint:staticcheck // what is there
		}
		m.joinConnect(t, "B-mm2")
		time.Sleep(10 * time.Second)
		if err := m.takeOver(t).Guard(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// On a Connect cluster that runs other connectors only the flow's tasks count.
func TestTasksOnASharedConnectCluster(t *testing.T) {
	task := func(connector string, ids ...int16) kmsg.ConnectMemberAssignmentAssignment {
		return kmsg.ConnectMemberAssignmentAssignment{Connector: connector, Tasks: ids}
	}
	const ours = "A->B.MirrorSourceConnector"
	for _, tt := range []struct {
		name     string
		assigned kmsg.ConnectMemberAssignmentAssignment
		live     bool
	}{
		{"its task", task(ours, 0), true},
		{"another connector's", task("files", 0, 1), false},
		{"stopped: the connector without tasks", task(ours, -1), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				m.b.Create(t, "connect-offsets", 25)
				m.joinConnect(t, "connect", tt.assigned)
				over := m.takeOver(t, func(c *takeover.Config) {
					c.Group, c.Connector, c.OffsetsTopic = "connect", ours, "connect-offsets"
				})
				if err := over.Guard(t.Context()); errors.Is(err, takeover.ErrLive) != tt.live {
					t.Errorf("got %v, live is %v", err, tt.live)
				}
			})
		})
	}
}

// Where Java never ran nothing is asked for, nothing is made, nothing refused.
func TestWithoutJavaNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed})
		m.produce(t, 10)
		m.run(t)
		m.wantCopies(t)
		topics, err := kadm.NewClient(m.b.Client(t)).ListTopics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if topics.Has(offsets) {
			t.Error("java's topic was made")
		}
	})
}

// A right that is missing refuses the flow where going on could copy twice, and
// the message names it.
func TestMissingRightsOfTakingOver(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault kfake.Fault
		want  string
	}{
		{
			"to see the topic",
			kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: offsets, Err: kerr.TopicAuthorizationFailed},
			"grant mm2 DESCRIBE, READ and WRITE on topic mm2-offsets.A.internal",
		},
		{
			"to see the group",
			kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed},
			"grant mm2 DESCRIBE on group A-mm2",
		},
		{
			"to fence",
			kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.TransactionalIDAuthorizationFailed},
			"grant mm2 WRITE and DESCRIBE on transactional ids that start with A-mm2-",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				m.b.Create(t, offsets, 25)
				m.produce(t, 4)
				j := m.startJava(t)
				j.copy(t, false)
				m.b.Fault(tt.fault)
				err := m.takeOver(t).Guard(t.Context())
				if _, fatal := errors.AsType[*pipeline.FatalError](err); !fatal || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want a fatal error that says %q", err, tt.want)
				}
			})
		})
	}
}
