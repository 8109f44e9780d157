package main

import "mm2/streams"

// topology passes on the words that have more than five letters.
func topology() (*streams.Topology, error) {
	b := streams.NewBuilder()
	streams.Stream[string, string](b, "words").
		Filter(func(_, word string) bool { return len(word) > 5 }).
		To("long-words")
	return b.Build()
}
