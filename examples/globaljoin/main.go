// Command globaljoin looks up the prices of sales: a KStream with a GlobalKTable,
// by key and value.
//
//	go run ./examples/globaljoin
package main

import (
	"mm2/examples/internal/playground"
	"mm2/streams"
)

var example = playground.Example{
	Config:   streams.Config{ApplicationID: "pricing"},
	Topology: topology,
	Input: []playground.Record{
		{Topic: "prices", Key: "fr/pen", Value: "2 EUR"},
		{Topic: "prices", Key: "no/pen", Value: "25 NOK"},
		{Topic: "sales", Key: "fr", Value: "pen"},
		{Topic: "sales", Key: "no", Value: "pen"},
		{Topic: "sales", Key: "no", Value: "ink"}, // it has no price
	},
	Output: "priced-sales", Results: 2,
	Show: playground.As[string],
}

func main() { playground.Main(example) }
