package topology_test

import (
	"slices"
	"testing"

	"mm2/topology"
)

// TestMirrorClientTest is Java's MirrorClientTest, but for what reads
// checkpoints, which is checkpoint.TestMirrorClientTest.
func TestMirrorClientTest(t *testing.T) {
	dot := topology.NewDefaultPolicy(".", "")
	identity := topology.NewIdentityPolicy("primary", ".", "")
	heartbeats := []string{"topic1", "topic2", "heartbeats", "source1.heartbeats", "source1.source2.heartbeats", "source3.source4.source5.heartbeats"}

	t.Run("testIsHeartbeatTopic", func(t *testing.T) {
		expectNames(t, dot.IsHeartbeatsTopic, map[string]bool{
			"heartbeats": true, "source1.heartbeats": true, "source2.source1.heartbeats": true,
			"heartbeats!": false, "!heartbeats": false, "source1heartbeats": false, "source1-heartbeats": false,
		})
	})
	t.Run("testIsCheckpointTopic", func(t *testing.T) {
		expectNames(t, dot.IsCheckpointsTopic, map[string]bool{
			"source1.checkpoints.internal": true,
			"checkpoints.internal":         false, "checkpoints-internal": false, "checkpoints.internal!": false,
			"!checkpoints.internal": false, "source1checkpointsinternal": false,
		})
	})
	t.Run("countHopsForTopicTest", func(t *testing.T) {
		tests := []struct {
			topic, upstream string
			want            int // 0: the name does not lead there
		}{
			{"topic", "source", 0},
			{"source", "source", 0},
			{"sourcetopic", "source", 0},
			{"source1.topic", "source2", 0},
			{"source1.topic", "source1", 1},
			{"source2.source1.topic", "source2", 1},
			{"source2.source1.topic", "source1", 2},
			{"source3.source2.source1.topic", "source1", 3},
			{"source3.source2.source1.topic", "source4", 0},
			{"a.b.a.c.topic", "c", 0}, // the name leads in a circle
		}
		for _, tt := range tests {
			got, ok := topology.TopicHops(dot, tt.topic, topology.Alias(tt.upstream))
			if got != tt.want || ok != (tt.want > 0) {
				t.Errorf("%s to %s: %d, %t; want %d", tt.topic, tt.upstream, got, ok, tt.want)
			}
		}
	})
	t.Run("heartbeatTopicsTest", func(t *testing.T) {
		topics := []string{"topic1", "topic2", "heartbeats", "source1.heartbeats", "source2.source1.heartbeats", "source3.heartbeats"}
		expectList(t, topology.HeartbeatTopics(dot, topics), "heartbeats", "source1.heartbeats", "source2.source1.heartbeats", "source3.heartbeats")
	})
	t.Run("checkpointsTopicsTest", func(t *testing.T) {
		topics := []string{
			"topic1", "topic2", "checkpoints.internal",
			"source1.checkpoints.internal", "source2.source1.checkpoints.internal", "source3.checkpoints.internal",
		}
		expectList(t, topology.CheckpointTopics(dot, topics), "source1.checkpoints.internal", "source2.source1.checkpoints.internal", "source3.checkpoints.internal")
	})
	t.Run("replicationHopsTest", func(t *testing.T) {
		topics := []string{"topic1", "topic2", "heartbeats", "source1.heartbeats", "source1.source2.heartbeats", "source3.heartbeats", "source4.source3.heartbeats"}
		for upstream, want := range map[topology.Alias]int{"source1": 1, "source2": 2, "source3": 1, "source4": 1, "source5": 0} {
			if got, ok := topology.ReplicationHops(dot, topics, upstream); got != want || ok != (want > 0) {
				t.Errorf("%s: %d, %t; want %d", upstream, got, ok, want)
			}
		}
	})
	t.Run("upstreamClustersTest", func(t *testing.T) {
		expectList(t, topology.UpstreamClusters(dot, heartbeats), "source1", "source2", "source3", "source4", "source5")
		expectList(t, topology.UpstreamClusters(dot, []string{"a.b.a.heartbeats", "source1.topic"}), "a", "b")
	})
	t.Run("testIdentityReplicationUpstreamClusters", func(t *testing.T) {
		expectList(t, topology.UpstreamClusters(identity, heartbeats), "source1", "source2", "source3", "source4", "source5")
	})
	t.Run("remoteTopicsTest", func(t *testing.T) {
		topics := []string{"topic1", "topic2", "topic3", "source1.topic4", "source1.source2.topic5", "source3.source4.source5.topic6", "source1.checkpoints.internal"}
		expectList(t, topology.RemoteTopics(dot, topics), "source1.source2.topic5", "source1.topic4", "source3.source4.source5.topic6")
		expectList(t, topology.RemoteTopicsOf(dot, topics, "source1"), "source1.source2.topic5", "source1.topic4")
		expectList(t, topology.RemoteTopicsOf(dot, topics, "source2"))
	})
	t.Run("testIdentityReplicationRemoteTopics", func(t *testing.T) {
		topics := []string{"topic1", "topic2", "topic3", "heartbeats", "backup.heartbeats"}
		// Names do not tell, so every topic counts as a copy.
		expectList(t, topology.RemoteTopics(identity, topics), "backup.heartbeats", "topic1", "topic2", "topic3")
		expectList(t, topology.RemoteTopicsOf(identity, topics, "backup"), "backup.heartbeats")
	})
	t.Run("remoteTopicsSeparatorTest", func(t *testing.T) {
		topics := []string{"topic1", "topic2", "topic3", "source1__topic4", "source1__source2__topic5", "source3__source4__source5__topic6"}
		got := topology.RemoteTopics(topology.NewDefaultPolicy("__", ""), topics)
		expectList(t, got, "source1__source2__topic5", "source1__topic4", "source3__source4__source5__topic6")
	})
	t.Run("testIdentityReplicationTopicSource", func(t *testing.T) {
		for topic, want := range map[string]string{"topic1": "primary", "backup.heartbeats": "backup", "heartbeats": "-"} {
			if got := factsOf(identity, topic).source; got != want {
				t.Errorf("%s is from %s, want %s", topic, got, want)
			}
		}
	})
}

