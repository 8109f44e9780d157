package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/app"
	"mm2/internal/config"
	"mm2/internal/mm2test"
	"mm2/topology"
)

// plan compares the clusters with a file whose flows are edited.
func (m *mesh) plan(t *testing.T, cfg *config.Config, edit ...func(*app.PlanOptions)) (app.PlanReport, error) {
	t.Helper()
	opts := app.PlanOptions{ClientOpts: []kgo.Opt{kgo.Dialer(m.net.DialContext)}}
	for _, e := range edit {
		e(&opts)
	}
	return app.Plan(t.Context(), cfg, opts)
}

// run runs the service for a while.
func (m *mesh) run(t *testing.T, cfg *config.Config, d time.Duration) app.Status {
	t.Helper()
	a, err := app.New(cfg, app.Options{Logger: slog.New(slog.DiscardHandler), ClientOpts: []kgo.Opt{kgo.Dialer(m.net.DialContext)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	time.Sleep(d)
	status := a.Status()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return status
}

// planned are the lines of one flow.
func planned(f app.FlowPlan) (out []string) {
	for _, topic := range f.Internal {
		if !topic.Exists {
			out = append(out, "internal "+string(topic.Cluster)+" "+topic.Name)
		}
	}
	for _, c := range f.Made() {
		out = append(out, c.String())
	}
	return out
}

const twoWays = `
[clusters.A]
bootstrap = ["127.0.0.1:9093"]
[clusters.B]
bootstrap = ["127.0.0.1:9094"]
[service]
listen = "off"
[defaults]
lanes = 2
[[topology]]
kind = "active-active"
clusters = ["A", "B"]
topics = ["orders.*"]
`

// What plan shows is what run does, and after that plan shows nothing.
func TestRunDoesWhatPlanShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		if err := m.a.CreateTopic("orders", 3, map[string]string{"retention.ms": "1000", "min.insync.replicas": "2"}); err != nil {
			t.Fatal(err)
		}
		if err := m.a.CreateTopic("orders.x", 2, map[string]string{"cleanup.policy": "compact"}); err != nil {
			t.Fatal(err)
		}
		if err := m.b.CreateTopic("A.orders.x", 1, map[string]string{"retention.ms": "5"}); err != nil {
			t.Fatal(err)
		}
		allow := kadm.NewACLs().Topics("orders").Allow("User:app").AllowHosts("*").Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral)
		if _, err := kadm.NewClient(m.a.Client(t)).CreateACLs(t.Context(), allow); err != nil {
			t.Fatal(err)
		}
		cfg := load(t, twoWays)
		for i := range cfg.Flows {
			cfg.Flows[i].Checkpoints.Emit, cfg.Flows[i].OffsetSyncs.Emit, cfg.Flows[i].Groups.Sync = false, false, false
		}
		before, err := m.plan(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{
			"A->B": {
				"create topic A.heartbeats with 1 partition, cleanup.policy=compact", // those to come
				"create topic A.orders with 3 partitions, retention.ms=1000",
				"add partitions to topic A.orders.x: 1 to 2",
				"set config of topic A.orders.x: cleanup.policy=compact (now delete by default)",
				"delete config of topic A.orders.x: retention.ms (now 5)",
				"create ACL: ALLOW READ on TOPIC A.orders for User:app from *",
			},
			"B->A": {"create topic B.heartbeats with 1 partition, cleanup.policy=compact"},
		}
		for _, f := range before.Flows {
			var changes []string
			for _, c := range f.Made() {
				changes = append(changes, c.String())
			}
			if diff := cmp.Diff(want[f.Flow], changes); diff != "" {
				t.Errorf("%s: %s", f.Flow, diff)
			}
			if len(f.Problems) != 0 || f.Error != "" || !f.Changes() {
				t.Errorf("%s: %+v", f.Flow, f)
			}
		}
		again, err := m.plan(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(asJSON(t, before), asJSON(t, again)); diff != "" {
			t.Errorf("looking changed something: %s", diff)
		}
		status := m.run(t, cfg, time.Minute)
		after, err := m.plan(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range after.Flows {
			if left := planned(f); len(left) != 0 || len(f.Problems) != 0 {
				t.Errorf("%s: still %v, problems %v", f.Flow, left, f.Problems)
			}
		}
		if after.Changes() {
			t.Error("still something to change")
		}
		for _, f := range status.Flows {
			if f.ConfigSync == nil || f.ConfigSync.Err != "" || f.ConfigSync.Drift != 0 {
				t.Errorf("%s: %+v", f.Flow, f.ConfigSync)
			}
		}
	})
}

// Run makes the topics that plan shows, and no others: also those that follow
// from each other, such as copies of copies and of heartbeats to come.
func TestPlanForeseesEveryTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.c = mm2test.NewCluster(t, &m.net, portC, "cluster-c")
		m.a.Create(t, "orders", 1)
		m.b.Create(t, "orders", 2)
		cfg := load(t, strings.Replace(meshTOML, `["orders.*"]`, `["orders.*", "[A-Z].orders"]`, 1))
		for i := range cfg.Flows {
			cfg.Flows[i].Checkpoints.Emit, cfg.Flows[i].OffsetSyncs.Emit, cfg.Flows[i].Groups.Sync = false, false, false
		}
		clusters := map[topology.Alias]*mm2test.Cluster{"A": m.a, "B": m.b, "C": m.c}
		report, err := m.plan(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := map[topology.Alias]map[string]int{}
		for alias, c := range clusters {
			want[alias] = topicsOf(t, c)
		}
		for _, f := range report.Flows {
			for _, topic := range f.Internal {
				want[topic.Cluster][topic.Name] = topic.Partitions
			}
			for _, c := range f.Made() {
				want[f.Target][c.Topic] = c.Partitions
			}
		}
		m.run(t, cfg, time.Minute)
		for alias, c := range clusters {
			if diff := cmp.Diff(want[alias], topicsOf(t, c)); diff != "" {
				t.Errorf("on %s: planned and made differ: %s", alias, diff)
			}
		}
		if report, err = m.plan(t, cfg); err != nil || report.Changes() {
			t.Errorf("then %v, %v", report, err)
		}
	})
}

