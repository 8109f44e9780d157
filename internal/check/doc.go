// Package check compares what was produced with what a reader sees: lost,
// duplicated, reordered, altered and aborted-but-visible records. The same
// checker serves tests, e2e and the demo.
//
// A [Log] holds what producers were told about their records. A [View] holds
// what one reader of a copy saw, and [View.Report] compares the two. Both keep
// a digest of each record, about a hundred bytes whatever its size, and may be
// fed at the same time and in any order, so that a check can run while records
// flow in both directions. A [Producer] writes numbered records and keeps the
// Log; a [Reader] reads topics read_committed and feeds a View.
//
// Records are told apart by an [ID] that the producer puts into each of them,
// by default in a header (see [NumberOf]). The package trusts offsets for
// order: records of one source partition must appear on the target by rising
// source offset.
//
// It does not find records whose id was changed into the id of another one that
// is missing; it shows them as altered.
package check
