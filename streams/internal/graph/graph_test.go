package graph_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"mm2/streams/internal/graph"
	"mm2/streams/state"
)

func source(name string, topics ...string) *graph.Node {
	return &graph.Node{Name: name, Kind: graph.Source, Topics: topics}
}

func pattern(name, expr string) *graph.Node {
	return &graph.Node{Name: name, Kind: graph.Source, Pattern: regexp.MustCompile(expr)}
}

func processor(name string) *graph.Node { return &graph.Node{Name: name, Kind: graph.Processor} }

func sink(name, topic string) *graph.Node {
	return &graph.Node{Name: name, Kind: graph.Sink, Topic: topic}
}

func away(n *graph.Node) *graph.Node { n.Cluster = "west"; return n }

func global(n *graph.Node) *graph.Node { n.Global = true; return n }

func store(name string) *graph.Store {
	return &graph.Store{Name: name, Builder: state.NewKeyValue[string, string](name)}
}

// add is one node with its parents.
type add struct {
	node    *graph.Node
	parents []string
}

func at(n *graph.Node, parents ...string) add { return add{n, parents} }

func addAll(t *testing.T, g *graph.Graph, nodes ...add) {
	t.Helper()
	for _, n := range nodes {
		if err := g.Add(n.node, n.parents...); err != nil {
			t.Fatal(err)
		}
	}
}

func check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("no error, want %q", want)
	case err != nil && err.Error() != want:
		t.Errorf("the error is %q, want %q", err, want)
	}
}