// topicsOf are the topics of a cluster with their partitions, except the
// brokers' own.
func topicsOf(t *testing.T, c *mm2test.Cluster) map[string]int {
	t.Helper()
	topics, err := kadm.NewClient(c.Client(t)).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for name, topic := range topics {
		out[name] = len(topic.Partitions)
	}
	return out
}

// An unreachable cluster is an error that says which and why; the other flows
// are planned all the same.
func TestPlanOfAClusterThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 1)
		started := time.Now()
		report, err := m.plan(t, load(t, meshTOML))
		if err == nil || !strings.Contains(err.Error(), "flow A->C: cluster C") {
			t.Fatalf("error %v", err)
		}
		if took := time.Since(started); took > time.Minute {
			t.Errorf("took %s", took)
		}
		for _, f := range report.Flows {
			if away := f.Flow == "A->C"; away != (f.Error != "") || len(f.Rights) == 0 {
				t.Errorf("%s: error %q, %d rights", f.Flow, f.Error, len(f.Rights))
			}
		}
	})
}

func TestPlanSelectsFlowsAndSaysHowGroupsAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		cfg := load(t, meshTOML)
		filter, err := topology.NewFilter([]string{".*"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range cfg.Flows {
			cfg.Flows[i].Groups.Filter = filter
		}
		report, err := m.plan(t, cfg, func(o *app.PlanOptions) {
			o.Targets = []topology.Alias{"B"}
			o.FollowGroups = func(ctx context.Context, source *kgo.Client) (string, string) {
				if err := source.Ping(ctx); err != nil {
					t.Error(err)
				}
				return "poll", "no READ on __consumer_offsets"
			}
		})
		if err != nil || len(report.Flows) != 1 || report.Flows[0].Flow != "A->B" {
			t.Fatalf("%+v, %v", report, err)
		}
		if diff := cmp.Diff(&app.GroupsPlan{Follow: "poll", Reason: "no READ on __consumer_offsets"}, report.Flows[0].Groups); diff != "" {
			t.Error(diff)
		}
		_, err = m.plan(t, cfg, func(o *app.PlanOptions) { o.Targets = []topology.Alias{"tokio"} })
		if err == nil || !strings.Contains(err.Error(), `"tokio"`) {
			t.Errorf("error %v", err)
		}
	})
}

// In mode report only what data need a place in is made.
func TestPlanOfModeReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		if err := m.a.CreateTopic("orders", 3, map[string]string{"retention.ms": "1000"}); err != nil {
			t.Fatal(err)
		}
		m.a.Create(t, "orders.new", 1)
		m.b.Create(t, "A.orders", 2)
		cfg := load(t, twoWays)
		for i := range cfg.Flows {
			cfg.Flows[i].ConfigSync.Mode = config.Report
		}
		report, err := m.plan(t, cfg, func(o *app.PlanOptions) { o.Targets = []topology.Alias{"B"} })
		if err != nil {
			t.Fatal(err)
		}
		f := report.Flows[0]
		if len(f.Made()) != 2 || len(f.Plan.Changes) != 3 {
			t.Errorf("made %v of %v", f.Made(), f.Plan.Changes)
		}
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
