// Command orderaddress joins orders with the addresses of their users: a KStream
// with a KTable.
//
//	go run ./examples/orderaddress
package main

import (
	"mm2/examples/internal/playground"
	"mm2/streams"
)

var example = playground.Example{
	Config:   streams.Config{ApplicationID: "shipping"},
	Topology: topology,
	Input: []playground.Record{
		{Topic: "addresses", Key: "ann", Value: "Paris"},
		{Topic: "addresses", Key: "bob", Value: "Oslo"},
		{Topic: "orders", Key: "ann", Value: "a book"},
		{Topic: "orders", Key: "eve", Value: "a lamp"}, // she has no address
		{Topic: "orders", Key: "bob", Value: "a pen"},
		{Topic: "addresses", Key: "ann", Value: "Lyon"},
		{Topic: "orders", Key: "ann", Value: "a map"},
	},
	Output: "shipments", Results: 3,
	Show: playground.As[string],
}

func main() { playground.Main(example) }
