package streams_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// history groups rows by fn into texts that tell what was added and taken out.
func history(b *streams.Builder, fn func(k, v string) (*string, *string)) {
	g := streams.GroupTable(streams.Table[string, string](b, "input"), fn)
	streams.AggregateTable(g, func() string { return "0" },
		func(_, v *string, agg string) string { return agg + "+" + *v },
		func(_, v *string, agg string) string { return agg + "-" + *v },
		streams.Store("s")).ToStream().To("output")
}

func TestGroupTableSubtractsFirst(t *testing.T) {
	d := start(t, func(b *streams.Builder) {
		history(b, func(k, v string) (*string, *string) { return &k, &v })
	})
	in := streamstest.Input[string, string](d, "input")
	for i, kv := range []string{"A1", "B2", "A3", "B4", "C5", "D6", "B7", "C8"} {
		in.Pipe(kv[:1], kv[1:], at(int64(i)))
	}
	wantLines(t, lines[string, string](d, "output"),
		"A=0+1@0", "B=0+2@1", "A=0+1-1+3@2", "B=0+2-2+4@3", "C=0+5@4", "D=0+6@5", "B=0+2-2+4-4+7@6", "C=0+5-5+8@7")
}

func TestGroupTableLeavesRowsOut(t *testing.T) {
	d := start(t, func(b *streams.Builder) {
		history(b, func(k, v string) (*string, *string) {
			switch k {
			case "no group":
				return nil, &v
			case "no value":
				return &v, nil
			default:
				return &v, &v
			}
		})
	})
	in := streamstest.Input[string, string](d, "input")
	in.Pipe("A", "1", at(0))
	in.PipeTombstone("A", at(1))
	in.Pipe("A", "1", at(2))
	in.Pipe("B", "2", at(3))
	in.Pipe("no group", "3", at(4))
	in.Pipe("B", "4", at(5))
	in.Pipe("no value", "5", at(6))
	in.Pipe("B", "7", at(7))
	wantLines(t, lines[string, string](d, "output"),
		"1=0+1@0", "1=0+1-1@1", "1=0+1-1+1@2", "2=0+2@3", "2=0+2-2@5", "4=0+4@5", "4=0+4-4@7", "7=0+7@7")
}

func TestGroupTableReduce(t *testing.T) {
	d := start(t, func(b *streams.Builder) {
		g := streams.GroupTable(streams.Table[string, int64](b, "input"), func(k string, v int64) (string, int64) { return k[:1], v })
		g.Reduce(func(agg, v int64) int64 { return agg + v }, func(agg, v int64) int64 { return agg - v }).ToStream().To("output")
	})
	in := streamstest.Input[string, int64](d, "input")
	in.Pipe("a1", 10, at(5))
	in.Pipe("a2", 1, at(3)) // an older record does not make the group older
	in.Pipe("a1", 20, at(6))
	in.PipeTombstone("a2", at(7))
	in.PipeTombstone("a2", at(8)) // nothing to take out
	in.PipeTombstone("a1", at(9))
	wantLines(t, lines[string, int64](d, "output"), "a=10@5", "a=11@5", "a=21@6", "a=20@7", "a=0@9")
}

func TestGroupTableDeletesGroup(t *testing.T) {
	var inits int
	d := start(t, func(b *streams.Builder) {
		g := streams.GroupTable(streams.Table[string, int64](b, "input"), func(_ string, v int64) (string, int64) { return "g", v })
		streams.AggregateTable(g, func() *int64 { inits++; return new(int64) },
			func(_ string, v int64, agg *int64) *int64 { *agg += v; return agg },
			func(_ string, v int64, agg *int64) *int64 {
				if *agg -= v; *agg == 0 {
					return nil
				}
				return agg
			}, streams.Store("s")).ToStream().To("output")
	})
	in := streamstest.Input[string, int64](d, "input")
	in.Pipe("a", 3, at(10))
	in.PipeTombstone("a", at(5))
	in.Pipe("a", 4, at(6)) // the deleted group does not remember its time
	in.Pipe("a", 5, at(7)) // subtracted to nothing, then added anew
	wantLines(t, lines[string, *int64](d, "output"), "g=3@10", "g=null@10", "g=4@6", "g=5@7")
	if inits != 3 {
		t.Errorf("init was called %d times, want 3", inits)
	}
}

