package checkpoint_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
	"mm2/internal/mm2test"
)

func TestPositionsArriveOnTheTarget(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 4)
		r.commits(r.a, "console-consumer-1", "orders", 4)
		r.a.Create(t, "payments", 1) // not replicated
		r.commits(r.a, "g", "payments", 4)
		r.start()
		r.pass(100 * time.Millisecond)
		r.wantCheckpoints(at("g", 4, 9))
		r.wantPosition(r.b, "g", "A.orders", 9)

		r.commits(r.a, "g", "orders", 10)
		r.pass(1500 * time.Millisecond)
		r.wantCheckpoints(at("g", 4, 9), at("g", 10, 15))
		r.wantPosition(r.b, "g", "A.orders", 15)
		o, _ := r.admins[r.b].FetchManyOffsets(t.Context(), "g")["g"].Fetched.Lookup("A.orders", 0)
		if o.LeaderEpoch != -1 || o.Metadata != "from g" {
			t.Errorf("committed with leader epoch %d and metadata %q", o.LeaderEpoch, o.Metadata)
		}
		g := r.group("g")
		if g.State != checkpoint.GroupSynced || g.Exact != 1 || g.Source != 10 || g.Target != 15 || g.AgeSeconds != 0 || g.LastSync == nil {
			t.Errorf("status %+v", g)
		}
		if len(r.latency) != 2 {
			t.Errorf("%d checkpoints were told of", len(r.latency))
		}
		record := r.b.Committed(t, "A.checkpoints.internal")[0]
		if len(record.Headers) != 0 || record.Partition != 0 {
			t.Errorf("record %+v", record)
		}
		if err := testutil.GatherAndCompare(r.reg, strings.NewReader(`
# HELP mm2_checkpoints_total Checkpoints that the target acknowledged.
# TYPE mm2_checkpoints_total counter
mm2_checkpoints_total{source="A",target="B"} 2
# HELP mm2_checkpoint_age_seconds How long the oldest group position that no checkpoint covers has been waiting; 0 while none waits.
# TYPE mm2_checkpoint_age_seconds gauge
mm2_checkpoint_age_seconds{source="A",target="B"} 0
`), "mm2_checkpoints_total", "mm2_checkpoint_age_seconds"); err != nil {
			t.Error(err)
		}
	})
}

// MirrorCheckpointTaskTest.testCheckpointStoreInitialized: the topic is there
// from the start, and nothing is written before the map is known.
func TestCheckpointStoreInitialized(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		ready := make(chan struct{})
		r.deps.Ready = func(ctx context.Context) error {
			select {
			case <-ready:
			case <-ctx.Done():
			}
			return ctx.Err()
		}
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 4)
		r.start()
		r.pass(5 * time.Second)
		if !r.topicExists("A.checkpoints.internal") {
			t.Error("the topic was not made")
		}
		r.wantCheckpoints()
		r.wantPosition(r.b, "g", "A.orders", -1)
		close(ready)
		r.pass(time.Second)
		r.wantCheckpoints(at("g", 4, 9))
	})
}

func (r *rig) topicExists(topic string) bool {
	r.t.Helper()
	topics, err := r.admins[r.b].ListTopicsWithInternal(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return topics.Has(topic)
}

// A restart writes no checkpoint that is there, and goes on from there.
func TestRestartWritesNothingTwice(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 4)
		stop := r.start()
		r.pass(5 * time.Second)
		stop()
		if got := r.running.Status(); got.Running || len(got.Groups) > 0 {
			t.Errorf("status after the end: %+v", got)
		}
		stop = r.start()
		r.pass(5 * time.Second)
		r.wantCheckpoints(at("g", 4, 9))
		stop()
		r.commits(r.a, "g", "orders", 2) // reset while nobody looked
		r.start()
		r.pass(5 * time.Second)
		r.wantCheckpoints(at("g", 4, 9), at("g", 2, 7))
		r.wantPosition(r.b, "g", "A.orders", 7)
	})
}

