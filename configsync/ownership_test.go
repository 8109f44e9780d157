package configsync_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/configsync"
	"mm2/topology"
)

func TestACLsThatMM2MadeGoWithTheirSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		app, other := parseACL(t, "ALLOW READ TOPIC LITERAL orders User:app"), parseACL(t, "ALLOW READ TOPIC LITERAL orders User:other")
		r.addACLs(r.source, app, other)
		r.addACLs(r.target, parseACLs(t, "ALLOW READ TOPIC LITERAL A.orders User:other", "ALLOW ALL TOPIC LITERAL A.orders User:admin")...)
		stop := r.start(r.worker())
		wait(t, time.Second)
		if acls := r.acls(r.target); len(acls) != 3 {
			t.Fatalf("ACLs %v", acls)
		}
		// Another worker takes over: it knows what the first one made.
		stop()
		r.dropACL(r.source, app)
		r.dropACL(r.source, other)
		r.start(r.worker())
		wait(t, time.Second)
		want := []string{"ALLOW ALL on TOPIC A.orders for User:admin from *", "ALLOW READ on TOPIC A.orders for User:other from *"}
		if diff := cmp.Diff(want, r.acls(r.target)); diff != "" {
			t.Error(diff)
		}
		owned, err := r.ledger(r.target, topology.OwnedTopic("A")).Read(t.Context())
		if err != nil || len(owned.ACLs) != 0 {
			t.Errorf("owned %v, %v", owned.ACLs, err)
		}
		// The log ends with a value, which compaction keeps.
		if last := r.last(topology.OwnedTopic("A")); last.Value == nil {
			t.Errorf("the last record is %s without value", last.Key)
		}
	})
}

// What a flow brought is not carried back by the flow the other way, where both
// keep names: otherwise each would keep the other's alive for ever.
func TestAnACLThatGoesAtItsOriginGoesEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		r.create(r.target, "orders", 1, nil)
		ab, ba := topology.OwnedTopic("A"), topology.OwnedTopic("B")
		way := func(id topology.FlowID, from, to *kfake.Cluster, own, reverse string) *configsync.Syncer {
			flow := flowAB(t, topology.NewIdentityPolicy(id.Source, "", ""), "orders")
			flow.ID = id
			rules := configsync.Rules{Flow: flow, Configs: true, ACLs: configsync.ACLsExact}
			log, source, target, ledger := slog.New(slog.NewTextHandler(r, nil)), r.client(from), r.client(to), r.ledger(to, own)
			topics, err := configsync.New(configsync.Config{Flow: id, ReplicationFactor: 1, Rules: rules}, configsync.Deps{Source: source, Target: target, Logger: log, Ledger: ledger})
			if err != nil {
				t.Fatal(err)
			}
			s, err := configsync.NewSyncer(configsync.SyncerConfig{Rules: rules, Mode: configsync.Enforce, Interval: 30 * time.Second}, configsync.SyncerDeps{
				Source: source, Target: target, Topics: topics, Ledger: ledger, Reverse: r.ledger(from, reverse), Metrics: configsync.NewMetrics(nil), Logger: log,
			})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		r.start(&worker{Syncer: way(topology.FlowID{Source: "A", Target: "B"}, r.source, r.target, ab, ba)})
		r.start(&worker{Syncer: way(topology.FlowID{Source: "B", Target: "A"}, r.target, r.source, ba, ab)})
		fromA, fromB := parseACL(t, "ALLOW WRITE TOPIC LITERAL orders User:a"), parseACL(t, "ALLOW READ GROUP PREFIXED g User:b")
		r.addACLs(r.source, fromA)
		r.addACLs(r.target, fromB)
		want := []string{fromB.String(), fromA.String()}
		wait(t, 2*time.Minute)
		for _, c := range []*kfake.Cluster{r.source, r.target} {
			if diff := cmp.Diff(want, r.acls(c)); diff != "" {
				t.Error(diff)
			}
		}
		r.dropACL(r.source, fromA)
		r.dropACL(r.target, fromB)
		wait(t, 5*time.Minute)
		if a, b := r.acls(r.source), r.acls(r.target); len(a)+len(b) != 0 {
			t.Errorf("still on A %v, on B %v", a, b)
		}
	})
}