func TestGroupTableNamed(t *testing.T) {
	b := streams.NewBuilder()
	g := streams.GroupTable(streams.Table[string, string](b, "input", streams.Store("t")), func(_, v string) (string, string) { return v, v },
		streams.Named("by-value"), streams.Partitions(5))
	g.Count(streams.Store("c")).ToStream().To("counts")
	g.Reduce(func(agg, _ string) string { return agg }, func(agg, _ string) string { return agg }, streams.Store("r"), streams.Named("reduce")).ToStream().To("reduced")
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [input])
      --> KTABLE-SOURCE-0000000001
    Processor: KTABLE-SOURCE-0000000001 (stores: [t])
      --> by-value
      <-- KSTREAM-SOURCE-0000000000
    Processor: by-value (stores: [])
      --> KSTREAM-SINK-0000000003
      <-- KTABLE-SOURCE-0000000001
    Sink: KSTREAM-SINK-0000000003 (topic: by-value-repartition)
      <-- by-value

  Sub-topology: 1
    Source: KSTREAM-SOURCE-0000000004 (topics: [by-value-repartition])
      --> KTABLE-AGGREGATE-0000000005, reduce
    Processor: KTABLE-AGGREGATE-0000000005 (stores: [c])
      --> KTABLE-TOSTREAM-0000000006
      <-- KSTREAM-SOURCE-0000000004
    Processor: reduce (stores: [r])
      --> KTABLE-TOSTREAM-0000000011
      <-- KSTREAM-SOURCE-0000000004
    Processor: KTABLE-TOSTREAM-0000000006 (stores: [])
      --> KSTREAM-SINK-0000000007
      <-- KTABLE-AGGREGATE-0000000005
    Processor: KTABLE-TOSTREAM-0000000011 (stores: [])
      --> KSTREAM-SINK-0000000012
      <-- reduce
    Sink: KSTREAM-SINK-0000000007 (topic: counts)
      <-- KTABLE-TOSTREAM-0000000006
    Sink: KSTREAM-SINK-0000000012 (topic: reduced)
      <-- KTABLE-TOSTREAM-0000000011

`
	if diff := cmp.Diff(want, top.Describe()); diff != "" {
		t.Errorf("describe (-want +got):\n%s", diff)
	}
	if r := top.Graph().Repartitions; len(r) != 1 || r[0].Partitions != 5 {
		t.Errorf("repartitions %v, want one of 5 partitions", r)
	}
}

func TestGroupTableErrors(t *testing.T) {
	group := func(opts ...streams.Option) func(b *streams.Builder) {
		return func(b *streams.Builder) {
			streams.GroupTable(streams.Table[string, string](b, "input"), func(_, v string) (string, string) { return v, v }, opts...).Count()
		}
	}
	wantBuildError(t, "GroupTable has no use for the option Store", group(streams.Store("s")))
	wantBuildError(t, "GroupTable: 0 partitions", group(streams.Partitions(0)))
	type unknown struct{}
	wantBuildError(t, "unknown", func(b *streams.Builder) {
		streams.GroupTable(streams.Table[string, string](b, "input"), func(_, v string) (string, unknown) { return v, unknown{} }).Count()
	})
}

// Random updates, moves and deletions, beside sums over a map.
func TestGroupTableAgainstModel(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			d := start(t, func(b *streams.Builder) {
				t := streams.Table[string, string](b, "input").
					Filter(func(_, v string) bool { return !strings.HasPrefix(v, "x") })
				// A row "g:n" is in the group g; without a g it is in none.
				g := streams.GroupTable(t, func(_, v string) (*string, int64) {
					group, _, _ := strings.Cut(v, ":")
					if group == "" {
						return nil, 0
					}
					return &group, int64(number(v))
				})
				g.Count(streams.Store("counts")).ToStream().To("counted")
				g.Reduce(func(agg, v int64) int64 { return agg + v }, func(agg, v int64) int64 { return agg - v }, streams.Store("sums"))
			})
			in := streamstest.Input[string, string](d, "input")
			rows, groups := map[string]string{}, map[string]bool{}
			for step := range int64(400) {
				key := string(rune('a' + r.IntN(6)))
				if r.IntN(4) == 0 {
					in.PipeTombstone(key, at(step))
					delete(rows, key)
					continue
				}
				group := []string{"", "g", "gg", "h", "x"}[r.IntN(5)]
				value := fmt.Sprintf("%s:%d", group, r.IntN(100))
				in.Pipe(key, value, at(step))
				rows[key] = value
				if group != "" && group != "x" {
					groups[group] = true
				}
				if step%20 == 0 {
					compareGroups(t, d, rows, groups)
				}
			}
			compareGroups(t, d, rows, groups)
			last := map[string]int64{}
			for _, r := range streamstest.Output[string, int64](d, "counted").Records() {
				last[r.Key] = r.Value
			}
			for group := range groups {
				row, ok, err := streamstest.Timestamped[*string, int64](d, "counts").Get(&group)
				if err != nil || !ok || row.Value != last[group] {
					t.Errorf("group %q: the last record says %d, the store %d, %v, %v", group, last[group], row.Value, ok, err)
				}
			}
		})
	}
}

func compareGroups(t *testing.T, d *streamstest.Driver, rows map[string]string, groups map[string]bool) {
	t.Helper()
	want, got := map[string][2]int64{}, map[string][2]int64{}
	for group := range groups {
		want[group] = [2]int64{} // an empty group stays
	}
	for _, v := range rows {
		if group, _, _ := strings.Cut(v, ":"); groups[group] {
			want[group] = [2]int64{want[group][0] + 1, want[group][1] + int64(number(v))}
		}
	}
	for k, row := range streamstest.Timestamped[*string, int64](d, "counts").All() {
		got[*k] = [2]int64{row.Value}
	}
	for k, row := range streamstest.Timestamped[*string, int64](d, "sums").All() {
		got[*k] = [2]int64{got[*k][0], row.Value}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("counts and sums by group (-want +got):\n%s", diff)
	}
}