// Java that ran exactly once leaves a topic that ends with a marker, not with a
// record: its checkpoints are read all the same.
func TestCheckpointsThatEndWithAMarkerAreRead(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		const topic = "A.checkpoints.internal"
		r.b.Create(t, topic, 1)
		c := at("g", 8, 13)
		key, err := c.EncodeKey()
		if err != nil {
			t.Fatal(err)
		}
		value, err := c.EncodeValue()
		if err != nil {
			t.Fatal(err)
		}
		java := r.b.Client(t, kgo.TransactionalID("A-mm2-MirrorCheckpointConnector-0"))
		if err := java.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := java.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: key, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := java.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 9)
		r.start()
		r.pass(10 * time.Second)
		r.wantCheckpoints(c, at("g", 9, 14))
		if st := r.running.Status(); len(st.Problems) > 0 {
			t.Errorf("status %+v", st)
		}
	})
}

// A group at the end of the source reaches the end of the copy when the copy
// does, although its commit came before.
func TestAGroupAtTheEndFollowsTheCopy(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.commits(r.a, "g", "orders", 10)
		r.start()
		r.pass(2 * time.Second)
		r.wantPosition(r.b, "g", "A.orders", -1)
		if g := r.group("g"); g.State != checkpoint.GroupWaiting || g.AgeSeconds < 1 {
			t.Errorf("status %+v", g)
		}
		r.offs.copied("orders", "A.orders", 0, 6, 5)
		r.pass(50 * time.Millisecond)
		r.wantCheckpoints(at("g", 10, 11))
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.pass(300 * time.Millisecond)
		r.wantCheckpoints(at("g", 10, 11), at("g", 10, 15))
		r.pass(time.Second)
		r.wantPosition(r.b, "g", "A.orders", 15)
	})
}

// A group behind the first copied record reads from that one on: again, if the
// source has older ones, and skipping nothing.
func TestAGroupBehindTheCopyGetsItsStart(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 6, 10, 5)
		r.commits(r.a, "g", "orders", 2)
		r.start()
		r.pass(time.Second)
		r.wantCheckpoints(at("g", 2, 5))
	})
}

// member is a consumer of the target that is in its group until it leaves.
func (r *rig) member(group string, opts ...kgo.Opt) (leave func()) {
	r.t.Helper()
	cl := r.b.Client(r.t, append([]kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics("A.orders"), kgo.DisableAutoCommit()}, opts...)...)
	if fs := cl.PollFetches(r.t.Context()); fs.Err() != nil {
		r.t.Fatal(fs.Err())
	}
	return cl.Close
}

func TestActiveGroupsAreNotWritten(t *testing.T) {
	for name, opts := range map[string][]kgo.Opt{
		"classic": nil,
		"KIP-848": {kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer())},
	} {
		t.Run(name, func(t *testing.T) {
			betweenClusters(t, func(t *testing.T, r *rig) {
				r.offs.copied("orders", "A.orders", 0, 10, 5)
				leave := r.member("g", opts...)
				r.commits(r.a, "g", "orders", 4)
				r.start()
				r.pass(30 * time.Second)
				r.wantPosition(r.b, "g", "A.orders", -1)
				r.wantCheckpoints(at("g", 4, 9))
				if g := r.group("g"); g.State != checkpoint.GroupActive || !strings.Contains(g.Why, "it has members on the target (Stable)") {
					t.Errorf("status %+v", g)
				}
				leave()
				r.pass(6 * time.Second)
				r.wantPosition(r.b, "g", "A.orders", 9)
				if r.logged("level=WARN") > 0 {
					t.Errorf("logged:\n%s", r.log.String())
				}
			})
		})
	}
}

// A group that gets members between the look and the write is the broker's to
// protect: it is counted and tried again, without a warning.
func TestARaceForTheGroupIsExpected(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Group: "g", Err: kerr.UnknownMemberID, Count: 1})
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 4)
		r.start()
		r.pass(time.Second)
		r.wantPosition(r.b, "g", "A.orders", -1)
		r.pass(10 * time.Second)
		r.wantPosition(r.b, "g", "A.orders", 9)
		if r.logged("level=WARN") > 0 {
			t.Errorf("logged:\n%s", r.log.String())
		}
	})
}

