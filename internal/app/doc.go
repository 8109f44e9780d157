// Package app assembles a running service from a configuration: clients, flows
// with their lanes and control tasks, health, metrics and the HTTP API. It is
// the only package that knows all others; they meet here as values.
//
// An [App] runs every flow in isolation: a cluster that is down stops the flows
// that need it, which are tried again with growing pauses, and nothing else.
package app
