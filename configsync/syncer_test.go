package configsync_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/configsync"
	"mm2/internal/backoff"
	"mm2/topology"
)

// worker is what one worker has to keep the target in step.
type worker struct {
	*configsync.Syncer
	topics *configsync.Topics
	ledger *configsync.Ledger
	source *kgo.Client
	target *kgo.Client
	cfg    configsync.SyncerConfig
}

func (r *rig) ledger(c *kfake.Cluster, topic string) *configsync.Ledger {
	r.t.Helper()
	opts := r.clientOpts(c)
	l, err := configsync.NewLedger(configsync.LedgerConfig{Topic: topic, ReplicationFactor: 1}, configsync.LedgerDeps{
		Client: r.client(c), Logger: slog.New(slog.NewTextHandler(r, nil)),
		Open: func(more ...kgo.Opt) (*kgo.Client, error) {
			return kgo.NewClient(append(opts, more...)...)
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// worker is a new one with clients of its own.
func (r *rig) worker(edit ...func(*configsync.SyncerConfig)) *worker {
	r.t.Helper()
	w := &worker{source: r.client(r.source), target: r.client(r.target), ledger: r.ledger(r.target, topology.OwnedTopic("A"))}
	w.cfg = configsync.SyncerConfig{
		Mode: configsync.Enforce, Interval: 30 * time.Second,
		Rules: configsync.Rules{
			Flow: flowAB(r.t, topology.NewDefaultPolicy("", ""), "orders.*", "users"), Exclude: filter(r.t, `min\.insync\.replicas`),
			Configs: true, ACLs: configsync.ACLsJava,
		},
	}
	for _, e := range edit {
		e(&w.cfg)
	}
	log := slog.New(slog.NewTextHandler(r, nil))
	var err error
	w.topics, err = configsync.New(configsync.Config{Flow: w.cfg.Rules.Flow.ID, ReplicationFactor: 1, Rules: w.cfg.Rules},
		configsync.Deps{Source: w.source, Target: w.target, Logger: log, Ledger: w.ledger})
	if err != nil {
		r.t.Fatal(err)
	}
	w.Syncer, err = configsync.NewSyncer(w.cfg, configsync.SyncerDeps{
		Source: w.source, Target: w.target, Topics: w.topics, Ledger: w.ledger, Metrics: configsync.NewMetrics(nil), Logger: log,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

// start runs the worker until the returned func or the end of the test.
func (r *rig) start(w *worker) (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("run: %v", err)
		}
	}
	r.t.Cleanup(stop)
	return stop
}

// plan is the difference as a fresh worker sees it.
func (r *rig) plan(w *worker) configsync.Plan {
	r.t.Helper()
	sides, err := configsync.Look(r.t.Context(), configsync.SidesDeps{
		Source: r.client(r.source), Target: r.client(r.target), Ledger: r.ledger(r.target, topology.OwnedTopic("A")),
	}, w.cfg.Rules, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return sides.Plan()
}

func wait(t *testing.T, d time.Duration) { backoff.Sleep(t.Context(), d) }

func (r *rig) addACLs(c *kfake.Cluster, acls ...configsync.ACL) {
	r.t.Helper()
	req := kmsg.NewPtrCreateACLsRequest()
	for _, a := range acls {
		rc := kmsg.NewCreateACLsRequestCreation()
		rc.ResourceType, rc.ResourcePatternType, rc.ResourceName = a.Resource, a.Pattern, a.Name
		rc.Principal, rc.Host, rc.Operation, rc.PermissionType = a.Principal, a.Host, a.Operation, a.Permission
		req.Creations = append(req.Creations, rc)
	}
	if _, err := req.RequestWith(r.t.Context(), r.client(c)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) dropACL(c *kfake.Cluster, a configsync.ACL) {
	r.t.Helper()
	req := kmsg.NewPtrDeleteACLsRequest()
	rf := kmsg.NewDeleteACLsRequestFilter()
	rf.ResourceType, rf.ResourcePatternType, rf.ResourceName = a.Resource, a.Pattern, &a.Name
	rf.Principal, rf.Host, rf.Operation, rf.PermissionType = &a.Principal, &a.Host, a.Operation, a.Permission
	req.Filters = append(req.Filters, rf)
	if _, err := req.RequestWith(r.t.Context(), r.client(c)); err != nil {
		r.t.Fatal(err)
	}
}

// acls are all ACLs of a cluster, in words.
func (r *rig) acls(c *kfake.Cluster) []string {
	r.t.Helper()
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType, req.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	req.Operation, req.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	resp, err := req.RequestWith(r.t.Context(), r.client(c))
	if err != nil {
		r.t.Fatal(err)
	}
	out := []string{}
	for _, res := range resp.Resources {
		for _, a := range res.ACLs {
			out = append(out, configsync.ACL{
				Resource: res.ResourceType, Pattern: res.ResourcePatternType, Name: res.ResourceName,
				Principal: a.Principal, Host: a.Host, Operation: a.Operation, Permission: a.PermissionType,
			}.String())
		}
	}
	slices.Sort(out)
	return out
}

// last is the last record of a topic of the target.
func (r *rig) last(topic string) *kgo.Record {
	r.t.Helper()
	cl := r.client(r.target)
	cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtEnd().Relative(-1)}})
	fetches := cl.PollFetches(r.t.Context())
	if err := fetches.Err(); err != nil {
		r.t.Fatal(err)
	}
	return fetches.Records()[0]
}

// alter sets configs of a topic; an empty value deletes.
func (r *rig) alter(c *kfake.Cluster, topic string, configs map[string]string) {
	r.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	rr := kmsg.NewIncrementalAlterConfigsRequestResource()
	rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for key, value := range configs {
		rc := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		rc.Name, rc.Value = key, &value
		if value == "" {
			rc.Op, rc.Value = kmsg.IncrementalAlterConfigOpDelete, nil
		}
		rr.Configs = append(rr.Configs, rc)
	}
	req.Resources = append(req.Resources, rr)
	if _, err := req.RequestWith(r.t.Context(), r.client(c)); err != nil {
		r.t.Fatal(err)
	}
}

func TestSyncerKeepsTheTargetInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 2, map[string]string{"retention.ms": "1000"})
		r.create(r.source, "users", 1, map[string]string{"cleanup.policy": "compact"})
		r.create(r.source, "other", 1, nil)
		r.create(r.target, "A.users", 1, map[string]string{"retention.ms": "77", "min.insync.replicas": "2"})
		r.addACLs(r.source, parseACLs(t, "ALLOW READ TOPIC LITERAL orders User:app", "ALLOW WRITE TOPIC LITERAL orders User:app")...)
		w := r.worker()
		r.start(w)
		wait(t, time.Second)
		if diff := cmp.Diff(map[string]string{"retention.ms": "1000"}, r.configs("A.orders")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{"cleanup.policy": "compact", "min.insync.replicas": "2"}, r.configs("A.users")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"ALLOW READ on TOPIC A.orders for User:app from *"}, r.acls(r.target)); diff != "" {
			t.Error(diff)
		}
		if r.target.TopicInfo("A.other") != nil {
			t.Error("a topic was made that is not copied")
		}
		alters, creates := count(r.target, kmsg.IncrementalAlterConfigs), count(r.target, kmsg.CreateACLs)
		wait(t, 5*time.Minute)
		if alters() != 0 || creates() != 0 {
			t.Errorf("%d alterations and %d creations of ACLs although nothing changed", alters(), creates())
		}
		r.alter(r.source, "orders", map[string]string{"retention.ms": "2000", "segment.bytes": "5"})
		r.alter(r.target, "A.users", map[string]string{"cleanup.policy": "delete", "min.insync.replicas": "1"})
		before := alters()
		wait(t, 31*time.Second)
		if diff := cmp.Diff(map[string]string{"retention.ms": "2000", "segment.bytes": "5"}, r.configs("A.orders")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{"cleanup.policy": "compact", "min.insync.replicas": "1"}, r.configs("A.users")); diff != "" {
			t.Error("a foreign change is not put back, or an excluded one is: ", diff)
		}
		if n := alters() - before; n != 1 {
			t.Errorf("%d alterations, want one request for both topics", n)
		}
		st, ok := w.Status()
		if !ok || st.Err != "" || st.Drift != 0 || len(st.Problems) != 0 || st.Changes[configsync.SetConfig] != 4 || st.Changes[configsync.CreateACL] != 1 {
			t.Errorf("status %+v", st)
		}
		if next := r.plan(w); !next.Empty() {
			t.Errorf("still to do: %v", next.Changes)
		}
	})
}

func TestSyncerOnlyReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, map[string]string{"retention.ms": "1000"})
		r.create(r.target, "A.orders", 2, map[string]string{"retention.ms": "1"})
		r.addACLs(r.source, parseACLs(t, "ALLOW READ TOPIC LITERAL orders User:app")...)
		w := r.worker(func(c *configsync.SyncerConfig) { c.Mode = configsync.ReportOnly })
		r.start(w)
		wait(t, 2*time.Minute)
		if diff := cmp.Diff(map[string]string{"retention.ms": "1"}, r.configs("A.orders")); diff != "" {
			t.Error(diff)
		}
		if acls := r.acls(r.target); len(acls) != 0 {
			t.Errorf("ACLs %v", acls)
		}
		st, _ := w.Status()
		want := []string{
			"set config of topic A.orders: retention.ms=1000 (now 1)",
			"create ACL: ALLOW READ on TOPIC A.orders for User:app from *",
		}
		if diff := cmp.Diff(want, st.Pending); diff != "" || st.Drift != 3 {
			t.Errorf("drift %d, want 3 with the partitions: %s", st.Drift, diff)
		}
	})
}

func TestSyncerRunsWhenKicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		w := r.worker()
		r.start(w)
		wait(t, 2*time.Second)
		r.addACLs(r.source, parseACLs(t, "ALLOW READ TOPIC LITERAL orders User:app")...)
		w.Kick()
		w.Kick()
		wait(t, time.Second)
		if acls := r.acls(r.target); len(acls) != 1 {
			t.Errorf("ACLs %v", acls)
		}
	})
}

