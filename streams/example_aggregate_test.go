package streams_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"mm2/streams"
)

// How often each word occurs.
func ExampleGrouped_Count() {
	b := streams.NewBuilder()
	words := streams.FlatMapValues(streams.Stream[string, string](b, "lines"), func(line string) iter.Seq[string] {
		return slices.Values(strings.Fields(strings.ToLower(line)))
	})
	streams.GroupBy(words, func(_, word string) string { return word }).
		Count(streams.Store("word-counts")).
		ToStream().To("counts")
	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Count(topology.Describe(), "Sub-topology"), "sub-topologies, with word-counts-repartition between them")
	// Output: 2 sub-topologies, with word-counts-repartition between them
}

// How many inhabitants the towns of each country have. A town that changes its
// number, or its country, is taken out and put in again.
func ExampleGroupTable() {
	type town struct {
		country     string
		inhabitants int64
	}
	b := streams.NewBuilder()
	lines := streams.Table[string, string](b, "towns") // "country inhabitants" by name
	towns := streams.MapTable(lines, func(_, line string) town {
		var t town
		if _, err := fmt.Sscan(line, &t.country, &t.inhabitants); err != nil {
			return town{country: "unknown"}
		}
		return t
	})
	byCountry := streams.GroupTable(towns, func(_ string, t town) (string, int64) { return t.country, t.inhabitants })
	byCountry.Reduce(
		func(sum, n int64) int64 { return sum + n },
		func(sum, n int64) int64 { return sum - n },
		streams.Store("inhabitants"),
	).ToStream().To("countries")
	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(topology.GeneratedNames())
	// Output: [towns-STATE-STORE-0000000000]
}

// One result for each key and second of the stream's time, however often it
// changes.
func ExampleKTable_Suppress() {
	b := streams.NewBuilder()
	streams.Table[string, string](b, "prices").
		Suppress(streams.UntilTimeLimit(time.Second, streams.MaxRecords(10_000).EmitEarlyWhenFull()), streams.Named("calm")).
		ToStream().To("calm-prices")
	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Contains(topology.Describe(), "calm-store"))
	// Output: true
}
