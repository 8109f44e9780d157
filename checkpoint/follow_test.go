package checkpoint_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/checkpoint"
)

// heard is a listener that remembers.
type heard struct {
	mu          sync.Mutex // guards what follows
	changes     []checkpoint.Change
	unsupported []checkpoint.UnsupportedGroup
	modes       []string
	failures    int
}

func (h *heard) Changed(changes []checkpoint.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes = append(h.changes, changes...)
}

func (h *heard) Unsupported(groups []checkpoint.UnsupportedGroup) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unsupported = groups
}

func (h *heard) Following(mode checkpoint.FollowMode, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.modes = append(h.modes, string(mode)+": "+reason)
}

func (h *heard) FollowFailed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.failures++
	}
}

// take hands out what was heard since the last call, as "group offset".
func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, c := range h.changes {
		text := c.Group + " " + c.Partition.Topic + " "
		if c.Deleted {
			text += "gone"
		} else {
			text += string('0' + rune(c.Offset))
		}
		out = append(out, text)
	}
	h.changes = nil
	return out
}

func (h *heard) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, h.take()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// offsetsTopic plays __consumer_offsets, which kfake does not have.
const offsetsTopic = "offsets-of-groups"

// follow runs a follower of A until the test ends.
func (r *rig) follow(mode checkpoint.FollowMode) *heard {
	r.t.Helper()
	h := &heard{}
	f := checkpoint.NewFollower(checkpoint.FollowerConfig{
		Flow: r.cfg.Flow, Groups: r.cfg.Groups, Mode: mode, PollInterval: time.Second, SnapshotInterval: time.Minute, OffsetsTopic: offsetsTopic,
	}, r.deps.Source, r.a.Client(r.t), h, slog.New(slog.NewTextHandler(r, nil)))
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	return h
}

// logCommit writes what a coordinator would into the offsets topic. A negative
// offset is a tombstone.
func commitRecord(group, topic string, offset int64) *kgo.Record {
	r := &kgo.Record{Topic: offsetsTopic, Key: (&kmsg.OffsetCommitKey{Version: 1, Group: group, Topic: topic}).AppendTo(nil)}
	if offset >= 0 {
		r.Value = (&kmsg.OffsetCommitValue{Version: 3, Offset: offset, LeaderEpoch: 3, Metadata: "from " + group, CommitTimestamp: time.Now().UnixMilli()}).AppendTo(nil)
	}
	return r
}

// commitsLogged commits as a broker does: to the group and to the topic.
func (r *rig) commitsLogged(group, topic string, offset int64) {
	r.t.Helper()
	r.commits(r.a, group, topic, offset)
	r.a.Produce(r.t, commitRecord(group, topic, offset))
}

func TestPollDeliversChanges(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.commits(r.a, "g", "orders", 1)
		h := r.follow(checkpoint.FollowPoll)
		r.pass(100 * time.Millisecond)
		h.want(t, "g orders 1")
		r.pass(5 * time.Second)
		h.want(t)
		r.commits(r.a, "g", "orders", 2)
		r.commits(r.a, "new", "orders", 3)
		r.commits(r.a, "console-consumer-7", "orders", 3)
		r.pass(1200 * time.Millisecond)
		h.want(t, "g orders 2")
		r.pass(5 * time.Second)
		h.want(t, "new orders 3")
		r.delete(r.a, "g")
		r.pass(6 * time.Second)
		h.want(t, "g orders gone")
	})
}

func TestTailDeliversCommitsAtOnce(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.a.Create(t, offsetsTopic, 1)
		r.commitsLogged("g", "orders", 1)
		h := r.follow(checkpoint.FollowTail)
		r.pass(100 * time.Millisecond)
		h.want(t, "g orders 1")
		r.commitsLogged("g", "orders", 2)
		r.pass(10 * time.Millisecond)
		h.want(t, "g orders 2")
		// A group that appears, and one that is of no interest.
		r.commitsLogged("new", "orders", 4)
		r.commitsLogged("console-consumer-7", "orders", 4)
		r.pass(time.Second)
		h.want(t, "new orders 4")
		r.a.Produce(t, commitRecord("g", "orders", -1))
		r.pass(10 * time.Millisecond)
		h.want(t, "g orders gone")
	})
}