// A crash between the record of ownership and the ACL leaves what is owned and
// absent: the next round makes it.
func TestOwnershipIsWrittenBeforeTheACL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		r.addACLs(r.source, parseACL(t, "ALLOW READ TOPIC LITERAL orders User:app"))
		made := parseACL(t, "ALLOW READ TOPIC LITERAL A.orders User:app")
		cut := r.target.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateACLs}, Err: kerr.UnknownServerError, Count: -1, When: func(kmsg.Request) bool {
			return true
		}})
		// No record, no ACL.
		unwritable := r.target.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topology.OwnedTopic("A"), Err: kerr.TopicAuthorizationFailed, Count: -1})
		w := r.worker()
		stop := r.start(w)
		wait(t, time.Minute)
		if cut.Hits() != 0 || len(r.acls(r.target)) != 0 {
			t.Errorf("%d ACLs were asked for without a record", cut.Hits())
		}
		if st, _ := w.Status(); !strings.Contains(st.Err, "remember 1 ACL before creating") {
			t.Errorf("status %+v", st)
		}
		stop()
		unwritable.Remove()
		cut.Remove()
		l := r.ledger(r.target, topology.OwnedTopic("A"))
		if err := l.OwnACLs(t.Context(), []configsync.ACL{made}); err != nil {
			t.Fatal(err)
		}
		r.start(r.worker())
		wait(t, time.Minute)
		if diff := cmp.Diff([]string{made.String()}, r.acls(r.target)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCopiesOfDeletedTopicsAreDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, name := range []string{"orders", "orders.a", "orders.b", "users"} {
			r.create(r.source, name, 1, nil)
		}
		r.create(r.target, "A.users", 1, nil) // somebody else's
		w := r.worker(func(c *configsync.SyncerConfig) { c.Rules.DeleteTopics = true })
		r.start(w)
		wait(t, time.Second)
		// Made anew by somebody else: not ours any more.
		if err := r.target.DeleteTopic("A.orders.b"); err != nil {
			t.Fatal(err)
		}
		r.create(r.target, "A.orders.b", 1, nil)
		for _, name := range []string{"orders.a", "orders.b", "users"} {
			if err := r.source.DeleteTopic(name); err != nil {
				t.Fatal(err)
			}
		}
		w.Kick()
		wait(t, time.Second)
		w.Kick()
		wait(t, time.Second)
		if r.target.TopicInfo("A.orders.a") == nil {
			t.Fatal("deleted after two looks within a second")
		}
		wait(t, time.Minute)
		for name, want := range map[string]bool{"A.orders": true, "A.orders.a": false, "A.orders.b": true, "A.users": true} {
			if got := r.target.TopicInfo(name) != nil; got != want {
				t.Errorf("%s is there: %v, want %v", name, got, want)
			}
		}
		if st, _ := w.Status(); st.Changes[configsync.DeleteTopic] != 1 {
			t.Errorf("status %+v", st)
		}
	})
}

// Not to be listed is not to be gone: a right that was taken away looks alike.
func TestATopicThatMayNotBeSeenIsNotGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		r.create(r.source, "users", 1, nil)
		w := r.worker(func(c *configsync.SyncerConfig) { c.Rules.DeleteTopics = true })
		r.start(w)
		wait(t, time.Second)
		hide := func(kreq kmsg.Request) (kmsg.Response, error, bool) {
			r.source.KeepControl()
			req := kreq.(*kmsg.MetadataRequest)
			if len(req.Topics) == 0 {
				return nil, nil, false
			}
			resp := req.ResponseKind().(*kmsg.MetadataResponse)
			for _, topic := range req.Topics {
				answer := kmsg.NewMetadataResponseTopic()
				answer.Topic, answer.ErrorCode = topic.Topic, kerr.TopicAuthorizationFailed.Code
				resp.Topics = append(resp.Topics, answer)
			}
			return resp, nil, true
		}
		r.source.ControlKey(int16(kmsg.Metadata), hide)
		if err := r.source.DeleteTopic("orders"); err != nil { // gone from the listing
			t.Fatal(err)
		}
		wait(t, 10*time.Minute)
		if r.target.TopicInfo("A.orders") == nil {
			t.Error("the copy was deleted although nobody said that the topic is gone")
		}
		if st, _ := w.Status(); len(st.Problems) != 1 || !strings.Contains(st.Problems[0].Text, "grant DESCRIBE on Topic orders") {
			t.Errorf("status %+v", st)
		}
	})
}
