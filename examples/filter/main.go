// Command filter passes on long words: a KStream with one stateless operator.
//
//	go run ./examples/filter
package main

import (
	"mm2/examples/internal/playground"
	"mm2/streams"
)

var example = playground.Example{
	Config:   streams.Config{ApplicationID: "long-words"},
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
