package topology_test

import (
	"strings"
	"testing"

	"mm2/topology"
)

func TestExpand(t *testing.T) {
	ab := topology.FlowID{Source: "A", Target: "B"}
	hub := topology.Declaration{Kind: topology.HubAndSpoke, Hub: "H", Spokes: []topology.Alias{"A", "B"}}
	direction := func(d topology.Direction) topology.Declaration { hub := hub; hub.Direction = d; return hub }
	tests := []struct {
		name string
		in   topology.Declaration
		want string
	}{
		{"active-standby", topology.Declaration{Kind: topology.ActiveStandby, Active: "A", Standby: "B"}, "A->B"},
		{"active-active", topology.Declaration{Kind: topology.ActiveActive, Clusters: []topology.Alias{"A", "B"}}, "A->B B->A"},
		{
			"active-active of three",
			topology.Declaration{Kind: topology.ActiveActive, Clusters: []topology.Alias{"A", "B", "C"}},
			"A->B A->C B->A B->C C->A C->B",
		},
		{"hub by default", hub, "A->H B->H"},
		{"hub in", direction(topology.In), "A->H B->H"},
		{"hub out", direction(topology.Out), "H->A H->B"},
		{"hub both", direction(topology.Both), "A->H H->A B->H H->B"},
		{"custom", topology.Declaration{Kind: topology.Custom, Flows: []topology.FlowID{ab, ab.Reverse()}}, "A->B B->A"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			flows, err := tt.in.Expand()
			if err != nil {
				t.Fatal(err)
			}
			if got := flowList(flows); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func flowList(flows []topology.FlowID) string {
	names := make([]string, len(flows))
	for i, id := range flows {
		names[i] = id.String()
	}
	return strings.Join(names, " ")
}

func TestExpandRefuses(t *testing.T) {
	tests := []struct {
		name string
		in   topology.Declaration
		want string
	}{
		{"nothing", topology.Declaration{}, `kind is missing: want one of "active-standby", "active-active", "hub-and-spoke", "custom"`},
		{"kind", topology.Declaration{Kind: "ring"}, `kind = "ring": want one of "active-standby", "active-active", "hub-and-spoke", "custom"`},
		{
			"active-standby of nothing",
			topology.Declaration{Kind: topology.ActiveStandby},
			"active is missing: want the cluster that is written to\nstandby is missing: want the cluster that is copied to",
		},
		{
			"active-standby of one",
			topology.Declaration{Kind: topology.ActiveStandby, Active: "A", Standby: "A"},
			`standby = "A": want another cluster than active`,
		},
		{
			"active-active of one",
			topology.Declaration{Kind: topology.ActiveActive, Clusters: []topology.Alias{"A"}},
			`clusters = "A": want two or more clusters`,
		},
		{
			"active-active with a repeat",
			topology.Declaration{Kind: topology.ActiveActive, Clusters: []topology.Alias{"A", "B", "A", "A"}},
			`clusters = "A": listed more than once`,
		},
		{
			"hub without anything",
			topology.Declaration{Kind: topology.HubAndSpoke, Direction: "up"},
			"hub is missing: want the cluster in the middle\n" +
				"spokes is missing: want one or more clusters around the hub\n" +
				`direction = "up": want one of "in", "out", "both"`,
		},
		{
			"hub as spoke",
			topology.Declaration{Kind: topology.HubAndSpoke, Hub: "H", Spokes: []topology.Alias{"H"}},
			`spokes = "H": the hub cannot be a spoke`,
		},
		{"custom of nothing", topology.Declaration{Kind: topology.Custom}, `flows is missing: want one or more flows, for example ["A->B"]`},
		{
			"custom to itself",
			topology.Declaration{Kind: topology.Custom, Flows: []topology.FlowID{{Source: "A", Target: "A"}, {Source: "A"}}},
			"flows = \"A->A\": a cluster cannot be copied to itself\nflows = \"A->\": want a source and a target, for example \"A->B\"",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.in.Expand()
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
