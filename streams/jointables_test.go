package streams_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/streamstest"
)

func TestJoinTablesKV(t *testing.T) {
	build := func(join func(l, r *ktable) *ktable) func(b *streams.Builder) {
		return func(b *streams.Builder) {
			join(streams.Table[string, string](b, "left"), streams.Table[string, string](b, "right")).ToStream().To("output")
		}
	}
	t.Run("inner", func(t *testing.T) {
		newBench(t, build(func(l, r *ktable) *ktable {
			return streams.JoinTablesKV(l, r, func(k, l, r string) string { return k + ":" + l + "+" + r })
		})).script(`
			L a=1@5 >
			R a=A@3 > a=a:1+A@5
			L a=null@6 > a=null@6
			L a=null@7 > a=null@7
			R a=null@8 >
			L a=null@9 >
		`)
	})
	t.Run("left", func(t *testing.T) {
		newBench(t, build(func(l, r *ktable) *ktable {
			return streams.LeftJoinTablesKV(l, r, func(k, l string, r *string) string { return k + ":" + plusLeft(l, r) })
		})).script(`
			R a=A@3 >
			L a=1@1 > a=a:1+A@3
			R a=null@2 > a=a:1+null@2
			L a=null@6 > a=null@6
			L a=null@7 >
		`)
	})
	t.Run("outer", func(t *testing.T) {
		newBench(t, build(func(l, r *ktable) *ktable {
			return streams.OuterJoinTablesKV(l, r, func(k string, l, r *string) string { return k + ":" + plusOuter(l, r) })
		})).script(`
			R a=A@3 > a=a:null+A@3
			L a=1@1 > a=a:1+A@3
			R a=null@2 > a=a:1+null@2
			R a=null@4 > a=a:1+null@4
			L a=null@6 > a=null@6
			L a=null@7 >
			R a=null@8 >
		`)
	})
}

// A nil that the joiner gives is no row.
func TestJoinTablesToNoRow(t *testing.T) {
	b := newBench(t, func(b *streams.Builder) {
		l, r := streams.Table[string, string](b, "left"), streams.Table[string, string](b, "right")
		streams.JoinTables(l, r, func(l, r string) *string { return ptrUnless(l == "no", l+"+"+r) }, streams.Store("joined")).ToStream().To("output")
	})
	b.script(`
		L a=1@1 >
		R a=A@2 > a=1+A@2
		L a=no@3 > a=null@3
	`)
	for k := range streamstest.Timestamped[string, *string](b.d, "joined").All() {
		t.Errorf("there is a row of %q", k)
	}
}

// Old rows reach what asks for them through a join with or without a store: a
// filter with a store passes no deletion on of what it never had.
func TestJoinTablesSendsOldRows(t *testing.T) {
	for name, opts := range map[string][]streams.Option{"with store": {streams.Store("joined")}, "without store": nil} {
		t.Run(name, func(t *testing.T) {
			newBench(t, func(b *streams.Builder) {
				l, r := streams.Table[string, string](b, "left"), streams.Table[string, string](b, "right")
				joined := streams.OuterJoinTables(l, r, plusOuter, opts...)
				yes := joined.Filter(func(_, v string) bool { return strings.HasPrefix(v, "y") })
				// The second join asks the filter, and it the first join, for old rows.
				streams.LeftJoinTables(yes, r, plusLeft).ToStream().To("output")
			}).script(`
				L a=x@1 >
				L a=y@2 > a=y+null+null@2
				L a=x@3 > a=null@3
				L a=x@4 >
				L a=null@5 >
				R b=B@6 >
				L b=y@7 > b=y+B+B@7
			`)
		})
	}
}

// A table that is joined and not kept is joined again where it is looked up.
func TestLookUpInJoinWithoutStore(t *testing.T) {
	for name, kind := range joinKinds {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(b *streams.Builder) {
				l, r := streams.Table[string, string](b, "left"), streams.Table[string, string](b, "right")
				streams.LeftJoinTable(streams.Stream[string, string](b, "ask"), joinTables(l, r, kind), slashLeft).To("output")
			})
			ask := streamstest.Input[string, string](b.d, "ask")
			rows := func(key string) string {
				ask.Pipe(key, "?", at(50))
				return strings.Join(b.lines(), ", ")
			}
			b.pipe(parseInput(t, "L l=1@1"))
			b.pipe(parseInput(t, "R r=2@2"))
			b.pipe(parseInput(t, "L b=3@3"))
			b.pipe(parseInput(t, "R b=4@4"))
			got := []string{rows("l"), rows("r"), rows("b"), rows("n")}
			want := map[string][]string{
				"inner": {"l=?/null@50", "r=?/null@50", "b=?/3+4@50", "n=?/null@50"},
				"left":  {"l=?/1+null@50", "r=?/null@50", "b=?/3+4@50", "n=?/null@50"},
				"outer": {"l=?/1+null@50", "r=?/null+2@50", "b=?/3+4@50", "n=?/null@50"},
			}[name]
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The time of a row that is joined when it is looked up is the later one.
func TestTimeOfJoinWithoutStore(t *testing.T) {
	b := newBench(t, func(b *streams.Builder) {
		l, r := streams.Table[string, string](b, "left"), streams.Table[string, string](b, "right")
		third := streams.Table[string, string](b, "third")
		streams.JoinTables(third, joinTables(l, r, joinKinds["outer"]), plus).ToStream().To("output")
	})
	third := streamstest.Input[string, string](b.d, "third")
	b.script(`
		L a=1@30 >
		R a=2@20 >
		R b=3@40 >
		L c=4@50 >
	`)
	for _, k := range []string{"a", "b", "c"} {
		third.Pipe(k, "t", at(1))
	}
	if diff := cmp.Diff([]string{"a=t+1+2@30", "b=t+null+3@40", "c=t+4+null@50"}, b.lines()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A table can be joined with itself.
func TestJoinTableWithItself(t *testing.T) {
	newBench(t, func(b *streams.Builder) {
		l := streams.Table[string, string](b, "left")
		streams.Table[string, string](b, "right")
		streams.JoinTables(l, l, plus).ToStream().To("output")
	}).script(`
		L a=1@1 > a=1+1@1, a=1+1@1
		L a=null@2 >
	`)
}

func TestNamesOfTableJoins(t *testing.T) {
	top := topologyOf(t, func(b *streams.Builder) {
		l, r := streams.Table[string, string](b, "l", streams.Store("ls")), streams.Table[string, string](b, "r", streams.Store("rs"))
		streams.JoinTables(l, r, plus, streams.Named("tj")).ToStream().To("o1")
		streams.JoinTables(l, r, plus, streams.Store("")).ToStream().To("o2")
	})
	for _, want := range []string{
		"Processor: tj-join-this (stores: [rs])", "Processor: tj-join-other (stores: [ls])", "Processor: tj (stores: [])",
		"Processor: KTABLE-MERGE-0000000010 (stores: [KTABLE-MERGE-STATE-STORE-0000000009])",
		"KTABLE-JOINTHIS-0000000011", "KTABLE-JOINOTHER-0000000012", "KTABLE-TOSTREAM-0000000013",
	} {
		if !strings.Contains(top.Describe(), want) {
			t.Errorf("want %q in\n%s", want, top.Describe())
		}
	}
}