// refuseAlterations makes the target refuse keys like a broker that does not
// know them: the whole topic is refused, also for its other keys.
func refuseAlterations(c *kfake.Cluster, keys ...string) {
	c.ControlKey(int16(kmsg.IncrementalAlterConfigs), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.IncrementalAlterConfigsRequest)
		resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		kept := req.Resources[:0]
		for _, res := range req.Resources {
			refused := slices.ContainsFunc(res.Configs, func(rc kmsg.IncrementalAlterConfigsRequestResourceConfig) bool { return slices.Contains(keys, rc.Name) })
			if !refused {
				kept = append(kept, res)
				continue
			}
			answer := kmsg.NewIncrementalAlterConfigsResponseResource()
			answer.ResourceType, answer.ResourceName = res.ResourceType, res.ResourceName
			answer.ErrorCode, answer.ErrorMessage = kerr.InvalidConfig.Code, new("Unknown topic config name")
			resp.Resources = append(resp.Resources, answer)
		}
		if len(resp.Resources) == 0 {
			return nil, nil, false
		}
		// The rest of the request is carried out when it comes alone.
		for _, res := range kept {
			answer := kmsg.NewIncrementalAlterConfigsResponseResource()
			answer.ResourceType, answer.ResourceName, answer.ErrorCode = res.ResourceType, res.ResourceName, kerr.InvalidConfig.Code
			resp.Resources = append(resp.Resources, answer)
		}
		return resp, nil, true
	})
}

func TestARefusedKeyDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, map[string]string{"retention.ms": "1000", "vendor.tier": "cold", "segment.bytes": "9"})
		r.create(r.target, "A.orders", 1, nil)
		refuseAlterations(r.target, "vendor.tier")
		w := r.worker()
		r.start(w)
		wait(t, time.Second)
		if diff := cmp.Diff(map[string]string{"retention.ms": "1000", "segment.bytes": "9"}, r.configs("A.orders")); diff != "" {
			t.Error(diff)
		}
		st, _ := w.Status()
		if len(st.Problems) != 1 || st.Problems[0].Kind != configsync.Refused || st.Drift != 1 ||
			!strings.Contains(st.Problems[0].Text, "refuses to set vendor.tier=cold of topic A.orders: INVALID_CONFIG") ||
			!strings.Contains(st.Problems[0].Text, "Unknown topic config name") {
			t.Errorf("status %+v", st)
		}
		wait(t, 30*time.Minute)
		if n := r.logged("target cannot be kept in step"); n != 1 {
			t.Errorf("told %d times: %s", n, &r.log)
		}
		if st, _ := w.Status(); len(st.Problems) != 1 {
			t.Errorf("the problem is forgotten while it lasts: %+v", st)
		}
		r.alter(r.source, "orders", map[string]string{"vendor.tier": ""})
		wait(t, time.Minute)
		if st, _ := w.Status(); len(st.Problems) != 0 || st.Drift != 0 {
			t.Errorf("the problem outlives its cause: %+v", st)
		}
	})
}

func TestRefusedChangesAreNotTriedEachRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for i := range 30 {
			name := fmt.Sprintf("orders%02d", i)
			r.create(r.source, name, 1, map[string]string{"retention.ms": "1000"})
			r.create(r.target, "A."+name, 1, nil)
		}
		denied := r.target.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.IncrementalAlterConfigs}, Err: kerr.TopicAuthorizationFailed, Count: -1})
		w := r.worker(func(c *configsync.SyncerConfig) { c.Interval = 3 * time.Second })
		r.start(w)
		wait(t, 10*time.Minute)
		if n := denied.Hits(); n < 5 || n > 15 {
			t.Errorf("%d tries in ten minutes", n)
		}
		st, _ := w.Status()
		if len(st.Problems) != 1 || !strings.Contains(st.Problems[0].Text, "30 topics (A.orders00, A.orders01, A.orders02, A.orders03, A.orders04 and 25 more) on the target; grant ALTER_CONFIGS") {
			t.Errorf("problems %v", st.Problems)
		}
		denied.Remove()
		wait(t, 6*time.Minute)
		if st, _ := w.Status(); st.Drift != 0 {
			t.Errorf("after the right was granted: %+v", st)
		}
	})
}

func TestOneTopicDoesNotFailTheRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, name := range []string{"orders", "orders.x", "users"} {
			r.create(r.source, name, 1, map[string]string{"retention.ms": "1000"})
			r.create(r.target, "A."+name, 1, nil)
		}
		r.source.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: "orders", Err: kerr.TopicAuthorizationFailed, Count: -1})
		r.target.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: "A.orders.x", Err: kerr.UnknownTopicOrPartition, Count: -1})
		w := r.worker()
		r.start(w)
		wait(t, time.Second)
		if diff := cmp.Diff(map[string]string{"retention.ms": "1000"}, r.configs("A.users")); diff != "" {
			t.Error(diff)
		}
		if len(r.configs("A.orders"))+len(r.configs("A.orders.x")) != 0 {
			t.Error("a topic was changed that could not be read")
		}
	})
}

func TestSyncerSurvivesAClusterThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, map[string]string{"retention.ms": "1"})
		r.create(r.target, "A.orders", 1, nil)
		away := r.source.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, TopLevel: true, Err: kerr.ClusterAuthorizationFailed, Count: -1, When: func(req kmsg.Request) bool {
			return req.(*kmsg.MetadataRequest).Topics == nil
		}})
		w := r.worker()
		r.start(w)
		wait(t, 2*time.Minute)
		if st, ok := w.Status(); !ok || !strings.Contains(st.Err, "look at cluster A: list topics of A") || r.logged("cannot be kept in step, trying again") != 1 {
			t.Errorf("status %+v", st)
		}
		away.Remove()
		wait(t, time.Minute)
		if st, _ := w.Status(); st.Err != "" || st.LastOK.IsZero() {
			t.Errorf("status %+v", st)
		}
		if diff := cmp.Diff(map[string]string{"retention.ms": "1"}, r.configs("A.orders")); diff != "" {
			t.Error(diff)
		}
	})
}

// A record that became legal on the source is not refused for minutes because
// of what was known of the copy.
func TestARaisedLimitCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, map[string]string{"max.message.bytes": "1000"})
		w := r.worker()
		limit := func() int32 {
			t.Helper()
			got, err := w.topics.Ensure(t.Context(), "orders", "A.orders", 1)
			if err != nil {
				t.Fatal(err)
			}
			return got.MaxMessageBytes
		}
		if n := limit(); n != 1000 {
			t.Errorf("limit %d", n)
		}
		r.start(w)
		r.alter(r.source, "orders", map[string]string{"max.message.bytes": "5000"})
		wait(t, 31*time.Second)
		if n := limit(); n != 5000 {
			t.Errorf("limit %d after the source's was raised", n)
		}
	})
}

// Several workers at once do what one does.
func TestSyncersAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for i := range 10 {
			r.create(r.source, fmt.Sprintf("orders%d", i), 2, map[string]string{"retention.ms": fmt.Sprint(i)})
			r.addACLs(r.source, parseACL(t, fmt.Sprintf("ALLOW READ TOPIC LITERAL orders%d User:app", i)))
		}
		workers := []*worker{r.worker(), r.worker(), r.worker()}
		for _, w := range workers {
			r.start(w)
		}
		wait(t, 2*time.Minute)
		if next := r.plan(workers[0]); !next.Empty() {
			t.Errorf("still to do: %v", next.Changes)
		}
		for _, w := range workers {
			if st, _ := w.Status(); len(st.Problems) != 0 || st.Err != "" {
				t.Errorf("status %+v", st)
			}
		}
		if n := len(r.acls(r.target)); n != 10 {
			t.Errorf("%d ACLs", n)
		}
		owned, err := r.ledger(r.target, topology.OwnedTopic("A")).Read(t.Context())
		if err != nil || len(owned.Topics) != 10 || len(owned.ACLs) != 10 {
			t.Errorf("%d topics and %d ACLs owned, %v", len(owned.Topics), len(owned.ACLs), err)
		}
		for name, made := range owned.Topics {
			if made.ID != r.target.TopicInfo(name).TopicID || made.Source != strings.TrimPrefix(name, "A.") {
				t.Errorf("%s: %+v", name, made)
			}
		}
	})
}