// Only the last node of each row may be wrong.
func TestAdd(t *testing.T) {
	tests := []struct {
		name  string
		nodes []add
		want  string
	}{
		{"no name", []add{at(source("", "t"))}, "a node has no name"},
		{"two of a name", []add{at(source("a", "t")), at(source("a", "u"))}, `there are two nodes with the name "a": give one of them another name`},
		{"no topics", []add{at(source("a"))}, `source "a" has no topics`},
		{"pattern", []add{at(pattern("a", "t.*"))}, ""},
		{"processor without parent", []add{at(processor("p"))}, `node "p" has no parent`},
		{"sink without parent", []add{at(sink("s", "t"))}, `node "s" has no parent`},
		{"unknown parent", []add{at(source("a", "t")), at(processor("p"), "b")}, `node "p" has the parent "b", which does not exist`},
		{"itself as parent", []add{at(processor("p"), "p")}, `node "p" has the parent "p", which does not exist`},
		{"parent twice", []add{at(source("a", "t")), at(processor("p"), "a", "a")}, `node "p" has the parent "a" twice`},
		{
			"sink as parent",
			[]add{at(source("a", "t")), at(sink("s", "u"), "a"), at(processor("p"), "s")},
			`node "p" has the sink "s" as its parent: a sink has no children`,
		},
		{"topic twice in a source", []add{at(source("a", "t", "u", "t"))}, `source "a" reads the topic "t" twice`},
		{
			"topic of two sources",
			[]add{at(source("a", "t", "u")), at(source("b", "v", "u"))},
			`topic "u" is read by two sources, "a" and "b": read it once and use the stream twice`,
		},
		{"topic of two clusters", []add{at(source("a", "t")), at(away(source("b", "t")))}, ""},
		{
			"topic of a global table",
			[]add{at(global(source("a", "t"))), at(source("b", "t"))},
			`topic "t" is read by two sources, "a" and "b": read it once and use the stream twice`,
		},
		{"pattern twice", []add{at(pattern("a", "t.*")), at(pattern("b", "t.*"))}, `pattern t.* is read by two sources, "a" and "b"`},
		{"two patterns", []add{at(pattern("a", "t.*")), at(pattern("b", "u.*"))}, ""},
		{
			"topic after its pattern",
			[]add{at(pattern("a", "t.*")), at(source("b", "u", "tt"))},
			`topic "tt" of source "b" also matches the pattern t.* of source "a"`,
		},
		{
			"pattern after its topic",
			[]add{at(source("a", "u", "tt")), at(pattern("b", "t.*"))},
			`topic "tt" of source "a" also matches the pattern t.* of source "b"`,
		},
		{"pattern of a part of the topic", []add{at(source("a", "tt")), at(pattern("b", "t"))}, ""},
		{
			"pattern with a shorter alternative",
			[]add{at(source("a", "tt")), at(pattern("b", "t|tt"))},
			`topic "tt" of source "a" also matches the pattern t|tt of source "b"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g graph.Graph
			last := tt.nodes[len(tt.nodes)-1]
			addAll(t, &g, tt.nodes[:len(tt.nodes)-1]...)
			check(t, g.Add(last.node, last.parents...), tt.want)
			if known := g.Node(last.node.Name) == last.node; known != (tt.want == "") {
				t.Errorf("the node is in the graph: %v", known)
			}
		})
	}
}

// A node that is refused is no child of those that were to be its parents.
func TestRefusedIsNoChild(t *testing.T) {
	var g graph.Graph
	addAll(t, &g, at(source("a", "t")))
	if err := g.Add(processor("p"), "a", "b"); err == nil {
		t.Fatal("no error")
	}
	if children := g.Node("a").Children; len(children) != 0 {
		t.Errorf("%d children", len(children))
	}
}

func TestStores(t *testing.T) {
	tests := []struct {
		name string
		do   func(g *graph.Graph, same *graph.Store) error
		want string
	}{
		{"connected", func(g *graph.Graph, same *graph.Store) error { return g.AddStore(same, "p", "q") }, ""},
		{"added twice", func(g *graph.Graph, same *graph.Store) error {
			if err := g.AddStore(same, "p"); err != nil {
				return err
			}
			return g.AddStore(&graph.Store{Name: "s", Builder: same.Builder}, "p", "q")
		}, ""},
		{"another of the name", func(g *graph.Graph, same *graph.Store) error {
			if err := g.AddStore(same, "p"); err != nil {
				return err
			}
			return g.AddStore(store("s"), "q")
		}, `there are two stores with the name "s": give one of them another name`},
		{"unknown store", func(g *graph.Graph, _ *graph.Store) error { return g.Connect("s", "p") }, `store "s" does not exist`},
		{"unknown node", func(g *graph.Graph, same *graph.Store) error { return g.AddStore(same, "r") }, `store "s" is for the node "r", which does not exist`},
		{"source", func(g *graph.Graph, same *graph.Store) error { return g.AddStore(same, "a") }, `store "s" is for "a", which is not a processor: sources and sinks have no stores`},
		{"sink", func(g *graph.Graph, same *graph.Store) error { return g.AddStore(same, "z") }, `store "s" is for "z", which is not a processor: sources and sinks have no stores`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g graph.Graph
			addAll(t, &g, at(source("a", "t")), at(processor("p"), "a"), at(processor("q"), "a"), at(sink("z", "u"), "q"))
			check(t, tt.do(&g, store("s")), tt.want)
			if tt.want != "" {
				return
			}
			for _, name := range []string{"p", "q"} {
				if got := g.Node(name).Stores; !slices.Equal(got, []string{"s"}) {
					t.Errorf("%s has the stores %q", name, got)
				}
			}
			if users := g.Store("s").Users; len(users) != 2 {
				t.Errorf("%d users", len(users))
			}
		})
	}
}

// A global store is its own processor's; all others may read it anyway, and are
// no part of it.
func TestGlobalStoreNeedsNoConnection(t *testing.T) {
	var g graph.Graph
	addAll(t, &g, at(source("a", "t")), at(processor("p"), "a"), at(global(source("b", "u"))), at(global(processor("q")), "b"))
	s := store("s")
	s.Global = true
	if err := g.AddStore(s, "q"); err != nil {
		t.Fatal(err)
	}
	if err := g.Connect("s", "p"); err != nil {
		t.Fatal(err)
	}
	if got := g.Node("p").Stores; len(got) != 0 {
		t.Errorf("p has the stores %q", got)
	}
	top, err := g.Build()
	if err != nil {
		t.Fatal(err)
	}
	if len(top.Subtopologies) != 2 {
		t.Errorf("%d parts, want 2", len(top.Subtopologies))
	}
}

func TestRepartitionTwice(t *testing.T) {
	var g graph.Graph
	check(t, g.AddRepartition(&graph.Repartition{Topic: "x-repartition"}), "")
	check(t, g.AddRepartition(&graph.Repartition{Topic: "y-repartition"}), "")
	check(t, g.AddRepartition(&graph.Repartition{Topic: "x-repartition"}),
		`there are two repartition topics with the name "x-repartition": give one of the operators another name`)
}

func TestSourcesOf(t *testing.T) {
	var g graph.Graph
	addAll(t, &g,
		at(source("a", "t")), at(source("b", "u")), at(source("c", "v")),
		at(processor("p"), "a"), at(processor("q"), "c", "a"), at(processor("r"), "q", "p"), at(sink("z", "w"), "r"))
	tests := []struct{ node, want string }{{"a", "a"}, {"p", "a"}, {"q", "a c"}, {"r", "a c"}, {"z", "a c"}, {"unknown", ""}}
	for _, tt := range tests {
		if got := strings.Join(g.SourcesOf(tt.node), " "); got != tt.want {
			t.Errorf("the sources of %s are %q, want %q", tt.node, got, tt.want)
		}
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, topic string
		want           bool
	}{
		{"a.*", "abc", true}, {"a", "ab", false}, {"b", "ab", false}, {"a|ab", "ab", true}, {"a+?", "aaa", true}, {"", "a", false}, {"(?i)AB", "ab", true},
	}
	for _, tt := range tests {
		re := regexp.MustCompile(tt.pattern)
		if got := graph.Matches(re, tt.topic); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.topic, got)
		}
		if tt.pattern == "a|ab" && re.FindString("ab") != "a" {
			t.Error("the user's pattern was changed")
		}
	}
}
