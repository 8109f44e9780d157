// Package replicator copies the records of one flow: it discovers source
// partitions, has their target topics made, shares them out over lanes and runs
// one loop for each lane that is ours.
//
// [Replicator] is one worker's part in one flow. Everything it knows about
// topics on the target comes through [Topics], everything that wants to know
// what was copied is a pipeline.Observer, and work that must run once in a flow
// (heartbeats, later checkpoints and config sync) is a control task that lives
// as long as lane 0 is ours.
package replicator
