// Package pipeline moves batches from a [Source] through [Stage]s into a [Sink]
// so that outputs and marks commit together or not at all.
//
// It is the one core under replication, streams and connect: it knows no topic
// naming, no groups and no connectors. [Loop] is its engine, one goroutine for
// one lane: open the sink (which fences the last owner and reads the committed
// marks), seek the source there, then poll, process and write until a commit is
// due. After any failure nothing in memory is trusted: the sink is opened
// afresh, stages rewind, and the source seeks to the marks that really committed.
//
// What the package does not do: it starts no goroutines, owns no clients and
// never retries inside an open transaction.
package pipeline
