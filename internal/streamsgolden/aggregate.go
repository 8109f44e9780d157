package streamsgolden

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// allRows are several checks of stores.
func allRows(checks ...func(testing.TB, *streamstest.Driver, Case)) func(testing.TB, *streamstest.Driver, Case) {
	return func(t testing.TB, d *streamstest.Driver, c Case) {
		t.Helper()
		for _, check := range checks {
			check(t, d, c)
		}
	}
}

// number is the part of "group:number" behind the colon.
func number(v string) int {
	_, digits, _ := strings.Cut(v, ":")
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(err)
	}
	return n
}

func sumText(agg string, n int) string {
	sum, err := strconv.Atoi(agg)
	if err != nil {
		panic(err)
	}
	return strconv.Itoa(sum + n)
}

func aggregates(r *registry) {
	r.register("07-aggregate", map[string]Program{
		"count-by-key": {
			build: func(b *streams.Builder) {
				streams.Stream[string, string](b, "input").GroupByKey().Count(streams.Store("counts")).ToStream().To("output")
			},
			Check: rowsOf[int64]("counts"),
		},
		"word-count": {build: func(b *streams.Builder) {
			words := streams.FlatMapValues(streams.Stream[string, string](b, "lines"), func(v string) iter.Seq[string] {
				return slices.Values(strings.Split(strings.ToLower(v), " "))
			})
			streams.GroupBy(words, func(_, w string) string { return w }).Count(streams.Store("word-counts")).ToStream().To("output")
		}},
		"reduce-and-aggregate": {
			build: func(b *streams.Builder) {
				g := streams.Stream[string, string](b, "input").GroupByKey()
				g.Reduce(func(agg, v string) string { return agg + v }, streams.Store("red")).ToStream().To("reduced")
				streams.Aggregate(g, func() *string { return new(string) }, func(_, v string, agg *string) *string {
					if v == "reset" {
						return nil
					}
					*agg += "[" + v + "]"
					return agg
				}, streams.Store("agg")).ToStream().To("aggregated")
			},
			Check: allRows(rowsOf[string]("red"), rowsOf[*string]("agg")),
		},
		"table-group-by": {
			build: func(b *streams.Builder) {
				t := streams.Table[string, string](b, "input", streams.Store("t"))
				group := func(_, v string) (string, string) {
					g, _, _ := strings.Cut(v, ":")
					return g, v
				}
				streams.AggregateTable(streams.GroupTable(t, group), func() string { return "0" },
					func(_, v, agg string) string { return sumText(agg, number(v)) },
					func(_, v, agg string) string { return sumText(agg, -number(v)) },
					streams.Store("sums")).ToStream().To("output")
				streams.GroupTable(t, group).Count(streams.Store("cnt")).ToStream().To("counted")
			},
			Check: allRows(rowsOf[string]("sums"), rowsOf[int64]("cnt")),
		},
	})
	r.register("11-table-operators", map[string]Program{
		"filter-then-aggregate": {build: func(b *streams.Builder) {
			t := streams.Table[string, string](b, "input", streams.Store("t")).Filter(startsWithY)
			streams.GroupTable(t, func(_, v string) (string, string) { return v, v }).
				Count(streams.Store("c")).ToStream().To("output")
		}},
	})
	r.register("12-processor-api", map[string]Program{
		"dsl-process": {build: func(b *streams.Builder) {
			s := streams.Stream[string, string](b, "input")
			streams.Process(s, newLong, streams.Named("long-only")).
				GroupByKey().Count(streams.Store("c1")).ToStream().To("o1")
			streams.ProcessValues(s, func() streams.ValueProcessor[string, string, string] { return &bang{} }, streams.Named("bang")).
				GroupByKey().Count(streams.Store("c2")).ToStream().To("o2")
		}},
	})
	r.register("13-naming", map[string]Program{
		"no-repartition": {build: func(b *streams.Builder) {
			streams.MapValues(streams.Stream[string, string](b, "input"), strings.ToUpper).
				Filter(func(_, _ string) bool { return true }).
				Peek(func(streams.Record[string, string]) {}).
				GroupByKey().Count(streams.Store("c")).ToStream().To("output")
		}},
		"merge-of-rekeyed": {build: func(b *streams.Builder) {
			a := streams.SelectKey(streams.Stream[string, string](b, "a"), func(_, v string) string { return v })
			a.Merge(streams.Stream[string, string](b, "b")).GroupByKey().Count(streams.Store("c")).ToStream().To("output")
		}},
	})
	r.skip("07-aggregate/cogroup", "cogroup (tier 3)")
	r.skip("13-naming/auto-names-optimized", "topology optimization (tier 3)")
	r.skip("13-naming/fk-join-names", "foreign-key joins (tier 3)")
	r.skip("06-foreign-key-join/inner", "foreign-key joins (tier 3)")
	r.skip("06-foreign-key-join/left", "foreign-key joins (tier 3)")
}

// bang adds an exclamation mark.
type bang struct {
	ctx streams.ValueContext[string]
}

func (p *bang) Init(ctx streams.ValueContext[string]) error {
	p.ctx = ctx
	return nil
}

func (p *bang) Process(r streams.Record[string, string]) error {
	p.ctx.Forward(r.Value + "!")
	return nil
}

func (p *bang) Close() error { return nil }
