package topology_test

import (
	"testing"

	"mm2/topology"
)

func filter(t testing.TB, include, exclude []string) topology.Filter {
	t.Helper()
	f, err := topology.NewFilter(include, exclude)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestIsCycle(t *testing.T) {
	dot := topology.NewDefaultPolicy(".", "")
	identity := topology.NewIdentityPolicy("source", ".", "")
	tests := []struct {
		name   string
		policy topology.Policy
		target topology.Alias
		topic  string
		want   bool
	}{
		{"from the target", dot, "target", "target.t", true},
		{"target behind source", dot, "target", "source.target.t", true},
		{"source behind target", dot, "target", "target.source.t", true},
		{"target in the middle", dot, "target", "source.target.source.t", true},
		{"plain", dot, "target", "t", false},
		{"from elsewhere", dot, "target", "source.t", false},
		{"only begins like the target", dot, "target", "targets.t", false},
		{"target and nothing more", dot, "target", "target.", false},
		{"an alias with the separator in it", dot, "us.west", "us.west.t", true},
		{"the same behind a hop", dot, "us.west", "eu.us.west.t", true},
		{"another that begins the same", dot, "us.west", "us.east.t", false},
		{"identity data", identity, "target", "target.t", false},
		{"identity heartbeats", identity, "target", "target.heartbeats", true},
		{"identity heartbeats of the source", identity, "target", "source.heartbeats", false},
		{"identity heartbeats that went round", identity, "target", "source.target.heartbeats", true},
		{"underscore", topology.NewDefaultPolicy("_", ""), "target", "source_target_t", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := topology.IsCycle(tt.policy, tt.target, tt.topic); got != tt.want {
				t.Errorf("IsCycle(%s, %s) = %t, want %t", tt.target, tt.topic, got, tt.want)
			}
		})
	}
}

func TestFlowReplicates(t *testing.T) {
	flow := func(p topology.Policy, heartbeats bool, include, exclude []string) topology.Flow {
		return topology.Flow{
			ID: topology.FlowID{Source: "A", Target: "B"}, Policy: p, Topics: filter(t, include, exclude),
			Copy: true, ReplicateHeartbeats: heartbeats,
		}
	}
	dot, underscore, dash := topology.NewDefaultPolicy(".", ""), topology.NewDefaultPolicy("_", ""), topology.NewDefaultPolicy("-", "")
	all, nothing := []string{".*"}, []string(nil)
	idle := flow(dot, true, all, nil)
	idle.Copy = false
	tests := []struct {
		name  string
		flow  topology.Flow
		topic string
		want  bool
	}{
		{"selected", flow(dot, true, []string{"orders"}, nil), "orders", true},
		{"not selected", flow(dot, true, []string{"orders"}, nil), "users", false},
		{"excluded", flow(dot, true, all, []string{"ord.*"}), "orders", false},
		{"does not copy", idle, "orders", false},
		{"comes from the target", flow(dot, true, all, nil), "B.orders", false},
		{"comes from a third", flow(dot, true, all, nil), "C.orders", true},
		{"looks like a copy of the source itself", flow(dot, true, all, nil), "A.orders", true},
		{"broker internal", flow(dot, true, all, nil), "__consumer_offsets", false},
		{"checkpoints", flow(dot, true, all, nil), "C.checkpoints.internal", false},
		{"user's internal", flow(dot, true, all, nil), "app.internal", true},
		{"heartbeats despite the filter", flow(dot, true, nothing, nil), "heartbeats", true},
		{"remote heartbeats despite the filter", flow(dot, true, nothing, nil), "C.heartbeats", true},
		{"heartbeats despite the exclude", flow(dot, true, all, []string{"heartbeats"}), "heartbeats", true},
		{"heartbeats by the filter", flow(dot, false, all, nil), "heartbeats", true},
		{"no heartbeats", flow(dot, false, nothing, nil), "heartbeats", false},
		{"heartbeats of the target", flow(dot, true, all, nil), "B.heartbeats", false},
		{"no heartbeats under another separator", flow(underscore, true, nothing, nil), "us-west.heartbeats", false},
		{"lanes", flow(dot, true, all, nil), "mm2-lanes.C.internal", false},
		{"lanes, _", flow(underscore, true, all, nil), "mm2-lanes.C.internal", false},
		{"lanes, -", flow(dash, true, all, nil), "mm2-lanes.C.internal", false},
		{"lanes, identity", flow(topology.NewIdentityPolicy("A", ".", ""), true, all, nil), "mm2-lanes.C.internal", false},
		{"connect offsets, _", flow(underscore, true, all, nil), "mm2-offsets.C.internal", false},
		{"syncs made with another separator", flow(dot, true, all, nil), "mm2-offset-syncs_C_internal", false},
		{"only begins like mm2's", flow(dot, true, all, nil), "mm2-orders", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.flow.Replicates(tt.topic); got != tt.want {
				t.Errorf("Replicates(%s) = %t, want %t", tt.topic, got, tt.want)
			}
		})
	}
}

