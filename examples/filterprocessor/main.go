// Command filterprocessor is the filter example by hand: a topology of nodes with
// a processor.
//
//	go run ./examples/filterprocessor
package main

import (
	"mm2/examples/internal/playground"
	"mm2/streams"
)

var example = playground.Example{
	Config:   streams.Config{ApplicationID: "long-words-processor"},
	Topology: topology,
	Input: []playground.Record{
		{Topic: "words", Key: "1", Value: "stream"},
		{Topic: "words", Key: "2", Value: "table"},
		{Topic: "words", Key: "3", Value: "processor"},
		{Topic: "words", Key: "4", Value: "join"},
	},
	Output: "long-words", Results: 2,
	Show: playground.As[string],
}

func main() { playground.Main(example) }
