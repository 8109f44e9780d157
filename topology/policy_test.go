package topology_test

import (
	"testing"

	"mm2/topology"
)

// topicFacts is what a policy reads from a name; "-" stands for "nothing".
type topicFacts struct {
	topic, source, upstream, original string
	heartbeats, mm2Internal, internal bool
}

func factsOf(p topology.Policy, topic string) topicFacts {
	facts := topicFacts{
		topic: topic, source: "-", upstream: "-", original: p.OriginalTopic(topic),
		heartbeats: p.IsHeartbeatsTopic(topic), mm2Internal: p.IsMM2InternalTopic(topic), internal: p.IsInternalTopic(topic),
	}
	if source, ok := p.TopicSource(topic); ok {
		facts.source = string(source)
	}
	if upstream, ok := p.UpstreamTopic(topic); ok {
		facts.upstream = upstream
	}
	return facts
}

// The vectors were made by running DefaultReplicationPolicy and
// IdentityReplicationPolicy of Kafka 4.3.1. Where mm2 counts more as internal
// than Java does, mm2Internal is Java's answer and internal is ours.
func TestPolicyReadsNames(t *testing.T) {
	dot := topology.NewDefaultPolicy(".", "")
	underscore := topology.NewDefaultPolicy("_", "")
	double := topology.NewDefaultPolicy("__", "")
	dash := topology.NewDefaultPolicy("-", "")
	identity := topology.NewIdentityPolicy("A", ".", "")
	tests := []struct {
		name   string
		policy topology.Policy
		want   topicFacts
	}{
		{"plain", dot, topicFacts{"orders", "-", "-", "orders", false, false, false}},
		{"one hop", dot, topicFacts{"A.orders", "A", "orders", "orders", false, false, false}},
		{"two hops", dot, topicFacts{"B.A.orders", "B", "A.orders", "orders", false, false, false}},
		{"empty source", dot, topicFacts{".x", "", "x", "x", false, false, true}},
		{"trailing separator", dot, topicFacts{"x.", "-", "-", "x.", false, false, false}},
		{"only a separator", dot, topicFacts{".", "-", "-", ".", false, false, true}},
		{"empty middle", dot, topicFacts{"a..b", "a", ".b", "b", false, false, false}},
		{"user topic ending in internal", dot, topicFacts{"foo.internal", "foo", "internal", "internal", false, false, false}},
		{"dashed internal", dot, topicFacts{"foo-internal", "-", "-", "foo-internal", false, false, false}},
		{"connect", dot, topicFacts{"connect-offsets", "-", "-", "connect-offsets", false, false, false}},
		{"mm2 configs", dot, topicFacts{"mm2-configs.A.internal", "mm2-configs", "A.internal", "internal", false, true, true}},
		{"mm2 anything", dot, topicFacts{"mm2-x.internal", "mm2-x", "internal", "internal", false, true, true}},
		{"mm2 offsets", dot, topicFacts{"mm2-offsets.CLUSTER.internal", "mm2-offsets", "CLUSTER.internal", "internal", false, true, true}},
		{"mm2 offsets, other separator", dot, topicFacts{"mm2-offsets_CLUSTER_internal", "-", "-", "mm2-offsets_CLUSTER_internal", false, false, false}},
		{"mm2 lanes", dot, topicFacts{"mm2-lanes.A.internal", "mm2-lanes", "A.internal", "internal", false, true, true}},
		{"checkpoints", dot, topicFacts{"A.checkpoints.internal", "A", "checkpoints.internal", "internal", false, true, true}},
		{"checkpoints without a source", dot, topicFacts{"checkpoints.internal", "checkpoints", "internal", "internal", false, false, false}},
		{"checkpoints with dashes", dot, topicFacts{"checkpoints-internal", "-", "-", "checkpoints-internal", false, false, false}},
		{"checkpoints with a tail", dot, topicFacts{"A.checkpoints.internal!", "A", "checkpoints.internal!", "internal!", false, false, false}},
		{"broker internal", dot, topicFacts{"__consumer_offsets", "-", "-", "__consumer_offsets", false, false, true}},
		{"heartbeats", dot, topicFacts{"heartbeats", "-", "-", "heartbeats", true, false, false}},
		{"heartbeats after two hops", dot, topicFacts{"B.A.heartbeats", "B", "A.heartbeats", "heartbeats", true, false, false}},
		{"my heartbeats", dot, topicFacts{"myheartbeats", "-", "-", "myheartbeats", false, false, false}},

		{"_: one hop", underscore, topicFacts{"A_orders", "A", "orders", "orders", false, false, false}},
		{"_: empty middle", underscore, topicFacts{"A__orders", "A", "_orders", "orders", false, false, false}},
		{"_: broker internal", underscore, topicFacts{"__consumer_offsets", "", "_consumer_offsets", "offsets", false, false, true}},
		{"_: dotted heartbeats", underscore, topicFacts{"A.heartbeats", "-", "-", "A.heartbeats", false, false, false}},
		{"_: remote heartbeats", underscore, topicFacts{"A_heartbeats", "A", "heartbeats", "heartbeats", true, false, false}},
		{"_: checkpoints", underscore, topicFacts{"A_checkpoints_internal", "A", "checkpoints_internal", "internal", false, true, true}},
		{"_: connect's topics are mm2's", underscore, topicFacts{"mm2-configs.A.internal", "-", "-", "mm2-configs.A.internal", false, false, true}},
		{"_: lanes are mm2's", underscore, topicFacts{"mm2-lanes.A.internal", "-", "-", "mm2-lanes.A.internal", false, false, true}},
		{"__: not remote", double, topicFacts{"A_orders", "-", "-", "A_orders", false, false, false}},
		{"__: remote", double, topicFacts{"A__orders", "A", "orders", "orders", false, false, false}},
		{"__: odd number", double, topicFacts{"A___orders", "A", "_orders", "_orders", false, false, false}},
		{"-: connect's topics are mm2's", dash, topicFacts{"mm2-configs.A.internal", "mm2", "configs.A.internal", "configs.A.internal", false, false, true}},
		{"-: remote", dash, topicFacts{"A-t1", "A", "t1", "t1", false, false, false}},

		{"identity: plain", identity, topicFacts{"orders", "A", "orders", "orders", false, false, false}},
		{"identity: dotted", identity, topicFacts{"B.orders", "A", "B.orders", "B.orders", false, false, false}},
		{"identity: heartbeats", identity, topicFacts{"heartbeats", "-", "-", "heartbeats", true, false, false}},
		{"identity: remote heartbeats", identity, topicFacts{"A.heartbeats", "A", "heartbeats", "heartbeats", true, false, false}},
		{"identity: my heartbeats", identity, topicFacts{"myheartbeats", "-", "-", "myheartbeats", false, false, false}},
		{"identity: my.heartbeats", identity, topicFacts{"my.heartbeats", "my", "heartbeats", "heartbeats", true, false, false}},
		{"identity: no alias", topology.NewIdentityPolicy("", ".", ""), topicFacts{"orders", "-", "orders", "orders", false, false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := factsOf(tt.policy, tt.want.topic); got != tt.want {
				t.Errorf("facts of the name\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestPolicyMakesNames(t *testing.T) {
	dot := topology.NewDefaultPolicy(".", "")
	underscore := topology.NewDefaultPolicy("_", "")
	mixed := topology.NewDefaultPolicy("_", ".")
	double := topology.NewDefaultPolicy("__", "")
	identity := topology.NewIdentityPolicy("A", ".", "")
	tests := []struct{ name, got, want string }{
		{"default name", dot.Name(), "default"},
		{"identity name", identity.Name(), "identity"},
		{"empty separator is a dot", topology.NewDefaultPolicy("", "").RemoteTopic("A", "t"), "A.t"},
		{"remote", dot.RemoteTopic("A", "orders"), "A.orders"},
		{"remote, _", underscore.RemoteTopic("A", "orders"), "A_orders"},
		{"remote, mixed", mixed.RemoteTopic("A", "orders"), "A_orders"},
		{"heartbeats", dot.HeartbeatsTopic(), "heartbeats"},
		{"heartbeats, __", double.HeartbeatsTopic(), "heartbeats"},
		{"remote heartbeats, _", underscore.RemoteTopic("A", "heartbeats"), "A_heartbeats"},
		{"checkpoints", dot.CheckpointsTopic("A"), "A.checkpoints.internal"},
		{"checkpoints, _", underscore.CheckpointsTopic("A"), "A_checkpoints_internal"},
		{"checkpoints, mixed", mixed.CheckpointsTopic("A"), "A.checkpoints.internal"},
		{"checkpoints, __", double.CheckpointsTopic("CLUSTER"), "CLUSTER__checkpoints__internal"},
		{"syncs", dot.OffsetSyncsTopic("B"), "mm2-offset-syncs.B.internal"},
		{"syncs, _", underscore.OffsetSyncsTopic("B"), "mm2-offset-syncs_B_internal"},
		{"syncs, mixed", mixed.OffsetSyncsTopic("B"), "mm2-offset-syncs.B.internal"},
		{"syncs, __", double.OffsetSyncsTopic("CLUSTER"), "mm2-offset-syncs__CLUSTER__internal"},
		{"identity", identity.RemoteTopic("A", "orders"), "orders"},
		{"identity heartbeats", identity.RemoteTopic("A", "heartbeats"), "A.heartbeats"},
		{"identity remote heartbeats", identity.RemoteTopic("A", "A.heartbeats"), "A.A.heartbeats"},
		{"identity my heartbeats", identity.RemoteTopic("A", "myheartbeats"), "A.myheartbeats"},
		{"identity checkpoints", identity.CheckpointsTopic("A"), "A.checkpoints.internal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}
