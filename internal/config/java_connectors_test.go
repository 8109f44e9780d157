package config

import (
	"testing"

	"mm2/topology"
)

func checkMatches(t *testing.T, f topology.Filter, want map[string]bool) {
	t.Helper()
	for name, selected := range want {
		if got := f.Match(name); got != selected {
			t.Errorf("%s: selected %t, want %t", name, got, selected)
		}
	}
}

// The cases of Java's MirrorSourceConfigTest. testTaskConfigTopicPartitions is
// left out: mm2 has no tasks that a configuration is passed to as text.
func TestMirrorSourceConfigTest(t *testing.T) {
	topics := func(t *testing.T, lines ...string) topology.Filter {
		t.Helper()
		return mustLoadJava(t, lines...).Flows[0].Topics
	}
	t.Run("testTopicMatching", func(t *testing.T) {
		checkMatches(t, topics(t, "topics = topic1"), map[string]bool{"topic1": true, "topic2": false, "topic11": false, "": false})
		checkMatches(t, topics(t, "topics = t.*", "topics.exclude = t2"), map[string]bool{"t1": true, "t2": false, "x": false, "T1": false})
		checkMatches(t, topics(t, "topics = a.*, b.c, \\\\d+"), map[string]bool{"abc": true, "b-c": true, "42": true, "bc": false, "c": false})
	})
	t.Run("testNoTopics", func(t *testing.T) {
		checkMatches(t, topics(t, "topics ="), map[string]bool{"topic1": false, "": false})
	})
	t.Run("testAllTopics", func(t *testing.T) {
		checkMatches(t, topics(t, "topics = .*"), map[string]bool{
			"topic1": true, "orders.internal": true, "mm2-offset-syncs.b.internal": false, "x.replica": false, "__x": false,
		})
		checkMatches(t, topics(t), map[string]bool{"topic1": true, "mm2-configs.a.internal": false})
		checkMatches(t, topics(t, "topics.exclude ="), map[string]bool{"topic1": true, "x.replica": true})
	})
	t.Run("testListOfTopics", func(t *testing.T) {
		checkMatches(t, topics(t, "topics = topic1, topic2"), map[string]bool{"topic1": true, "topic2": true, "topic3": false, "topic1, topic2": false})
	})
	t.Run("testConfigPropertyMatching", func(t *testing.T) {
		excluded := mustLoadJava(t, "config.properties.exclude = prop1, p.*2").Flows[0].ConfigExclude
		checkMatches(t, excluded, map[string]bool{"prop1": true, "prop2": true, "prop3": false, "xprop1": false})
		checkMatches(t, mustLoadJava(t).Flows[0].ConfigExclude, map[string]bool{
			"min.insync.replicas": true, "message.timestamp.type": true, "retention.ms": false, "cleanup.policy": false,
		})
	})
	t.Run("testNonMutationOfConfigDef", func(t *testing.T) {
		wantProblem(t, "a->b.task.assigned.partitions: unknown key", "a->b.task.assigned.partitions = t-0")
	})
	t.Run("testOffsetSyncsTopic", testOffsetSyncsTopic)
	t.Run("testProducerConfigsForOffsetSyncsTopic", func(t *testing.T) { testOffsetSyncsCluster(t, "producer") })
	t.Run("testAdminConfigsForOffsetSyncsTopic", func(t *testing.T) { testOffsetSyncsCluster(t, "admin") })
}

