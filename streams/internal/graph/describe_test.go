package graph_test

import (
	"strings"
	"testing"

	"mm2/streams/internal/graph"
)

func TestDescribe(t *testing.T) {
	var g graph.Graph
	addAll(t, &g,
		at(source("in", "b", "a")), at(processor("small"), "in"), at(processor("big"), "in"), at(sink("out", "o"), "big"),
		at(pattern("many", "x.*")), at(sink("chosen", ""), "many"),
		at(global(source("table-source", "t"))), at(global(processor("table")), "table-source"))
	g.Node("chosen").Impl = struct{}{}
	rows := store("rows")
	rows.Global = true
	for _, err := range []error{g.AddStore(store("s"), "big"), g.AddStore(rows, "table")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	top, err := g.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := `Topologies:
   Sub-topology: 0
    Source: in (topics: [b, a])
      --> big, small
    Processor: big (stores: [s])
      --> out
      <-- in
    Sink: out (topic: o)
      <-- big
    Processor: small (stores: [])
      --> none
      <-- in

  Sub-topology: 1
    Source: many (topics: x.*)
      --> chosen
    Sink: chosen (extractor class: struct {})
      <-- many

  Sub-topology: 2 for global store (will not generate tasks)
    Source: table-source (topics: [t])
      --> table
    Processor: table (stores: [rows])
      --> none
      <-- table-source
`
	if got := top.Describe(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The stores of a processor come in the order of a Java HashSet: by the low bits
// of the mixed hash, 16 buckets up to 12 names, more after that, and in the order
// of adding within a bucket. "Aa" and "BB" have the same hash, 2112.
func TestDescribeStoresInHashOrder(t *testing.T) {
	tests := []struct{ name, stores, want string }{
		{"by hash", "z y b a", "a, b, y, z"}, // 97, 98, 121, 122: buckets 1, 2, 9, 10
		{"not by name", "p o", "p, o"},       // 112 and 111: buckets 0 and 15
		{"collision keeps order", "BB Aa", "BB, Aa"},
		{"collision keeps order, turned", "Aa BB", "Aa, BB"},
		{"12 names in 16 buckets", "a b c d e f g h i j k q", "a, q, b, c, d, e, f, g, h, i, j, k"},
		{"13 names in 32 buckets", "a b c d e f g h i j k q l", "a, b, c, d, e, f, g, h, i, j, k, l, q"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g graph.Graph
			addAll(t, &g, at(source("in", "t")), at(processor("node"), "in"))
			for s := range strings.FieldsSeq(tt.stores) {
				if err := g.AddStore(store(s), "node"); err != nil {
					t.Fatal(err)
				}
			}
			top, err := g.Build()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := top.Describe(), "(stores: ["+tt.want+"])"; !strings.Contains(got, want) {
				t.Errorf("no %q in:\n%s", want, got)
			}
		})
	}
}

// A node is as large as all paths below it, each counted, and the larger comes
// first.
func TestDescribeCountsPaths(t *testing.T) {
	var g graph.Graph
	addAll(t, &g,
		at(source("in", "t")),
		at(processor("a-chain"), "in"), at(processor("a-chain-2"), "a-chain"), at(processor("a-chain-3"), "a-chain-2"),
		at(processor("diamond"), "in"), at(processor("left"), "diamond"), at(processor("right"), "diamond"), at(processor("end"), "left", "right"))
	top, err := g.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got := top.Describe(); !strings.Contains(got, "--> diamond, a-chain\n") {
		t.Errorf("the diamond, of 5, is not before the chain, of 3:\n%s", got)
	}
}

// The hash order visits this chain from its end, when its sizes are known, and
// its first node must get them all.
func TestDescribeCountsFromTheEnd(t *testing.T) {
	var g graph.Graph
	addAll(t, &g,
		at(source("in", "t")),
		at(processor("m"), "in"), at(processor("n"), "m"), at(processor("o"), "m"),
		at(processor("z"), "in"), at(processor("y"), "z"), at(processor("b"), "y"), at(processor("a"), "b"))
	top, err := g.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got := top.Describe(); strings.Index(got, "Processor: z") > strings.Index(got, "Processor: m") {
		t.Errorf("z, of 4, is not before m, of 3:\n%s", got)
	}
}