// The target is taken back only where the group was reset on the source and
// has not gone on by itself on the target.
func TestResetsFollowUnlessTheTargetWentOn(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "follows", "orders", 8)
		r.commits(r.a, "went-on", "orders", 8)
		r.commits(r.b, "further", "A.orders", 14)
		r.commits(r.a, "further", "orders", 8)
		r.start()
		r.pass(2 * time.Second)
		r.wantPosition(r.b, "follows", "A.orders", 13)
		r.wantPosition(r.b, "went-on", "A.orders", 13)
		r.wantPosition(r.b, "further", "A.orders", 14)

		r.commits(r.b, "went-on", "A.orders", 14)
		for _, group := range []string{"follows", "went-on", "further"} {
			r.commits(r.a, group, "orders", 3)
		}
		r.pass(5 * time.Second)
		r.wantPosition(r.b, "follows", "A.orders", 8)
		r.wantPosition(r.b, "went-on", "A.orders", 14)
		r.wantPosition(r.b, "further", "A.orders", 14)
		if g := r.group("further"); g.State != checkpoint.GroupAhead || g.Why != "its position of A.orders/0 on the target is 14, beyond 8" {
			t.Errorf("status %+v", g)
		}
	})
}

// A position behind the end of the target is of a copy that is no more.
func TestPositionsBehindTheLogOfTheTargetAreNotWritten(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 500)
		r.commits(r.a, "g", "orders", 4)
		r.start()
		r.pass(2 * time.Second)
		r.wantPosition(r.b, "g", "A.orders", -1)
		const why = "A.orders/0 on the target was made anew or lost its end: it is not known yet where 504 of the old one is in it"
		if g := r.group("g"); g.State != checkpoint.GroupTranslated || g.Why != why {
			t.Errorf("status %+v", g)
		}
	})
}

// A group that somebody deletes on the target comes back; one that is deleted
// on the source stays.
func TestDeletions(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 4)
		r.commits(r.a, "h", "orders", 4)
		r.start()
		r.pass(2 * time.Second)
		r.delete(r.b, "g")
		r.delete(r.a, "h")
		r.pass(4 * time.Minute)
		r.wantPosition(r.b, "g", "A.orders", 9)
		r.wantPosition(r.b, "h", "A.orders", 9)
		if groups := r.running.Status().Groups; len(groups) != 1 {
			t.Errorf("groups %+v", groups)
		}
	})
}

func (r *rig) delete(c *mm2test.Cluster, group string) {
	r.t.Helper()
	if _, err := r.admins[c].DeleteGroup(r.t.Context(), group); err != nil {
		r.t.Fatal(err)
	}
}

// What fails on the way is tried again, shown and logged once.
func TestFailuresAreTriedAgain(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 4)
		var listing atomic.Bool
		r.a.ControlKey(int16(kmsg.ListGroups), func(req kmsg.Request) (kmsg.Response, error, bool) {
			r.a.KeepControl()
			resp := req.ResponseKind().(*kmsg.ListGroupsResponse)
			resp.ErrorCode = kerr.CoordinatorLoadInProgress.Code
			return resp, nil, !listing.Load()
		})
		r.start()
		r.pass(time.Minute)
		if st := r.running.Status(); len(st.Problems) != 1 || !strings.HasPrefix(st.Problems[0], "follow: list groups: ") {
			t.Errorf("status %+v", st)
		}
		listing.Store(true)
		produce := r.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "A.checkpoints.internal", Err: kerr.TopicAuthorizationFailed, Count: -1})
		r.pass(time.Minute)
		r.wantCheckpoints()
		produce.Remove()
		commit := r.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.GroupAuthorizationFailed, Count: -1})
		r.pass(time.Minute)
		r.wantCheckpoints(at("g", 4, 9))
		r.wantPosition(r.b, "g", "A.orders", -1)
		if g := r.group("g"); g.State != checkpoint.GroupFailed || !strings.Contains(g.Why, "commit its positions on the target") {
			t.Errorf("status %+v", g)
		}
		commit.Remove()
		r.pass(time.Minute)
		r.wantPosition(r.b, "g", "A.orders", 9)
		if n := r.logged("level=WARN"); n != 3 {
			t.Errorf("%d warnings:\n%s", n, r.log.String())
		}
		if st := r.running.Status(); len(st.Problems) > 0 {
			t.Errorf("status %+v", st)
		}
	})
}