// The snapshot is newer than the records of the log that the tail reads after
// it: they are no resets.
func TestTailDoesNotGoBackBehindASnapshot(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.a.Create(t, offsetsTopic, 1)
		r.a.Create(t, "payments", 1)
		// An open transaction hides what comes after it.
		tx := r.a.Client(t, kgo.TransactionalID("tx"))
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := tx.ProduceSync(t.Context(), commitRecord("in-tx", "orders", 9)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		r.commitsLogged("g", "orders", 1)
		r.commitsLogged("g", "orders", 2)
		r.commits(r.a, "in-tx", "payments", 1) // the group is listed
		h := r.follow(checkpoint.FollowTail)
		r.pass(100 * time.Millisecond)
		h.want(t, "g orders 2")
		r.commitsLogged("g", "orders", 3)
		if err := tx.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Second)
		got := h.take()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"g orders 3", "in-tx orders 9"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What the tail is not told of, a snapshot finds.
func TestSnapshotsFindDeletionsAndMissedCommits(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.a.Create(t, offsetsTopic, 1)
		r.commitsLogged("g", "orders", 1)
		r.commitsLogged("h", "orders", 1)
		h := r.follow(checkpoint.FollowTail)
		r.pass(time.Second)
		h.take()
		r.delete(r.a, "g")
		r.commits(r.a, "h", "orders", 2)
		r.pass(time.Minute)
		got := h.take()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"g orders gone", "h orders 2"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Without an answer for a group nothing is said about it.
func TestFailedAnswersDeleteNothing(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.commits(r.a, "g", "orders", 1)
		r.commits(r.a, "h", "orders", 1)
		h := r.follow(checkpoint.FollowPoll)
		r.pass(time.Second)
		h.take()
		fault := r.a.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "g", Err: kerr.GroupAuthorizationFailed, Count: -1})
		r.commits(r.a, "h", "orders", 2)
		r.pass(10 * time.Second)
		h.want(t, "h orders 2")
		if h.failures == 0 {
			t.Error("the failure was not reported")
		}
		fault.Remove()
		r.pass(10 * time.Second)
		h.want(t)
	})
}

func TestAnUnknownFormatFallsBackToPolling(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.a.Create(t, offsetsTopic, 1)
		r.commitsLogged("g", "orders", 1)
		h := r.follow(checkpoint.FollowAuto)
		r.pass(time.Second)
		unknown := commitRecord("g", "orders", 2)
		unknown.Value[1] = 9
		r.a.Produce(t, unknown)
		r.commits(r.a, "g", "orders", 3)
		r.pass(2 * time.Second)
		h.want(t, "g orders 1", "g orders 3")
		r.pass(5 * time.Minute)
		want := []string{
			"tail: reading " + offsetsTopic + " is allowed",
			"poll: " + offsetsTopic + " has records in a format that this version of mm2 does not know",
		}
		if diff := cmp.Diff(want, h.modes); diff != "" {
			t.Errorf("modes (-want +got):\n%s", diff)
		}
		if r.logged("cannot tail group positions, polling them instead") != 1 {
			t.Errorf("logged:\n%s", r.log.String())
		}
	})
}

// A transaction on the source that never ends does not hide groups for ever.
func TestABlockedTailFallsBackToPollingForAWhile(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.a.Create(t, offsetsTopic, 1)
		tx := r.a.Client(t, kgo.TransactionalID("tx"), kgo.TransactionTimeout(10*time.Minute))
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		h := r.follow(checkpoint.FollowAuto)
		r.pass(time.Second)
		if err := tx.ProduceSync(t.Context(), commitRecord("other", "orders", 9)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		r.commitsLogged("g", "orders", 1)
		r.pass(10 * time.Second)
		h.want(t)
		r.pass(2 * time.Minute)
		h.want(t, "g orders 1")
		r.pass(2 * time.Minute)
		r.commitsLogged("g", "orders", 2)
		r.pass(5 * time.Second)
		h.want(t, "g orders 2")
		if err := tx.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
			t.Fatal(err)
		}
		r.pass(2 * time.Minute)
		r.commitsLogged("g", "orders", 3)
		r.pass(10 * time.Millisecond)
		h.want(t, "g orders 3")
	})
}

