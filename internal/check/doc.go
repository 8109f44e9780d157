// Package check compares what was produced with what a reader sees: lost,
// duplicated, reordered, altered and aborted-but-visible records. The same
// checker serves tests, e2e and the demo.
package check
