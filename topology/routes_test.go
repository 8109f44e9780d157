package topology_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/topology"
)

// marked makes flows that keep names and mark records.
func marked(t testing.TB, when topology.Provenance, lines ...string) []topology.Flow {
	t.Helper()
	flows := flowsOf(t, lines...)
	for i := range flows {
		flows[i].Provenance = when
	}
	return flows
}

func carried(c *topology.Carried, clusters string) string {
	if c == nil {
		return "all"
	}
	var out strings.Builder
	for _, origin := range clusters {
		if as, ok := c.Of(topology.Alias(origin)); ok && as == topology.Alias(origin) {
			out.WriteRune(origin)
		}
	}
	return out.String()
}

func TestRoutes(t *testing.T) {
	const (
		auto   = topology.ProvenanceAuto
		always = topology.ProvenanceAlways
	)
	tests := []struct {
		name  string
		when  topology.Provenance
		flows []string          // identity, topic x
		want  map[string]string // flow: the origins it carries; "all": looks at nothing
	}{
		{"one way", auto, []string{"A->B"}, map[string]string{"A->B": "all"}},
		{"one way, always", always, []string{"A->B"}, map[string]string{"A->B": "A"}},
		{"both ways", auto, []string{"A->B", "B->A"}, map[string]string{"A->B": "A", "B->A": "B"}},
		{"off", topology.ProvenanceOff, []string{"A->B", "B->A"}, map[string]string{"A->B": "all", "B->A": "all"}},
		{"chain", auto, []string{"A->B", "B->C"}, map[string]string{"A->B": "all", "B->C": "all"}},
		{"chain, always", always, []string{"A->B", "B->C"}, map[string]string{"A->B": "A", "B->C": "AB"}},
		{
			"chain both ways", auto,
			[]string{"A->B", "B->A", "B->C", "C->B"},
			map[string]string{"A->B": "A", "B->A": "BC", "B->C": "AB", "C->B": "C"},
		},
		{
			"full mesh", auto,
			[]string{"A->B", "A->C", "B->A", "B->C", "C->A", "C->B"},
			map[string]string{"A->B": "A", "A->C": "A", "B->A": "B", "B->C": "B", "C->A": "C", "C->B": "C"},
		},
		{
			"ring", auto,
			[]string{"A->B", "B->C", "C->D", "D->A"},
			map[string]string{"A->B": "ACD", "B->C": "ABD", "C->D": "ABC", "D->A": "BCD"},
		},
		{
			"hub", auto,
			[]string{"H->A", "A->H", "H->B", "B->H", "H->C", "C->H"},
			map[string]string{"H->A": "BCH", "A->H": "A", "H->B": "ACH", "B->H": "B", "H->C": "ABH", "C->H": "C"},
		},
		{"spokes in", auto, []string{"A->H", "B->H"}, map[string]string{"A->H": "A", "B->H": "B"}},
		{"hub out", auto, []string{"H->A", "H->B"}, map[string]string{"H->A": "all", "H->B": "all"}},
		{
			"two ways to one cluster", auto,
			[]string{"A->B", "A->C", "B->D", "C->D"},
			map[string]string{"A->B": "A", "A->C": "A", "B->D": "AB", "C->D": "C"},
		},
		{
			"a shorter way", auto,
			[]string{"A->B", "B->C", "A->C"},
			map[string]string{"A->B": "A", "B->C": "B", "A->C": "A"},
		},
		{
			"two meshes side by side", auto,
			[]string{"A->B", "B->A", "C->D"},
			map[string]string{"A->B": "A", "B->A": "B", "C->D": "all"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := make([]string, len(tt.flows))
			for i, f := range tt.flows {
				lines[i] = f + " identity x"
			}
			flows := marked(t, tt.when, lines...)
			slices.Reverse(flows) // their order does not matter
			routes := topology.NewRoutes(flows)
			got := map[string]string{}
			for _, f := range flows {
				got[f.ID.String()] = carried(routes.Topic(f.ID, "x"), "ABCDH")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("carried (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRoutesByTopic(t *testing.T) {
	routes := topology.NewRoutes(append(
		marked(t, topology.ProvenanceAuto, "A->B identity both a-only .*heartbeats", "B->A identity both b-only .*heartbeats"),
		marked(t, topology.ProvenanceAuto, "A->C . .*")...))
	ab := topology.FlowID{Source: "A", Target: "B"}
	for topic, want := range map[string]string{"both": "A", "a-only": "all", "b-only": "all", "heartbeats": "all", "my-heartbeats": "all"} {
		if got := carried(routes.Topic(ab, topic), "AB"); got != want {
			t.Errorf("A->B carries of %s %q, want %q", topic, got, want)
		}
	}
	if got := routes.Topic(topology.FlowID{Source: "A", Target: "C"}, "both"); got != nil {
		t.Errorf("a flow that prefixes names looks at records: %v", got)
	}
}

// A mark that cannot be on a record here says nothing: the record counts as
// written here, and is marked so.
func TestRoutesOfStrangeMarks(t *testing.T) {
	routes := topology.NewRoutes(marked(t, topology.ProvenanceAuto, "A->B identity x", "B->A identity x", "B->C identity x"))
	c := routes.Topic(topology.FlowID{Source: "A", Target: "B"}, "x")
	for origin, want := range map[topology.Alias]bool{"": true, "A": true, "B": false, "C": true, "gone": true} {
		if as, ok := c.Of(origin); ok != want || want && as != "A" {
			t.Errorf("a record of %q: carried %v as %s's", origin, ok, as)
		}
	}
}

func TestShared(t *testing.T) {
	for _, tt := range []struct {
		flows string
		want  bool // of A->B
	}{
		{"A->B B->A", true}, {"A->B", false}, {"A->B B->C", false}, {"A->B C->B", true}, {"C->A A->B", false}, {"A->B A->C", false},
	} {
		var lines []string
		for f := range strings.FieldsSeq(tt.flows) {
			lines = append(lines, f+" identity x")
		}
		c := topology.NewRoutes(marked(t, topology.ProvenanceAlways, lines...)).Topic(topology.FlowID{Source: "A", Target: "B"}, "x")
		if got := c.Shared(); got != tt.want {
			t.Errorf("%s: A->B shared %v", tt.flows, got)
		}
	}
}

// world is clusters with a log each, as simulated.
type world struct {
	logs map[topology.Alias][]written
	seen map[topology.FlowID]int
}

// written is a record in a log: who it is, and its mark.
type written struct {
	id   string
	mark topology.Alias
}

// settle copies along the flows until nothing moves.
func (w *world) settle(t *testing.T, flows []topology.Flow, most int) {
	routes := topology.NewRoutes(flows)
	carried := make([]*topology.Carried, len(flows))
	for i, f := range flows {
		carried[i] = routes.Topic(f.ID, "x")
	}
	for moved := true; moved; {
		moved = false
		for i, f := range flows {
			c := carried[i]
			log := w.logs[f.ID.Source]
			for _, r := range log[w.seen[f.ID]:] {
				if c != nil {
					as, ok := c.Of(r.mark)
					if !ok {
						continue
					}
					r.mark = as
				}
				w.logs[f.ID.Target] = append(w.logs[f.ID.Target], r)
				moved = true
			}
			w.seen[f.ID] = len(log)
			if len(w.logs[f.ID.Target]) > most {
				t.Fatalf("records go round: %v", w.logs[f.ID.Target])
			}
		}
	}
}

// In any mesh every cluster that can be reached gets each record once, and
// nothing goes round.
func TestRoutesCarryEachRecordOnce(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		checkRoutes(t, fmt.Sprintf("seed %d", seed), 2+rng.IntN(6), func() bool { return rng.IntN(3) == 0 })
		if t.Failed() {
			return
		}
	}
}

func FuzzRoutes(f *testing.F) {
	f.Add(3, uint64(1<<60-1))
	f.Fuzz(func(t *testing.T, clusters int, joined uint64) {
		if clusters < 2 || clusters > 7 {
			t.Skip()
		}
		checkRoutes(t, "", clusters, func() bool {
			one := joined&1 == 1
			joined >>= 1
			return one
		})
	})
}

func checkRoutes(t *testing.T, what string, clusters int, joined func() bool) {
	t.Helper()
	names := strings.Split("ABCDEFG"[:clusters], "")
	var lines []string
	edges := map[string][]string{}
	for _, a := range names {
		for _, b := range names {
			if a != b && joined() {
				lines = append(lines, a+"->"+b+" identity x")
				edges[a] = append(edges[a], b)
			}
		}
	}
	flows := marked(t, topology.ProvenanceAuto, lines...)
	if problems := topology.Check(flows); len(problems) > 0 {
		t.Fatalf("%s %v: refused: %v", what, lines, problems)
	}
	w := world{logs: map[topology.Alias][]written{}, seen: map[topology.FlowID]int{}}
	for round := range 2 {
		for _, a := range names {
			id := fmt.Sprintf("%s%d", a, round)
			w.logs[topology.Alias(a)] = append(w.logs[topology.Alias(a)], written{id: id})
		}
		w.settle(t, flows, 2*len(names))
	}
	for _, a := range names {
		want := map[string]int{}
		for _, origin := range names {
			if reachable(edges, origin)[a] {
				want[origin+"0"], want[origin+"1"] = 1, 1
			}
		}
		got := map[string]int{}
		for _, r := range w.logs[topology.Alias(a)] {
			got[r.id]++
		}
		if !maps.Equal(want, got) {
			t.Errorf("%s %v: cluster %s has %v, want %v", what, lines, a, got, want)
		}
	}
}

// reachable are the clusters that records of one reach, itself included.
func reachable(edges map[string][]string, from string) map[string]bool {
	out := map[string]bool{from: true}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range edges[queue[0]] {
			if !out[to] {
				out[to] = true
				queue = append(queue, to)
			}
		}
	}
	return out
}
