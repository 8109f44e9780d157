package checkpoint_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
)

func javaCase(t *testing.T, name string, test func(t *testing.T, r *rig)) {
	t.Run(name, func(t *testing.T) { betweenClusters(t, test) })
}

// TestMirrorCheckpointConnectorTest are the cases of Java's class about which
// groups are looked at, and whether at all.
func TestMirrorCheckpointConnectorTest(t *testing.T) {
	for name, emit := range map[string]bool{"testMirrorCheckpointConnectorDisabled": false, "testMirrorCheckpointConnectorEnabled": true} {
		javaCase(t, name, func(t *testing.T, r *rig) {
			r.cfg.Emit, r.cfg.Sync = emit, !emit
			r.offs.copied("orders", "A.orders", 0, 10, 5)
			r.commits(r.a, "g", "orders", 4)
			r.start()
			r.pass(5 * time.Second)
			if emit {
				r.wantCheckpoints(at("g", 4, 9))
			} else if r.topicExists("A.checkpoints.internal") {
				t.Error("there is a checkpoints topic")
			}
		})
	}
	javaCase(t, "testNoConsumerGroup", func(t *testing.T, r *rig) {
		r.start()
		r.pass(time.Minute)
		r.wantCheckpoints()
		if st := r.running.Status(); !st.Running || len(st.Groups) != 0 || len(st.Problems) != 0 {
			t.Errorf("status %+v", st)
		}
	})
	// While groups cannot be listed that is a problem, and not "no groups".
	javaCase(t, "testConsumerGroupInitializeTimeout", func(t *testing.T, r *rig) {
		var slow atomic.Bool
		slow.Store(true)
		r.a.ControlKey(int16(kmsg.ListGroups), func(req kmsg.Request) (kmsg.Response, error, bool) {
			r.a.KeepControl()
			resp := req.ResponseKind().(*kmsg.ListGroupsResponse)
			resp.ErrorCode = kerr.CoordinatorNotAvailable.Code
			return resp, nil, slow.Load()
		})
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 4)
		r.start()
		r.pass(2 * time.Minute)
		r.wantCheckpoints()
		if st := r.running.Status(); len(st.Problems) == 0 {
			t.Errorf("status %+v, want a problem", st)
		}
		slow.Store(false)
		r.pass(time.Minute)
		r.wantCheckpoints(at("g", 4, 9))
		if st := r.running.Status(); len(st.Problems) != 0 {
			t.Errorf("status %+v", st)
		}
	})
	for name, on := range map[string]bool{"testReplicationDisabled": false, "testReplicationEnabled": true} {
		javaCase(t, name, func(t *testing.T, r *rig) {
			r.cfg.Flow.Copy = on
			r.offs.copied("orders", "A.orders", 0, 10, 5)
			r.commits(r.a, "g", "orders", 4)
			r.start()
			r.pass(5 * time.Second)
			if on {
				r.wantCheckpoints(at("g", 4, 9))
			} else {
				r.wantCheckpoints()
			}
		})
	}
	javaCase(t, "testFindConsumerGroups", func(t *testing.T, r *rig) {
		r.commits(r.a, "g", "orders", 4)
		h := r.follow(checkpoint.FollowPoll)
		r.pass(time.Second)
		h.want(t, "g orders 4")
		r.commits(r.a, "later", "orders", 2)
		r.pass(time.Minute)
		h.want(t, "later orders 2")
	})
	// Of two topics one is relevant: the group is kept for that one. One with
	// nothing relevant is dropped, and one that the filter excludes.
	javaCase(t, "testFindConsumerGroupsInCommonScenarios", func(t *testing.T, r *rig) {
		r.a.Create(t, "payments", 1)
		r.commits(r.a, "g-1", "orders", 1)
		r.commits(r.a, "g-2", "payments", 2)
		r.commits(r.a, "g-3", "orders", 3)
		r.commits(r.a, "g-3", "payments", 3)
		r.commits(r.a, "console-consumer-4", "orders", 4)
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.start()
		r.pass(5 * time.Second)
		r.wantCheckpoints(at("g-1", 1, 6), at("g-3", 3, 8))
		for group, want := range map[string]int64{"g-1": 6, "g-2": -1, "g-3": 8, "console-consumer-4": -1} {
			r.wantPosition(r.b, group, "A.orders", want)
		}
	})
}

// TestMirrorCheckpointTaskTest are the cases of Java's class that need clusters;
// the others are pure, in functions of their own.
func TestMirrorCheckpointTaskTest(t *testing.T) {
	javaCase(t, "testSyncOffset", func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.b, "behind", "A.orders", 7)
		r.commits(r.b, "ahead", "A.orders", 14)
		for _, group := range []string{"behind", "ahead", "new"} {
			r.commits(r.a, group, "orders", 6)
		}
		r.start()
		r.pass(5 * time.Second)
		for group, want := range map[string]int64{"behind": 11, "ahead": 14, "new": 11} {
			r.wantPosition(r.b, group, "A.orders", want)
		}
	})
	// Some clients reset a position to -1, which stands for none.
	javaCase(t, "testSyncOffsetForTargetGroupWithNullOffsetAndMetadata", func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.b, "g", "A.orders", -1)
		r.commits(r.a, "g", "orders", 6)
		r.start()
		r.pass(5 * time.Second)
		r.wantPosition(r.b, "g", "A.orders", 11)
	})
	javaCase(t, "testNoCheckpointForTopicWithNullOffsetAndMetadata", func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", -1)
		r.commits(r.a, "h", "orders", 6)
		r.start()
		r.pass(5 * time.Second)
		r.wantCheckpoints(at("h", 6, 11))
		r.wantPosition(r.b, "g", "A.orders", -1)
	})
}