// testOffsetSyncsTopic checks the name by location: it has the alias of the
// cluster on which the topic does not live.
func testOffsetSyncsTopic(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"by default", nil, "mm2-offset-syncs.b.internal"},
		{"source", []string{"offset-syncs.topic.location = source"}, "mm2-offset-syncs.b.internal"},
		{"target", []string{"offset-syncs.topic.location = target"}, "mm2-offset-syncs.a.internal"},
		{"separator", []string{"replication.policy.separator = _"}, "mm2-offset-syncs_b_internal"},
		{
			"separator but not for internal topics",
			[]string{"replication.policy.separator = _", "replication.policy.internal.topic.separator.enabled = false"},
			"mm2-offset-syncs.b.internal",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mustLoadJava(t, tt.lines...).Flows[0]
			other := f.ID.Target
			if f.OffsetSyncs.Location == "target" {
				other = f.ID.Source
			}
			if got := f.Policy.OffsetSyncsTopic(other); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// testOffsetSyncsCluster checks that the clients of the offset syncs topic
// reach the cluster on which it lives.
func testOffsetSyncsCluster(t *testing.T, role string) {
	c := readerOf(t, "clusters = a, b\na.bootstrap.servers = one:9092\nb.bootstrap.servers = two:9092\n"+
		"a->b.source."+role+".client.id = s\na->b.target."+role+".client.id = t").raw.connectorConfig(ab)
	checkResolved(t, []resolved{
		{"on the source", c.clientConfig("source", role), "bootstrap.servers", "one:9092"},
		{"on the source", c.clientConfig("source", role), "client.id", "s"},
		{"on the target", c.clientConfig("target", role), "bootstrap.servers", "two:9092"},
		{"on the target", c.clientConfig("target", role), "client.id", "t"},
	})
}

// The cases of Java's MirrorCheckpointConfigTest.
// testTaskConfigConsumerGroups is left out: mm2 has no tasks.
func TestMirrorCheckpointConfigTest(t *testing.T) {
	groups := func(t *testing.T, lines ...string) topology.Filter {
		t.Helper()
		return mustLoadJava(t, lines...).Flows[0].Groups.Filter
	}
	t.Run("testGroupMatching", func(t *testing.T) {
		checkMatches(t, groups(t, "groups = group1"), map[string]bool{"group1": true, "group2": false})
		checkMatches(t, groups(t, "groups = a.*", "groups.exclude = ab"), map[string]bool{"a": true, "ab": false, "b": false})
		checkMatches(t, groups(t), map[string]bool{"app": true, "console-consumer-1": false, "connect-sink": false, "__x": false})
		checkMatches(t, groups(t, "groups ="), map[string]bool{"app": false})
	})
	t.Run("testNonMutationOfConfigDef", func(t *testing.T) {
		wantProblem(t, "a->b.task.assigned.groups: unknown key", "a->b.task.assigned.groups = g")
	})
	t.Run("testConsumerConfigsForOffsetSyncsTopic", func(t *testing.T) { testOffsetSyncsCluster(t, "consumer") })
	t.Run("testSkipValidationIfConnectorDisabled", func(t *testing.T) {
		c := mustLoadJava(t, "b->a.enabled = false", "b->a.emit.checkpoints.enabled = false", "b->a.emit.offset-syncs.enabled = false")
		if len(c.Warnings) > 0 {
			t.Errorf("a flow that is off is complained about: %v", c.Warnings)
		}
	})
	// Java refuses an enabled flow with one of the two; mm2 copies it without
	// what is switched off, and says so.
	t.Run("testValidateIfConnectorEnabled", func(t *testing.T) {
		c := mustLoadJava(t, "a->b.emit.checkpoints.enabled = false", "emit.offset-syncs.enabled = false")
		for _, text := range []string{"a->b.emit.checkpoints.enabled = false: writes no checkpoints", "emit.offset-syncs.enabled = false: writes no offset syncs"} {
			if !warned(c, text) {
				t.Errorf("no warning with %q: %v", text, c.Warnings)
			}
		}
		if f := c.Flows[0]; f.Checkpoints.Emit || f.OffsetSyncs.Emit || !f.Copy {
			t.Errorf("checkpoints %t, offset syncs %t, copies %t", f.Checkpoints.Emit, f.OffsetSyncs.Emit, f.Copy)
		}
	})
}

// The cases of Java's MirrorSourceConnectorTest about exactly-once. Java can
// give it only where the source consumer reads committed; mm2 commits records
// and marks together whatever the source is read with.
func TestMirrorSourceConnectorTest(t *testing.T) {
	t.Run("testExactlyOnceSupport", func(t *testing.T) {
		const committed, uncommitted = " = read_committed", " = read_uncommitted"
		for _, tt := range []struct {
			name  string
			lines []string
			want  bool // uncommitted
		}{
			{"unset", nil, false},
			{"committed", []string{"a->b.consumer.isolation.level" + committed}, false},
			{"uncommitted", []string{"a->b.consumer.isolation.level" + uncommitted}, true},
			{"source. beats consumer.", []string{"a->b.consumer.isolation.level" + uncommitted, "a->b.source.consumer.isolation.level" + committed}, false},
			{"source. beats consumer., the other way", []string{"a->b.consumer.isolation.level" + committed, "a->b.source.consumer.isolation.level" + uncommitted}, true},
			{"of the cluster", []string{"a.consumer.isolation.level" + uncommitted}, true},
			{"of the target", []string{"b.consumer.isolation.level" + uncommitted}, false},
		} {
			f := mustLoadJava(t, tt.lines...).Flows[0]
			if f.ReadUncommitted != tt.want || f.Delivery != ExactlyOnce {
				t.Errorf("%s: reads uncommitted %t, want %t; delivery %s", tt.name, f.ReadUncommitted, tt.want, f.Delivery)
			}
		}
	})
	t.Run("testExactlyOnceSupportValidation", func(t *testing.T) {
		for _, support := range []string{"required", "requested"} {
			for _, isolation := range []string{"read_committed", "read_uncommitted"} {
				c := mustLoadJava(t, "a->b.exactly.once.support = "+support, "a->b.consumer.isolation.level = "+isolation)
				if f := c.Flows[0]; f.Delivery != ExactlyOnce {
					t.Errorf("%s with %s: %s", support, isolation, f.Delivery)
				}
			}
		}
	})
}
