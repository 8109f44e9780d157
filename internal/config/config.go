// Package config reads a mesh from TOML or from Java's
// connect-mirror-maker.properties into one validated tree. [Load] refuses a bad
// file as a whole and reports every problem at once, each with file, line,
// value, rule and a suggestion. The tree is not changed after it is returned.
// [Import] turns the latter format into the former, [Explain] says which line
// decided a setting.
package config

import (
	"time"

	"mm2/internal/connection"
	"mm2/internal/properties"
	"mm2/internal/stage"
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

	ConfigSync  Sync
	OffsetSyncs OffsetSyncs
	Checkpoints Checkpoints
	Groups      Groups
	OnTrouble   OnTrouble
	Java        Java

	// Streams are the stages that records pass on their way, in order. Default none.
	Streams []stage.Config
}

// Sync says how topic configs and ACLs of the target are kept in step
// with the source's.
type Sync struct {
	Configs  bool          // sync.topic.configs.enabled; default true
	ACLs     bool          // sync.topic.acls.enabled; default true
	ACLMode  ACLMode       // default ACLJava
	Mode     SyncMode      // default Enforce
	Interval time.Duration // default 30s; it also runs when discovery found something new
	// DefaultsFrom is "target" or "source" (use.defaults.from): what becomes of
	// a config that the source topic does not set. Default "target".
	DefaultsFrom string
	// DeleteTopics deletes copies of topics that were deleted on the source, if
	// mm2 created them (topic_deletion = "sync"). Default false.
	DeleteTopics bool
}

// SyncMode says what is done about a difference.
type SyncMode string

// Enforce makes the target like the source, Report only tells.
const (
	Enforce SyncMode = "enforce"
	Report  SyncMode = "report"
)

// ACLMode says which ACLs belong on the target.
type ACLMode string

// ACLJava follows Java MirrorMaker 2: literal topic ACLs without the right to
// write. ACLExact copies all of them, for a target that takes over from the
// source.
const (
	ACLJava  ACLMode = "java"
	ACLExact ACLMode = "exact"
)

// OffsetSyncs says how offset syncs in Java's format are written.
type OffsetSyncs struct {
	Emit              bool   // emit.offset-syncs.enabled; default true
	Location          string // offset-syncs.topic.location: "source" or "target"; default "source"
	LagMax            int64  // offset.lag.max; default 100
	ReplicationFactor int16  // -1: the cluster's default
}

// Checkpoints says how checkpoints in Java's format are written, and how exact
// the map behind them is kept.
type Checkpoints struct {
	Emit              bool          // emit.checkpoints.enabled; default true
	Interval          time.Duration // shortest time between two rounds; default 250ms
	ReplicationFactor int16         // -1: the target's default
	// IndexBytes bounds the memory for the exact map of one flow; default 64 MiB.
	IndexBytes int64
}

// Groups says which consumer groups are translated, and whether their
// positions are committed on the target.
type Groups struct {
	Filter topology.Filter // groups, groups.exclude
	// Sync commits translated positions on the target for groups that are
	// empty there (sync.group.offsets.enabled). Default true in TOML; false in
	// properties, as in Java.
	Sync         bool
	SyncInterval time.Duration // shortest time between two commits for one group; default 1s
	// Follow is "auto", "tail" (__consumer_offsets) or "poll". Default "auto":
	// tail where we may.
	Follow       string
	PollInterval time.Duration // default 1s
}

// OnTrouble says what is done when a partition cannot simply be copied on. Each
// is detected, counted and shown whatever the policy.
type OnTrouble struct {
	RetentionOvertook Loss // the source deleted records before they were copied
	SourceTruncated   Loss // the source lost records that were copied (unclean leader election)
	SourceRecreated   Loss // the source topic has another topic id
	TargetRecreated   Loss // the target topic has another topic id, or lost what was copied
	TargetWritten     Loss // somebody else wrote into the copy; default Skip: nothing is lost
	RecordRefused     Refused
	DeadLetterTopic   string // on the target; default mm2-dead-letter.<source>.internal
}

// Loss is a policy for what loses data.
type Loss string

// Halt parks the partition until a person acts. Skip accepts the loss and goes
// on with the oldest record that was not copied, behind what the copy has.
// Restart empties the copied partition and copies it anew from the beginning.
const (
	Halt    Loss = "halt"
	Skip    Loss = "skip"
	Restart Loss = "restart"
)

// Refused is a policy for one record that the target refuses.
type Refused string

// Park sets the partition aside, DeadLetter writes the record to the dead
// letter topic, SkipRecord leaves it out.
const (
	Park       Refused = "park"
	DeadLetter Refused = "dead-letter"
	SkipRecord Refused = "skip"
)

// Java says how to live with a Java MirrorMaker 2 that ran this flow, or will.
type Java struct {
	// TakeOver resumes where Java MirrorMaker 2 stood, if its offsets topic is
	// there, and keeps that topic current so that Java can take back. Default true.
	TakeOver     bool
	OffsetsTopic string // default mm2-offsets.<source>.internal
	Connector    string // name in the keys; default MirrorSourceConnector
	Group        string // of its workers; default <source>-mm2
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
	// JavaMetrics are the formats in which the metrics of Java MirrorMaker 2
	// are exposed: "legacy", "new" (metric.names.formats, KIP-1280). Default legacy.
	JavaMetrics []string
}

// Problem is one thing wrong in a file. Its text stands alone:
// "mesh.toml:12: flows.\"A->B\".lanes = \"many\": want a whole number from 1 to 1000".
type Problem = properties.Problem