// Auto polls until groups have committed something, then tails.
func TestAutoTailsAsSoonAsItMay(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		h := r.follow(checkpoint.FollowAuto)
		r.pass(time.Second)
		r.a.Create(t, offsetsTopic, 1)
		r.pass(2 * time.Minute)
		if len(h.modes) < 2 || !strings.HasPrefix(h.modes[0], "poll: "+offsetsTopic+" is not there, or not shown") || !strings.HasPrefix(h.modes[len(h.modes)-1], "tail: ") {
			t.Errorf("modes %q", h.modes)
		}
		if h.failures > 0 {
			t.Errorf("%d failures", h.failures)
		}
	})
}

func TestProbeFollow(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		ask := func(wantMode checkpoint.FollowMode, wantReason string) {
			t.Helper()
			mode, reason := checkpoint.ProbeFollow(t.Context(), r.a.Client(t))
			if mode != string(wantMode) || !strings.Contains(reason, wantReason) {
				t.Errorf("%s: %s, want %s: %s", mode, reason, wantMode, wantReason)
			}
		}
		ask(checkpoint.FollowPoll, "no group has committed yet")
		r.a.Create(t, checkpoint.ConsumerOffsetsTopic, 2)
		ask(checkpoint.FollowTail, "is allowed")
		fault := r.a.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: checkpoint.ConsumerOffsetsTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
		ask(checkpoint.FollowPoll, "grant READ on it")
		fault.Remove()
		r.a.Close()
		ask(checkpoint.FollowPoll, "could not be read")
	})
}

// TestMirrorCheckpointConnectorTest's groups: consumers of either protocol with
// a relevant topic are followed, others are not, and what cannot be is named.
func TestFindConsumerGroups(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.a.Create(t, "payments", 1)
		r.commits(r.a, "relevant", "orders", 1)
		r.commits(r.a, "relevant", "payments", 1)
		r.commits(r.a, "irrelevant", "payments", 1)
		r.commits(r.a, "console-consumer-1", "orders", 1)
		r.a.ControlKey(int16(kmsg.ListGroups), func(req kmsg.Request) (kmsg.Response, error, bool) {
			r.a.KeepControl()
			resp := req.ResponseKind().(*kmsg.ListGroupsResponse)
			resp.Groups = append(resp.Groups, []kmsg.ListGroupsResponseGroup{
				{Group: "relevant", ProtocolType: "consumer", GroupType: "Consumer"},
				{Group: "irrelevant", ProtocolType: "", GroupType: "Classic"},
				{Group: "console-consumer-1", ProtocolType: "consumer", GroupType: "Classic"},
				{Group: "connect-b", ProtocolType: "connect", GroupType: "Classic"},
				{Group: "streaming", ProtocolType: "streams", GroupType: "Streams"},
				{Group: "queue", ProtocolType: "share", GroupType: "Share"},
				{Group: "console-consumer-queue", ProtocolType: "share", GroupType: "Share"},
			}...)
			return resp, nil, true
		})
		h := r.follow(checkpoint.FollowPoll)
		r.pass(time.Second)
		h.want(t, "relevant orders 1")
		want := []checkpoint.UnsupportedGroup{{Group: "queue", Type: "share"}, {Group: "streaming", Type: "streams"}}
		if diff := cmp.Diff(want, h.unsupported); diff != "" {
			t.Errorf("unsupported (-want +got):\n%s", diff)
		}
	})
}

// Commits in transactions count when the transaction commits, and not when it
// aborts.
func TestTailReadsCommitted(t *testing.T) {
	betweenClusters(t, func(t *testing.T, r *rig) {
		r.a.Create(t, offsetsTopic, 1)
		r.commitsLogged("g", "orders", 1)
		h := r.follow(checkpoint.FollowTail)
		r.pass(time.Second)
		h.take()
		tx := r.a.Client(t, kgo.TransactionalID("tx"))
		for offset, end := range map[int64]kgo.TransactionEndTry{5: kgo.TryAbort, 6: kgo.TryCommit} {
			if err := tx.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := tx.ProduceSync(t.Context(), commitRecord("g", "orders", offset)).FirstErr(); err != nil {
				t.Fatal(err)
			}
			r.pass(time.Second)
			h.want(t)
			if err := tx.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
			r.pass(time.Second)
			if end == kgo.TryAbort {
				h.want(t)
			} else {
				h.want(t, "g orders 6")
			}
		}
	})
}
