package main

import "mm2/streams"

// topology gives each sale its price. Every instance has all prices, so the
// numbers of partitions do not matter, and the key to look up may be made of the
// key of a sale, its country, and its value, the item.
func topology() (*streams.Topology, error) {
	b := streams.NewBuilder()
	sales := streams.Stream[string, string](b, "sales")
	prices := streams.GlobalTable[string, string](b, "prices", streams.Store("prices-store"))
	streams.JoinGlobal(sales, prices,
		func(country, item string) string { return country + "/" + item },
		func(item, price string) string { return item + " for " + price },
	).To("priced-sales")
	return b.Build()
}
