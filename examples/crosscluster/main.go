// Command crosscluster sums payments of one cluster in another, exactly once:
// input on "branch", state and output on "office".
//
//	go run ./examples/crosscluster
package main

import (
	"mm2/examples/internal/playground"
	"mm2/streams"
)

var example = playground.Example{
	Config:   streams.Config{ApplicationID: "payments", Guarantee: streams.ExactlyOnce, Home: "office"},
	Topology: topology,
	From:     "branch",
	Input: []playground.Record{
		{Topic: "payments", Key: "ann", Value: "20"},
		{Topic: "payments", Key: "bob", Value: "5"},
		{Topic: "payments", Key: "ann", Value: "22"},
	},
	Output: "totals", Results: 3,
	Show:   playground.As[int64],
	Latest: true,
}

func main() { playground.Main(example) }
