// Package streams is Kafka Streams for Go: a topology of typed processors between
// topics, with state stores, run by threads of tasks.
//
// A topology is declared with a Builder, in the words of Kafka's DSL, or node by
// node with a TopologyBuilder. Operators that keep the types of key and value are
// methods; those that change a type are functions, because a Go method has no
// type parameters of its own:
//
//	b := streams.NewBuilder()
//	words := streams.Stream[string, string](b, "words")
//	long := words.Filter(func(_, w string) bool { return len(w) > 5 })
//	streams.MapValues(long, strings.ToUpper).To("long-words")
//	topology, err := b.Build()
//
// Keys and values are encoded by their Go types: those of package serde are built
// in, others are registered once with RegisterSerde.
//
// Kafka's null is a property of a record, Record.NullKey and Record.NullValue. For
// types that can be nil, nil is the null. Where V cannot be nil, callbacks that make
// a value of a value are not called for a null, and the others get the zero value.
//
// Node names, internal topics, changelogs and what operators give are those of
// Kafka Streams 4.3, so a Java application with the same topology and names can
// be taken over. Package streamstest runs a topology without a broker.
package streams
