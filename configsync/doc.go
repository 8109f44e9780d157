// Package configsync makes the topics, configs and ACLs of a target cluster
// like the source's, as far as rules say so.
//
// [Look] reads both sides, [Diff] compares them and is pure, [Applier] carries
// out the [Plan]. A [Syncer] does the three again and again; `mm2 plan` does the
// first two and prints. [Rules] decide, the same for both. [Ledger] remembers
// what mm2 made, for it deletes nothing else.
//
// [Topics] creates and grows target topics by the same rules in the path of
// discovery: data do not wait for the next round.
//
// Everything may run on several workers at once: whoever comes second finds the
// work done.
package configsync