// Two flows carry one group over in both directions: each only touches the
// copies that it makes, and nothing goes back and forth.
func TestTwoWaysDoNotPlayPingPong(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.b.Create(t, "orders", 1)
		r.a.Create(t, "B.orders", 1)
		r.fill(r.b, "orders", 10)
		r.fill(r.a, "B.orders", 15)
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commits(r.a, "g", "orders", 4)
		r.commits(r.a, "g", "B.orders", 3)
		r.commits(r.b, "g", "orders", 6)
		onA := r.a.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
		onB := r.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
		r.start()
		back := newOffsetMap()
		back.copied("orders", "B.orders", 0, 10, 5)
		r.cfg.Flow.ID = r.cfg.Flow.ID.Reverse()
		r.deps.Source, r.deps.Target, r.deps.Translator, r.deps.Advanced = r.deps.Target, r.deps.Source, back, back.advanced
		r.start()

		r.pass(10 * time.Minute)
		r.wantPosition(r.a, "g", "orders", 4)
		r.wantPosition(r.b, "g", "A.orders", 9)
		r.wantPosition(r.b, "g", "orders", 6)
		r.wantPosition(r.a, "g", "B.orders", 11)
		if onA.Hits() != 1 || onB.Hits() != 1 {
			t.Errorf("%d commits on A and %d on B, want one each", onA.Hits(), onB.Hits())
		}
	})
}

// MirrorCheckpointConnectorTest.testReplicationDisabled, and either half of the
// work without the other.
func TestHalvesOfTheWork(t *testing.T) {
	for _, tt := range []struct {
		name             string
		copy, emit, sync bool
		position         int64
		checkpoints      int
	}{
		{name: "both", copy: true, emit: true, sync: true, position: 9, checkpoints: 1},
		{name: "checkpoints only", copy: true, emit: true, position: -1, checkpoints: 1},
		{name: "group sync only", copy: true, sync: true, position: 9},
		{name: "nothing is replicated", emit: true, sync: true, position: -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			betweenClusters(t, func(t *testing.T, r *rig) {
				r.cfg.Flow.Copy, r.cfg.Emit, r.cfg.Sync = tt.copy, tt.emit, tt.sync
				r.offs.copied("orders", "A.orders", 0, 10, 5)
				r.commits(r.a, "g", "orders", 4)
				r.start()
				r.pass(10 * time.Second)
				r.wantPosition(r.b, "g", "A.orders", tt.position)
				if got := len(r.checkpoints()); got != tt.checkpoints {
					t.Errorf("%d checkpoints, want %d", got, tt.checkpoints)
				}
				if exists := r.topicExists("A.checkpoints.internal"); exists != tt.emit {
					t.Errorf("the checkpoints topic exists: %v", exists)
				}
			})
		})
	}
}

// The first change after a quiet time goes out at once, many together wait for
// one another, and the target is written once for all of them.
func TestChangesAreGathered(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.a.Create(t, offsetsTopic, 1)
		r.cfg.Follow, r.cfg.OffsetsTopic = checkpoint.FollowTail, offsetsTopic
		r.offs.copied("orders", "A.orders", 0, 10, 5)
		r.commitsLogged("g", "orders", 1)
		r.start()
		r.pass(5 * time.Second)
		onB := r.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
		r.commitsLogged("g", "orders", 2)
		r.pass(10 * time.Millisecond)
		r.wantCheckpoints(at("g", 1, 6), at("g", 2, 7))
		r.wantPosition(r.b, "g", "A.orders", 7)
		for offset := range int64(5) {
			r.commitsLogged("g", "orders", 3+offset)
			r.pass(20 * time.Millisecond)
		}
		r.pass(2 * time.Second)
		r.wantCheckpoints(at("g", 1, 6), at("g", 2, 7), at("g", 7, 12))
		r.wantPosition(r.b, "g", "A.orders", 12)
		if onB.Hits() != 2 {
			t.Errorf("%d commits on the target, want 2", onB.Hits())
		}
		if n, err := testutil.GatherAndCount(r.reg, "mm2_group_staleness_seconds"); n != 1 || err != nil {
			t.Errorf("%d staleness series, %v", n, err)
		}
	})
}
