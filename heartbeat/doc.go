// Package heartbeat writes heartbeats in the format of Java MirrorMaker 2.
//
// A [Heartbeat] says that somebody who replicates from cluster Source could
// write to cluster Target at a certain time. An [Emitter] writes one for each
// interval into the heartbeats topic of a cluster. Replication carries these
// records on, and the name of the topic they arrive in tells their path
// ("A.heartbeats", "A.B.heartbeats"); key and value never change on the way.
//
// An Emitter retries for ever and reports what fails: once in the log when the
// state changes, and each time in its metrics. It never touches an existing
// topic's configuration and never writes tombstones, which would break Java's
// readers. The package does not read heartbeats back.
package heartbeat
