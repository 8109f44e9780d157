package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"mm2/streams/internal/graph"
)

func TestBuildErrors(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, g *graph.Graph)
		want string
	}{
		{"empty", func(*testing.T, *graph.Graph) {}, "the topology is empty: it has no source"},
		{"unused stores, all told", func(t *testing.T, g *graph.Graph) {
			addAll(t, g, at(source("a", "t")))
			for _, s := range []string{"s", "r"} {
				if err := g.AddStore(store(s)); err != nil {
					t.Fatal(err)
				}
			}
		}, "store \"s\" is used by no processor: connect it to one\nstore \"r\" is used by no processor: connect it to one"},
		{"sink to a global table", func(t *testing.T, g *graph.Graph) {
			addAll(t, g, at(global(source("g", "t"))), at(source("a", "u")), at(sink("z", "t"), "a"))
		}, `sink "z" writes to "t", which is the topic of a global table`},
		{"sink to a global table's name elsewhere", func(t *testing.T, g *graph.Graph) {
			addAll(t, g, at(global(source("g", "t"))), at(source("a", "u")), at(away(sink("z", "t")), "a"))
		}, ""},
		{"sink to the own source", func(t *testing.T, g *graph.Graph) {
			addAll(t, g, at(source("a", "u")), at(sink("z", "u"), "a"))
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g graph.Graph
			tt.make(t, &g)
			top, err := g.Build()
			check(t, err, tt.want)
			if (top == nil) != (tt.want != "") {
				t.Errorf("topology %v", top)
			}
		})
	}
}

// Parts are numbered by their first nodes, whatever joined them later.
func TestParts(t *testing.T) {
	type stored struct {
		name  string
		users []string
	}
	tests := []struct {
		name   string
		nodes  []add
		stores []stored
		want   string
	}{
		{"one", []add{at(source("a", "t")), at(processor("p"), "a")}, nil, "0: a p"},
		{"two", []add{at(source("a", "t")), at(source("b", "u")), at(processor("q"), "b"), at(processor("p"), "a")}, nil, "0: a p; 1: b q"},
		{
			"joined by an edge",
			[]add{at(source("a", "t")), at(source("b", "u")), at(source("c", "v")), at(processor("p"), "c", "a")},
			nil, "0: a c p; 1: b",
		},
		{
			"joined by a store",
			[]add{at(source("a", "t")), at(source("b", "u")), at(source("c", "v")), at(processor("p"), "a"), at(processor("r"), "c")},
			[]stored{{"s", []string{"p", "r"}}},
			"0: a c p r [s]; 1: b",
		},
		{
			"a chain of stores",
			[]add{at(source("a", "t")), at(source("b", "u")), at(source("c", "v")), at(processor("p"), "a"), at(processor("q"), "b"), at(processor("r"), "c")},
			[]stored{{"x", []string{"q", "r"}}, {"y", []string{"p", "r"}}},
			"0: a b c p q r [x y]",
		},
		{
			"a global part has a number",
			[]add{at(source("a", "t")), at(global(source("b", "u"))), at(global(processor("q")), "b"), at(source("c", "v"))},
			nil, "0: a; 1 global: b q; 2: c",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g graph.Graph
			addAll(t, &g, tt.nodes...)
			for _, s := range tt.stores {
				if err := g.AddStore(store(s.name), s.users...); err != nil {
					t.Fatal(err)
				}
			}
			top, err := g.Build()
			if err != nil {
				t.Fatal(err)
			}
			var parts []string
			for _, part := range top.Subtopologies {
				parts = append(parts, show(part))
			}
			if got := strings.Join(parts, "; "); got != tt.want {
				t.Errorf("parts %q, want %q", got, tt.want)
			}
		})
	}
}

func show(part *graph.Subtopology) string {
	text := fmt.Sprint(part.ID)
	if part.Global {
		text += " global"
	}
	text += ":"
	for _, n := range part.Nodes {
		text += " " + n.Name
	}
	var stores []string
	for _, s := range part.Stores {
		stores = append(stores, s.Name)
	}
	if len(stores) > 0 {
		text += " [" + strings.Join(stores, " ") + "]"
	}
	return text
}

func TestSources(t *testing.T) {
	var g graph.Graph
	addAll(t, &g, at(source("b", "t")), at(source("a", "u")), at(processor("p"), "a", "b"))
	top, err := g.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got := top.Subtopologies[0].Sources(); len(got) != 2 || got[0].Name != "b" || got[1].Name != "a" {
		t.Errorf("%d sources, want b and a", len(got))
	}
}
