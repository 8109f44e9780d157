// Package demo shows replication without any Kafka: two embedded clusters with
// different ids, the real service copying both ways between them, orders
// written at both ends, and a check that every order arrived exactly once, in
// order and unchanged at the other end.
//
// The clusters are kfake's: one process, all data in memory, good for a show
// and not for a measurement.
package demo
