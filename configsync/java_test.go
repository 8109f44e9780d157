package configsync_test

import (
	"fmt"
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

// The cases of Java's MirrorSourceConnectorTest about topics, configs and ACLs.
// Its other cases are those of packages topology, replicator and takeover.
func TestMirrorSourceConnectorTest(t *testing.T) {
	policy := topology.NewDefaultPolicy("", "")
	diffACLs := func(t *testing.T, texts ...string) []string {
		rules := configsync.Rules{Flow: flowAB(t, policy, ".*"), ACLs: configsync.ACLsJava}
		return lines(configsync.Diff(side("A", nil, parseACLs(t, texts...)...), side("B", nil), rules), configsync.CreateACL)
	}
	t.Run("testAclFiltering", func(t *testing.T) {
		if got := diffACLs(t, "ALLOW WRITE TOPIC LITERAL topic kafka"); len(got) != 0 {
			t.Errorf("should not replicate ALLOW WRITE: %v", got)
		}
		if got := diffACLs(t, "ALLOW ALL TOPIC LITERAL topic kafka"); len(got) != 1 {
			t.Errorf("should replicate ALLOW ALL: %v", got)
		}
	})
	t.Run("testAclTransformation", func(t *testing.T) {
		for acl, want := range map[string]string{
			"ALLOW ALL TOPIC LITERAL topic kafka": "create ACL: ALLOW READ on TOPIC A.topic for kafka from *",
			"DENY ALL TOPIC LITERAL topic kafka":  "create ACL: DENY ALL on TOPIC A.topic for kafka from *",
		} {
			if diff := cmp.Diff([]string{want}, diffACLs(t, acl)); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("testNoBrokerAclAuthorizer", testNoBrokerACLAuthorizer)
	t.Run("testMissingDescribeConfigsAcl", testMissingDescribeConfigsACL)

	entries := []configsync.Entry{
		own("name-1", "value-1"), def("name-2", "value-2"), own("min.insync.replicas", "2"),
	}
	created := func(from configsync.DefaultsFrom) map[string]string {
		return configsync.Rules{Exclude: filter(t, `min\.insync\.replicas`), DefaultsFrom: from}.Created(entries)
	}
	// With incremental alteration defaults are kept: they decide what is deleted.
	t.Run("testConfigPropertyFiltering", func(t *testing.T) {
		rules := configsync.Rules{Flow: flowAB(t, policy, ".*"), Exclude: filter(t, `min\.insync\.replicas`), Configs: true}
		source := side("A", map[string]configsync.TopicState{"t": {Partitions: 1, Configs: entries}})
		target := side("B", map[string]configsync.TopicState{"A.t": {Partitions: 1, Configs: []configsync.Entry{
			def("name-1", "x"), own("name-2", "x"), own("min.insync.replicas", "x"),
		}}})
		want := []string{"set config of topic A.t: name-1=value-1 (now x by default)", "delete config of topic A.t: name-2 (now x)"}
		if diff := cmp.Diff(want, lines(configsync.Diff(source, target, rules), configsync.ChangeKinds()...)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("testConfigPropertyFilteringWithAlterConfigs", func(t *testing.T) {
		if diff := cmp.Diff(map[string]string{"name-1": "value-1"}, created(configsync.FromTarget)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("testConfigPropertyFilteringWithAlterConfigsAndSourceDefault", func(t *testing.T) {
		if diff := cmp.Diff(map[string]string{"name-1": "value-1", "name-2": "value-2"}, created(configsync.FromSource)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("testNewTopicConfigs", func(t *testing.T) {
		source := side("A", map[string]configsync.TopicState{"testtopic": {Partitions: 1, Configs: entries}})
		plan := configsync.Diff(source, side("B", nil), configsync.Rules{Flow: flowAB(t, policy, ".*"), Exclude: filter(t, `min\.insync\.replicas`)})
		if diff := cmp.Diff([]string{"create topic A.testtopic with 1 partition, name-1=value-1"}, lines(plan, configsync.ChangeKinds()...)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("testRefreshTopicPartitions", testRefreshTopicPartitions)
	t.Run("testRefreshTopicPartitionsTopicOnTargetFirst", testRefreshTopicPartitionsTopicOnTargetFirst)
}

// Told once, then quiet, and the target is not asked to create anything.
func testNoBrokerACLAuthorizer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		r.source.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeACLs}, TopLevel: true, Err: kerr.SecurityDisabled, Count: -1})
		creations := count(r.target, kmsg.CreateACLs)
		w := r.worker()
		r.start(w)
		wait(t, 10*time.Minute)
		if n := r.logged("cluster A has no authorizer"); n != 1 || creations() != 0 {
			t.Errorf("told %d times, %d creations: %s", n, creations(), &r.log)
		}
		if st, _ := w.Status(); st.Err != "" || len(st.Problems) != 1 || !st.Problems[0].Harmless() {
			t.Errorf("status %+v", st)
		}
	})
}

func testMissingDescribeConfigsACL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for i := range 7 {
			name := fmt.Sprintf("orders%d", i)
			r.create(r.source, name, 1, nil)
			r.create(r.target, "A."+name, 1, nil)
		}
		r.source.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed, Count: -1})
		w := r.worker()
		r.start(w)
		wait(t, 2*time.Minute)
		want := "not allowed to read the configs of 7 topics of cluster A: orders0, orders1, orders2, orders3, orders4 and 2 more; grant DESCRIBE_CONFIGS on them"
		st, _ := w.Status()
		if len(st.Problems) != 1 || st.Problems[0].Text != want || r.logged("grant DESCRIBE_CONFIGS") != 1 {
			t.Errorf("problems %v\n%s", st.Problems, &r.log)
		}
	})
}

// A topic that cannot be made is tried again while it is missing, and not once
// it is there.
func testRefreshTopicPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		failing := r.target.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "A.orders", Err: kerr.PolicyViolation, Count: -1})
		w := r.worker()
		r.start(w)
		wait(t, 10*time.Minute)
		if failing.Hits() < 3 {
			t.Errorf("%d tries", failing.Hits())
		}
		if st, _ := w.Status(); len(st.Problems) != 1 || !strings.Contains(st.Problems[0].Text, "create topic A.orders") || st.Drift != 1 {
			t.Errorf("status %+v", st)
		}
		failing.Remove()
		wait(t, 6*time.Minute)
		if r.target.TopicInfo("A.orders") == nil {
			t.Fatal("not made")
		}
		creations := count(r.target, kmsg.CreateTopics)
		wait(t, 10*time.Minute)
		if creations() != 0 {
			t.Errorf("%d creations although it is there", creations())
		}
	})
}

