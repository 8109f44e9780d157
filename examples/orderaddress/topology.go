package main

import "mm2/streams"

// topology gives each order the address of its user. Both topics are keyed by
// user, and so must have the same number of partitions.
func topology() (*streams.Topology, error) {
	b := streams.NewBuilder()
	orders := streams.Stream[string, string](b, "orders")
	addresses := streams.Table[string, string](b, "addresses", streams.Store("addresses-store"))
	streams.JoinTable(orders, addresses, func(order, address string) string {
		return order + " send to " + address
	}).To("shipments")
	return b.Build()
}
