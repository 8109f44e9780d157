// Package settings is the configuration of a streams application, as Kafka
// names it. [Parse] reads a map of Kafka's names, [LoadFile] a .properties
// file; both give [Settings], whose zero value is not usable. They report all
// that is wrong at once, refuse what no code of ours would honour, and warn of
// what has no effect. Client settings are read as the replication service
// reads them: by [mm2/internal/properties].
package settings

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"mm2/internal/connection"
	"mm2/internal/properties"
)

// Settings are those of one application. They are values: nobody changes them
// after Parse. Defaults are those of Kafka Streams 4.3.1 unless a field says
// otherwise; the name in Kafka follows each field.
type Settings struct {
	ApplicationID string                // application.id
	Connection    connection.Connection // what all clients have in common; Client.ID is client.id

	NumStreamThreads int           // num.stream.threads
	Guarantee        Guarantee     // processing.guarantee
	CommitInterval   time.Duration // commit.interval.ms; 100 ms with ExactlyOnceV2
	PollTimeout      time.Duration // poll.ms
	TaskTimeout      time.Duration // task.timeout.ms

	MaxTaskIdle                 time.Duration      // max.task.idle.ms; negative: never wait
	BufferedRecordsPerPartition int                // buffered.records.per.partition
	TimestampExtractor          TimestampExtractor // default.timestamp.extractor

	OnDecodeError      Reaction // deserialization.exception.handler
	OnProcessError     Reaction // processing.exception.handler
	OnProduceError     Reaction // production.exception.handler
	HandleGlobalErrors bool     // processing.exception.handler.global.enabled; true unlike in Kafka
	DeadLetterTopic    string   // errors.dead.letter.queue.topic.name; empty: none

	ReplicationFactor             int16             // replication.factor; -1: the brokers' default
	InternalTopicConfig           map[string]string // topic.<config>
	WindowChangelogExtraRetention time.Duration     // windowstore.changelog.additional.retention.ms
	RepartitionPurgeInterval      time.Duration     // repartition.purge.interval.ms

	StateDir          string        // state.dir
	StoreEngine       StoreEngine   // default.dsl.store, dsl.store.suppliers.class
	StateCleanupDelay time.Duration // state.cleanup.delay.ms
	StateMaxAge       time.Duration // state.cleanup.dir.max.age.ms; negative: off

	NumStandbyReplicas    int           // num.standby.replicas
	AcceptableRecoveryLag int64         // acceptable.recovery.lag, in offsets
	MaxWarmupReplicas     int           // max.warmup.replicas
	ProbingInterval       time.Duration // probing.rebalance.interval.ms
	ApplicationServer     string        // application.server; empty: not told to others

	SummaryInterval time.Duration // log.summary.interval.ms; zero or less: off

	Main     Consumer // reads source topics, in the group
	Restore  Consumer // reads changelogs
	Global   Consumer // reads the topics of global stores
	Producer Producer
	Admin    connection.Connection // of the admin client
	Group    Group
	// OffsetReset is where Main starts without a position (auto.offset.reset).
	OffsetReset OffsetReset

	// Warnings tell of settings that have no effect or are read otherwise than
	// in Java, in the order of the file.
	Warnings []properties.Problem
}

// Guarantee is processing.guarantee.
type Guarantee string

// The guarantees.
const (
	AtLeastOnce   Guarantee = "at_least_once"
	ExactlyOnceV2 Guarantee = "exactly_once_v2"
)

// TimestampExtractor is where the time of a record comes from.
type TimestampExtractor string

// The extractors, by the names of Java's classes.
const (
	FailOnInvalidTimestamp      TimestampExtractor = "FailOnInvalidTimestamp"
	LogAndSkipInvalidTimestamp  TimestampExtractor = "LogAndSkipOnInvalidTimestamp"
	UsePartitionTimeOnInvalid   TimestampExtractor = "UsePartitionTimeOnInvalidTimestamp"
	WallclockTimestampExtractor TimestampExtractor = "WallclockTimestampExtractor"
)

// Reaction is what a built-in error handler answers.
type Reaction string

// The reactions. All of them log.
const (
	Fail     Reaction = "fail"
	Continue Reaction = "continue"
)

// StoreEngine keeps the stores that the DSL makes.
type StoreEngine string

// The engines.
const (
	Persistent StoreEngine = "persistent"
	InMemory   StoreEngine = "memory"
)

// OffsetReset is where a consumer starts that has no position.
type OffsetReset struct {
	Where ResetTo
	Back  time.Duration // with ByDuration: how far back from now
}

// ResetTo is the kind of an OffsetReset.
type ResetTo string

// The kinds.
const (
	Earliest   ResetTo = "earliest"
	Latest     ResetTo = "latest"
	None       ResetTo = "none"
	ByDuration ResetTo = "by_duration"
)

// defaultStateDir is that of Kafka on most systems.
const defaultStateDir = "/tmp/kafka-streams"

// defaults are those that do not depend on other settings.
func defaults() Settings {
	return Settings{
		NumStreamThreads: 1, Guarantee: AtLeastOnce, CommitInterval: 30 * time.Second,
		PollTimeout: 100 * time.Millisecond, TaskTimeout: 5 * time.Minute,
		BufferedRecordsPerPartition: 1000, TimestampExtractor: FailOnInvalidTimestamp,
		OnDecodeError: Fail, OnProcessError: Fail, OnProduceError: Fail, HandleGlobalErrors: true,
		ReplicationFactor: -1, WindowChangelogExtraRetention: 24 * time.Hour, RepartitionPurgeInterval: 30 * time.Second,
		StateDir: defaultStateDir, StoreEngine: Persistent, StateCleanupDelay: 10 * time.Minute, StateMaxAge: -time.Millisecond,
		AcceptableRecoveryLag: 10000, MaxWarmupReplicas: 2, ProbingInterval: 10 * time.Minute, SummaryInterval: 2 * time.Minute,
	}
}

// TemporaryStateDir reports whether StateDir is below a directory that systems
// empty. With persistent stores that is worth a warning: a restart would then
// restore all of them.
func (s *Settings) TemporaryStateDir() bool {
	for _, temp := range []string{os.TempDir(), "/tmp", "/var/tmp", "/dev/shm"} {
		rest, err := filepath.Rel(temp, s.StateDir)
		if err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
