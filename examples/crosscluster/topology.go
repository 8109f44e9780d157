package main

import (
	"context"
	"strconv"

	"mm2/streams"
)

// topology sums the payments of each customer. What names no cluster is at home.
func topology() (*streams.Topology, error) {
	b := streams.NewBuilder()
	payments := streams.Stream[string, string](b, "payments", streams.OnCluster("branch"))
	amounts := streams.TryMapValues(payments, func(_ context.Context, r streams.Record[string, string]) (int64, error) {
		return strconv.ParseInt(r.Value, 10, 64)
	})
	amounts.GroupByKey().
		Reduce(func(sum, amount int64) int64 { return sum + amount }, streams.Store("totals")).
		ToStream().To("totals")
	return b.Build()
}
