package topology_test

import (
	"math"
	"testing"

	"mm2/topology"
)

func TestNames(t *testing.T) {
	id := topology.FlowID{Source: "A", Target: "B"}
	tests := []struct{ name, got, want string }{
		{"flow", id.String(), "A->B"},
		{"reverse", id.Reverse().String(), "B->A"},
		{"lanes topic", topology.LanesTopic("A"), "mm2-lanes.A.internal"},
		{"lane group", topology.LaneGroup(id), "mm2-A->B"},
		{"transactional id", topology.TransactionalID(id, 7), "mm2-A-B-7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

// The numbers are fixed: workers of different versions share lanes, and marks
// are kept by lane.
func TestLaneIsStable(t *testing.T) {
	tests := []struct {
		p     topology.Partition
		lanes int
		want  int
	}{
		{topology.Partition{Topic: "orders", Partition: 0}, 8, 4},
		{topology.Partition{Topic: "orders", Partition: 1}, 8, 5},
		{topology.Partition{Topic: "orders", Partition: 5}, 8, 1},
		{topology.Partition{Topic: "users", Partition: 0}, 8, 3},
		{topology.Partition{Topic: "", Partition: 0}, 1, 0},
		{topology.Partition{Topic: "orders", Partition: math.MaxInt32}, 1000, 467},
	}
	for _, tt := range tests {
		if got := topology.Lane(tt.p, tt.lanes); got != tt.want {
			t.Errorf("Lane(%v, %d) = %d, want %d", tt.p, tt.lanes, got, tt.want)
		}
	}
}

func TestLaneSpreadsATopicEvenly(t *testing.T) {
	for _, lanes := range []int{1, 3, 8, 64} {
		for _, topic := range []string{"orders", "a", "a-much-longer-topic.name_1"} {
			count := make([]int, lanes)
			for p := range int32(10 * lanes) {
				count[topology.Lane(topology.Partition{Topic: topic, Partition: p}, lanes)]++
			}
			for lane, n := range count {
				if n != 10 {
					t.Errorf("lane %d of %d has %d of %s's partitions, want 10", lane, lanes, n, topic)
				}
			}
		}
	}
}

func TestIsReserved(t *testing.T) {
	tests := []struct {
		topic string
		want  bool
	}{
		{"mm2-lanes.A.internal", true},
		{"mm2-offset-syncs_A_internal", true},
		{"mm2-offset-syncs-B-internal", true},
		{"mm2-x.internal", true},
		{"mm2-internal", false},
		{"mm2-orders", false},
		{"mm2.internal", false},
		{"orders.internal", false},
		{"A.mm2-lanes.A.internal", false},
	}
	for _, tt := range tests {
		if got := topology.IsReserved(tt.topic); got != tt.want {
			t.Errorf("IsReserved(%s) = %t, want %t", tt.topic, got, tt.want)
		}
	}
}
