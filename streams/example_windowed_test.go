package streams_test

import (
	"fmt"
	"time"

	"mm2/streams"
)

// Orders of each customer by the hour. Orders that come up to five minutes late
// count.
func ExampleTumbling() {
	b := streams.NewBuilder()
	orders := streams.Stream[string, int64](b, "orders")
	hours := streams.WindowedBy(orders.GroupByKey(), streams.Tumbling(time.Hour).WithGrace(5*time.Minute))
	hours.Count(streams.Store("orders-by-hour")).ToStream().To("orders-by-hour")

	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(topology.Describe())
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [orders])
	//       --> KSTREAM-AGGREGATE-0000000001
	//     Processor: KSTREAM-AGGREGATE-0000000001 (stores: [orders-by-hour])
	//       --> KTABLE-TOSTREAM-0000000002
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: KTABLE-TOSTREAM-0000000002 (stores: [])
	//       --> KSTREAM-SINK-0000000003
	//       <-- KSTREAM-AGGREGATE-0000000001
	//     Sink: KSTREAM-SINK-0000000003 (topic: orders-by-hour)
	//       <-- KTABLE-TOSTREAM-0000000002
}

// The pages that each visitor saw in one go, told once, when the visitor is gone
// for half an hour.
func ExampleSession() {
	b := streams.NewBuilder()
	pages := streams.Stream[string, string](b, "pages")
	visits := streams.SessionWindowedBy(pages.GroupByKey(), streams.Session(30*time.Minute))
	table := streams.AggregateSession(visits,
		func() string { return "" },
		func(_, page, path string) string { return path + "/" + page },
		func(_, first, second string) string { return first + second },
		streams.Store("visits"), streams.EmitOnClose())
	byVisitor := streams.SelectKey(table.ToStream(), func(k streams.Windowed[string], _ string) string { return k.Key })
	byVisitor.To("visits")

	topology, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(topology.GeneratedNames())
	// Output: []
}
