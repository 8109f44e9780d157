// Package e2e proves mm2 on real brokers: several Kafka clusters in containers,
// mm2 as a process of the built binary, faults at every part, and the checker of
// internal/check as the judge.
//
// [Start] runs a [Cluster] of one or three nodes whose nodes can be killed and
// started again with their data. [Build] makes the binary and [Run] starts a
// [Worker], which can be killed, paused and asked for its status. [Until] is the
// only way tests wait.
//
// The tests run if MM2_E2E=1 is set, as "make e2e" does; otherwise they are
// skipped. They need a Docker engine and the image apache/kafka:4.3.1 or the one
// named by MM2_KAFKA_IMAGE; e2e/image builds it where no registry is reachable.
package e2e
