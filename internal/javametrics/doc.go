// Package javametrics exposes the metrics of Java MirrorMaker 2 as Prometheus
// series under the names that its JMX metrics have after the JMX exporter, so
// that dashboards and alerts made for Java go on working.
//
// [Metrics] is the collector of a process, [Recorder] takes what happens in one
// flow: commits, as a pipeline.Observer, and checkpoints. Values are Java's:
// windows are two samples of thirty seconds, as Kafka's own metrics keep them.
// docs/java-metrics.md has the table of names.
//
// The package measures nothing that mm2's own series do not measure better; it
// decides nothing and has no say in what is copied.
package javametrics