// Topics and partitions that only the target has trigger nothing; new
// partitions on the source do.
func testRefreshTopicPartitionsTopicOnTargetFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.target, "A.orders", 3, nil)
		r.create(r.source, "orders", 1, nil)
		w := r.worker()
		growths, creations := count(r.target, kmsg.CreatePartitions), count(r.target, kmsg.CreateTopics)
		r.start(w)
		wait(t, 5*time.Minute)
		if growths() != 0 || creations() != 1 { // what mm2 owns
			t.Errorf("%d growths, %d creations", growths(), creations())
		}
		if st, _ := w.Status(); len(st.Problems) != 1 || st.Problems[0].Kind != configsync.MorePartitions || st.Drift != 1 {
			t.Errorf("status %+v", st)
		}
		grow := kmsg.NewPtrCreatePartitionsRequest()
		rt := kmsg.NewCreatePartitionsRequestTopic()
		rt.Topic, rt.Count = "orders", 5
		grow.Topics = append(grow.Topics, rt)
		if _, err := grow.RequestWith(t.Context(), r.client(r.source)); err != nil {
			t.Fatal(err)
		}
		wait(t, time.Minute)
		if growths() != 1 || r.plan(w).Empty() == false {
			t.Errorf("%d growths, then %v", growths(), r.plan(w).Changes)
		}
	})
}

// Java's integration cases about the configs of topics that exist.
func TestMirrorConnectorsIntegrationBaseTest(t *testing.T) {
	tests := []struct {
		name string
		from configsync.DefaultsFrom
		want map[string]string
	}{
		// An excluded override of the target survives, others are overwritten.
		{"testSyncTopicConfigs", configsync.FromTarget, map[string]string{"delete.retention.ms": "1000", "min.insync.replicas": "2"}},
		// retention.bytes was set on the target only.
		{"testReplicateTargetDefault", configsync.FromTarget, map[string]string{"delete.retention.ms": "1000", "min.insync.replicas": "2"}},
		{"testReplicateSourceDefault", configsync.FromSource, map[string]string{"delete.retention.ms": "1000", "min.insync.replicas": "2", "retention.bytes": "-1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.create(r.source, "orders", 1, map[string]string{"delete.retention.ms": "1000", "min.insync.replicas": "1"})
				r.create(r.target, "A.orders", 1, map[string]string{"delete.retention.ms": "2000", "retention.bytes": "1000", "min.insync.replicas": "2"})
				w := r.worker(func(c *configsync.SyncerConfig) { c.Rules.DefaultsFrom = tt.from })
				r.start(w)
				wait(t, time.Second)
				if diff := cmp.Diff(tt.want, r.configs("A.orders")); diff != "" {
					t.Error(diff)
				}
				// An override that goes from the source goes from the target.
				r.alter(r.source, "orders", map[string]string{"delete.retention.ms": ""})
				wait(t, time.Minute)
				got := r.configs("A.orders")
				if tt.from == configsync.FromSource {
					if got["delete.retention.ms"] != "86400000" {
						t.Errorf("delete.retention.ms=%s, want the source's default", got["delete.retention.ms"])
					}
				} else if _, there := got["delete.retention.ms"]; there {
					t.Errorf("delete.retention.ms=%s stays although the source does not set it", got["delete.retention.ms"])
				}
				if next := r.plan(w); !next.Empty() {
					t.Errorf("still to do: %v", next.Changes)
				}
			})
		})
	}
}