// TestReplicationPolicyTest is Java's ReplicationPolicyTest.
func TestReplicationPolicyTest(t *testing.T) {
	plain := topology.NewDefaultPolicy("__", "")
	dotted := topology.NewDefaultPolicy("__", ".") // replication.policy.internal.topic.separator.enabled=false
	t.Run("testInternalTopic", func(t *testing.T) {
		expectNames(t, topology.NewDefaultPolicy(".", "").IsInternalTopic, map[string]bool{
			"__consumer_offsets": true, ".any": true, "mm2-offsets.CLUSTER.internal": true,
			"orders": false, "orders.internal": false,
		})
		// Java copies it unless topics.exclude says otherwise; mm2 never does.
		expectNames(t, topology.NewDefaultPolicy(".", "").IsMM2InternalTopic, map[string]bool{"mm2-offsets_CLUSTER_internal": false})
	})
	names := []struct{ name, got, want string }{
		{"offsetSyncsTopic_shouldBeEffectedByInternalTopicSeparatorEnabled/on", plain.OffsetSyncsTopic("CLUSTER"), "mm2-offset-syncs__CLUSTER__internal"},
		{"offsetSyncsTopic_shouldBeEffectedByInternalTopicSeparatorEnabled/off", dotted.OffsetSyncsTopic("CLUSTER"), "mm2-offset-syncs.CLUSTER.internal"},
		{"checkpointsTopic_shouldBeEffectedByInternalTopicSeparatorEnabled/on", plain.CheckpointsTopic("CLUSTER"), "CLUSTER__checkpoints__internal"},
		{"checkpointsTopic_shouldBeEffectedByInternalTopicSeparatorEnabled/off", dotted.CheckpointsTopic("CLUSTER"), "CLUSTER.checkpoints.internal"},
		{"heartbeatsTopic_shouldNotBeEffectedByInternalTopicSeparatorConfig/on", plain.HeartbeatsTopic(), "heartbeats"},
		{"heartbeatsTopic_shouldNotBeEffectedByInternalTopicSeparatorConfig/off", dotted.HeartbeatsTopic(), "heartbeats"},
	}
	for _, tt := range names {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func expectNames(t *testing.T, is func(string) bool, want map[string]bool) {
	t.Helper()
	for topic, w := range want {
		if got := is(topic); got != w {
			t.Errorf("%s: %t, want %t", topic, got, w)
		}
	}
}

func expectList[T comparable](t *testing.T, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