func TestParseFlowID(t *testing.T) {
	tests := []struct {
		in   string
		want topology.FlowID
		ok   bool
	}{
		{"A->B", topology.FlowID{Source: "A", Target: "B"}, true},
		{" us-west -> eu ", topology.FlowID{Source: "us-west", Target: "eu"}, true},
		{"A->", topology.FlowID{}, false},
		{"->B", topology.FlowID{}, false},
		{"A-B", topology.FlowID{}, false},
		{"A->B->C", topology.FlowID{}, false},
		{"", topology.FlowID{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			if got, ok := topology.ParseFlowID(tt.in); got != tt.want || ok != tt.ok {
				t.Errorf("got %v, %t, want %v, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}

// TestSourceAndTargetTest is Java's: flows are values that can be compared.
func TestSourceAndTargetTest(t *testing.T) {
	t.Run("testEquals", func(t *testing.T) {
		ab := topology.FlowID{Source: "A", Target: "B"}
		seen := map[topology.FlowID]bool{ab: true}
		for id, want := range map[topology.FlowID]bool{
			{Source: "A", Target: "B"}: true, {Source: "B", Target: "A"}: false, {Source: "A", Target: "C"}: false,
			{Source: "C", Target: "B"}: false, ab.Reverse().Reverse(): true,
		} {
			if (id == ab) != want || seen[id] != want {
				t.Errorf("%s equals %s: %t, want %t", id, ab, id == ab, want)
			}
		}
	})
}

// TestMirrorSourceConnectorTest are the cases of Java's MirrorSourceConnectorTest
// about which topics are copied, and by whom.
func TestMirrorSourceConnectorTest(t *testing.T) {
	dot := topology.NewDefaultPolicy(".", "")
	underscore := topology.NewDefaultPolicy("_", "")
	identity := topology.NewIdentityPolicy("source", ".", "")
	flow := func(p topology.Policy, heartbeats bool, include ...string) topology.Flow {
		return topology.Flow{
			ID: topology.FlowID{Source: "source", Target: "target"}, Policy: p, Topics: filter(t, include, nil),
			Copy: true, ReplicateHeartbeats: heartbeats,
		}
	}
	for _, tt := range []struct {
		name string
		flow topology.Flow
		want map[string]bool
	}{
		{"testReplicatesHeartbeatsByDefault", flow(dot, true, ".*"), map[string]bool{"heartbeats": true, "us-west.heartbeats": true}},
		{"testReplicatesHeartbeatsDespiteFilter", flow(dot, true), map[string]bool{"heartbeats": true, "us-west.heartbeats": true, "topic": false}},
		{"testReplicatesHeartbeatsDespiteFilter with _", flow(underscore, true), map[string]bool{"heartbeats": true, "us-west_heartbeats": true, "us-west.heartbeats": false}},
		{"testDoesNotReplicateHeartbeatsWhenDisabled", flow(dot, false), map[string]bool{"heartbeats": false, "us-west.heartbeats": false}},
		{"testReplicatesHeartbeatsWhenDisabledButFilterAllows", flow(dot, false, ".*"), map[string]bool{"heartbeats": true, "us-west.heartbeats": true}},
		{"testNoCycles", flow(dot, true, ".*"), map[string]bool{
			"target.topic1": false, "target.source.topic1": false, "source.target.topic1": false, "source.target.source.topic1": false,
			"topic1": true, "source.topic1": true,
		}},
		// Names of data never tell, those of heartbeats do. What keeps data from
		// going round is provenance.
		{"testIdentityReplication", flow(identity, true, ".*"), map[string]bool{
			"target.topic1": true, "target.source.topic1": true, "source.target.topic1": true, "topic1": true, "source.topic1": true,
			"target.heartbeats": false, "target.source.heartbeats": false, "source.target.heartbeats": false,
			"source.heartbeats": true, "heartbeats": true,
		}},
		{"testIsCycleWithNullUpstreamTopic", flow(dot, true, ".*"), map[string]bool{"target.": true, "x.": true, "..": false}},
	} {
		t.Run(tt.name, func(t *testing.T) { expectNames(t, tt.flow.Replicates, tt.want) })
	}
	// Java deals partitions to tasks in turn. Here each topic is spread over the
	// lanes by itself, and a lane does not depend on other topics.
	t.Run("testMirrorSourceConnectorTaskConfig", func(t *testing.T) {
		const lanes = 3
		for topic, partitions := range map[string]int32{"t0": 8, "t1": 2, "t2": 2} {
			var count [lanes]int
			for p := range partitions {
				count[topology.Lane(topology.Partition{Topic: topic, Partition: p}, lanes)]++
			}
			for lane, n := range count {
				if most := (int(partitions) + lanes - 1) / lanes; n > most || n < int(partitions)/lanes {
					t.Errorf("lane %d has %d of the %d partitions of %s", lane, n, partitions, topic)
				}
			}
		}
	})
}
