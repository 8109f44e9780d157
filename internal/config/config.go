// Package config reads a mesh from TOML or from Java's
// connect-mirror-maker.properties into one validated tree. [Load] refuses a bad
// file as a whole and reports every problem at once, each with file, line,
// value, rule and a suggestion. The tree is not changed after it is returned.
package config

import (
	"time"

	"mm2/internal/connection"
	"mm2/topology"
)

// Config is a whole mesh as one worker sees it.
type Config struct {
	File     string
	Clusters map[topology.Alias]connection.Connection // every declared cluster
	Flows    []Flow                                   // sorted by FlowID.String()
	Service  Service
	Warnings []Problem // accepted, but worth a look
}

// Delivery says what a crash may do to records.
type Delivery string

// The two deliveries.
const (
	ExactlyOnce Delivery = "exactly-once"
	AtLeastOnce Delivery = "at-least-once"
)

// Flow is one flow with everything decided: defaults, topology and per-flow
// overrides are merged.
type Flow struct {
	topology.Flow

	Lanes    int      // partitions of the lanes topic when it is created; default 8
	Delivery Delivery // default exactly-once

	// ReadUncommitted copies aborted and open transactions of the source as
	// well (Java's default). mm2 reads read_committed unless told otherwise.
	ReadUncommitted bool
	// StartLatest starts partitions that were never copied at their end
	// instead of their beginning (auto.offset.reset=latest). Topics and
	// partitions that appear later always start at the beginning.
	StartLatest bool

	ReplicationFactor           int16 // of remote topics; -1: the target's default
	LanesReplicationFactor      int16 // of the lanes topic; -1: the target's default
	HeartbeatsReplicationFactor int16 // of the heartbeats topic; -1: the cluster's default

	DiscoveryInterval time.Duration // default 5s; Never: only when the flow starts

	CommitInterval time.Duration // longest a busy transaction stays open; default 500ms
	CommitBytes    int64         // uncompressed bytes after which a transaction commits; default 32 MiB

	SessionTimeout     time.Duration // group session of lane ownership; default 10s
	TransactionTimeout time.Duration // default 8s, must be < SessionTimeout

	// Compression is "source" (keep the source batch's codec), "none", "gzip",
	// "snappy", "lz4" or "zstd". Default "source".
	Compression string
	// RateLimit bounds what the flow copies, in uncompressed bytes a second
	// for each worker; 0 is no limit.
	RateLimit int64

	// ConfigExclude are the topic configs not copied when a remote topic is
	// created (config.properties.exclude, patterns that match the whole name).
	ConfigExclude topology.Filter

	Heartbeats Heartbeats
	Fetch      Fetch
	Produce    Produce
}

// Heartbeats says which heartbeats a flow emits.
type Heartbeats struct {
	Emit     bool          // into the target: key (source, target); default true
	Interval time.Duration // default 1s
	// Seed also emits (target, source) into the source cluster, so that
	// "A.heartbeats" appears on B although no flow B->A copies anything. Java
	// reaches the same with a heartbeat connector for each pair.
	Seed bool
}

// Fetch tunes the source consumer. Zero: mm2's default.
type Fetch struct {
	MinBytes          int32
	MaxWait           time.Duration
	MaxBytes          int32 // for each broker and lane
	MaxPartitionBytes int32
}

// Produce tunes the target producer. Zero: mm2's default.
type Produce struct {
	Linger          time.Duration // negative: none
	MaxRequestBytes int32         // max.request.size
	BufferBytes     int64         // buffer.memory, for each lane
}

// Service is what belongs to the process rather than to a flow.
type Service struct {
	Listen      string // HTTP address; default 127.0.0.1:9464; empty string or "off": none
	LogLevel    string // debug, info, warn, error; default info
	LogFormat   string // text or json; default text
	WorkerName  string // stable name: static group membership; default none
	MemoryLimit int64  // bytes; 0: 85 % of the container's limit or of the machine's memory
}

// Problem is one thing wrong in a file. Its text stands alone:
// "mesh.toml:12: flows.\"A->B\".lanes = \"many\": want a whole number from 1 to 1000".
type Problem struct {
	File       string
	Line       int // 0: the file as a whole
	Key        string
	Value      string // never a secret
	Rule       string // what was expected
	Suggestion string // what to do; may be empty
}
