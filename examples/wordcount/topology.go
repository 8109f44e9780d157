package main

import (
	"iter"
	"slices"
	"strings"

	"mm2/streams"
)

// topology counts the words of lines. Each change of a count is a record.
func topology() (*streams.Topology, error) {
	b := streams.NewBuilder()
	lines := streams.Stream[string, string](b, "lines")
	words := streams.FlatMapValues(lines, func(line string) iter.Seq[string] {
		return slices.Values(strings.Fields(strings.ToLower(line)))
	})
	streams.GroupBy(words, func(_, word string) string { return word }, streams.Named("by-word")).
		Count(streams.Store("counts")).
		ToStream().To("word-counts")
	return b.Build()
}
