// Command wordcount counts words, exactly once: a repartition by word and an
// aggregate in a store.
//
//	go run ./examples/wordcount
package main

import (
	"mm2/examples/internal/playground"
	"mm2/streams"
)

var example = playground.Example{
	Config:   streams.Config{ApplicationID: "word-count", Guarantee: streams.ExactlyOnce},
	Topology: topology,
	Input: []playground.Record{
		{Topic: "lines", Key: "1", Value: "all streams lead to Kafka"},
		{Topic: "lines", Key: "2", Value: "hello Kafka streams"},
		{Topic: "lines", Key: "3", Value: "join Kafka"},
	},
	Output: "word-counts", Results: 10, // one for each word of each line
	Show:   playground.As[int64],
	Latest: true,
}

func main() { playground.Main(example) }
