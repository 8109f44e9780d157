// Package heartbeat emits heartbeats in Java MirrorMaker 2's format.
package heartbeat
