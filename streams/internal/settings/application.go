package settings

import (
	"math"
	"strings"
	"time"

	"mm2/internal/properties"
	"mm2/streams/internal/internaltopics"
)

// application reads what the application is, apart from how it runs.
func (r *reader) application(s *Settings) {
	v, ok := r.values["application.id"]
	if !ok || v.text == "" {
		r.problem(setting{key: "application.id", line: v.line}, "is missing: want the name that all instances of the application share", "")
	} else if err := internaltopics.CheckName(v.text); err != nil {
		r.problem(v, err.Error(), "topics, the group and the state directory are named by it")
	}
	s.ApplicationID = v.text
	if v, ok := r.values["application.server"]; ok && v.text != "" {
		if err := properties.CheckAddress(v.text); err != nil {
			r.problem(v, err.Error(), "")
		}
		s.ApplicationServer = v.text
	}
	for name, v := range r.values {
		if config, ok := strings.CutPrefix(name, topicPrefix); ok && config != "" {
			if s.InternalTopicConfig == nil {
				s.InternalTopicConfig = make(map[string]string)
			}
			s.InternalTopicConfig[config] = v.text
		}
	}
}

// runtime reads how tasks run.
func (r *reader) runtime(s *Settings) {
	f := r.all()
	r.guarantee(s)
	f.number("num.stream.threads", 1, math.MaxInt32, &s.NumStreamThreads)
	f.millis("commit.interval.ms", 0, &s.CommitInterval)
	f.millis("poll.ms", 0, &s.PollTimeout)
	f.millis("task.timeout.ms", 0, &s.TaskTimeout)
	f.millis("max.task.idle.ms", -1, &s.MaxTaskIdle)
	f.number("buffered.records.per.partition", 1, math.MaxInt32, &s.BufferedRecordsPerPartition)
	f.millis("log.summary.interval.ms", -1, &s.SummaryInterval)
	f.number("num.standby.replicas", 0, math.MaxInt32, &s.NumStandbyReplicas)
	f.int("acceptable.recovery.lag", 0, math.MaxInt64, func(n int64) { s.AcceptableRecoveryLag = n })
	f.number("max.warmup.replicas", 1, math.MaxInt32, &s.MaxWarmupReplicas)
	f.millis("probing.rebalance.interval.ms", time.Minute.Milliseconds(), &s.ProbingInterval)

	class(f, "default.timestamp.extractor", "org.apache.kafka.streams.processor", &s.TimestampExtractor,
		"or set an extractor in Go", map[string]TimestampExtractor{
			string(FailOnInvalidTimestamp): FailOnInvalidTimestamp, string(LogAndSkipInvalidTimestamp): LogAndSkipInvalidTimestamp,
			string(UsePartitionTimeOnInvalid): UsePartitionTimeOnInvalid, string(WallclockTimestampExtractor): WallclockTimestampExtractor,
		})
	const errorsPackage, handlerInGo = "org.apache.kafka.streams.errors", "or set a handler in Go"
	class(f, "deserialization.exception.handler", errorsPackage, &s.OnDecodeError, handlerInGo, map[string]Reaction{
		"LogAndContinueExceptionHandler": Continue, "LogAndFailExceptionHandler": Fail,
	})
	class(f, "processing.exception.handler", errorsPackage, &s.OnProcessError, handlerInGo, map[string]Reaction{
		"LogAndContinueProcessingExceptionHandler": Continue, "LogAndFailProcessingExceptionHandler": Fail,
	})
	class(f, "production.exception.handler", errorsPackage, &s.OnProduceError, handlerInGo, map[string]Reaction{
		"DefaultProductionExceptionHandler": Fail,
	})
	f.bool("processing.exception.handler.global.enabled", &s.HandleGlobalErrors)
	if v, ok := r.values["errors.dead.letter.queue.topic.name"]; ok && v.text != "" {
		if err := internaltopics.CheckName(v.text); err != nil {
			r.problem(v, err.Error(), "")
		}
		s.DeadLetterTopic = v.text
	}
}

func (r *reader) guarantee(s *Settings) {
	v := r.values["processing.guarantee"]
	switch v.text {
	case "exactly_once", "exactly_once_beta":
		r.problem(v, `was removed in Kafka 4.0: want one of "at_least_once", "exactly_once_v2"`, "use exactly_once_v2")
		return
	}
	choice(r.all(), "processing.guarantee", &s.Guarantee, AtLeastOnce, ExactlyOnceV2)
	if s.Guarantee == ExactlyOnceV2 {
		s.CommitInterval = 100 * time.Millisecond // results are read only after a commit
	}
}

// storage reads what is kept where, and for how long.
func (r *reader) storage(s *Settings) {
	f := r.all()
	f.int("replication.factor", -1, math.MaxInt16, func(n int64) {
		if n == 0 {
			r.problem(r.values["replication.factor"], "want a number of replicas, or -1 for the brokers' default", "")
		}
		s.ReplicationFactor = int16(n)
	})
	f.millis("windowstore.changelog.additional.retention.ms", 0, &s.WindowChangelogExtraRetention)
	f.millis("repartition.purge.interval.ms", 0, &s.RepartitionPurgeInterval)
	f.millis("state.cleanup.delay.ms", 0, &s.StateCleanupDelay)
	f.millis("state.cleanup.dir.max.age.ms", -1, &s.StateMaxAge)
	if v, ok := r.values["state.dir"]; ok {
		if v.text == "" {
			r.problem(v, "want a directory", "")
		}
		s.StateDir = v.text
	}
	r.storeEngine(s)
}

// storeEngine reads the two spellings. As in Java, the class wins.
func (r *reader) storeEngine(s *Settings) {
	f := r.all()
	if v, ok := r.values["default.dsl.store"]; ok {
		var name string
		choice(f, "default.dsl.store", &name, "rocksDB", "in_memory")
		switch name {
		case "rocksDB":
			s.StoreEngine = Persistent
		case "in_memory":
			s.StoreEngine = InMemory
		}
		r.warn(v, "is deprecated in Kafka", "set dsl.store.suppliers.class")
	}
	class(f, "dsl.store.suppliers.class", "org.apache.kafka.streams.state", &s.StoreEngine, "or choose the engine in Go",
		map[string]StoreEngine{
			"BuiltInDslStoreSuppliers$RocksDBDslStoreSuppliers":  Persistent,
			"BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers": InMemory,
		})
}
