package settings_test

import (
	"strings"
	"testing"

	"mm2/streams/internal/settings"
)

// every lists the settings of Kafka Streams 4.3.1 and of its clients: each with
// a value that Kafka takes and is not its default, and what comes of it:
// "accepted", "warned", or why it is refused.
var every = []struct{ key, value, want string }{
	{"bootstrap.servers", "b:1", "accepted"},
	{"application.id", "other", "accepted"},
	{"default.key.serde", "org.apache.kafka.common.serialization.Serdes$StringSerde", "serdes are found by Go type"},
	{"default.key.serde", "org.apache.kafka.common.serialization.Serdes$ByteArraySerde", "accepted"},
	{"default.value.serde", "org.apache.kafka.common.serialization.Serdes$LongSerde", "serdes are found by Go type"},
	{"default.list.key.serde.inner", "x", "serdes are found by Go type"},
	{"default.list.key.serde.type", "x", "serdes are found by Go type"},
	{"default.list.value.serde.inner", "x", "serdes are found by Go type"},
	{"default.list.value.serde.type", "x", "serdes are found by Go type"},
	{"num.stream.threads", "2", "accepted"},
	{"state.dir", "/x", "accepted"},
	{"processing.guarantee", "exactly_once_v2", "accepted"},
	{"commit.interval.ms", "1", "accepted"},
	{"client.id", "c", "accepted"},
	{"replication.factor", "2", "accepted"},
	{"topic.segment.bytes", "1", "accepted"},
	{"max.task.idle.ms", "1", "accepted"},
	{"buffered.records.per.partition", "1", "accepted"},
	{"poll.ms", "1", "accepted"},
	{"task.timeout.ms", "1", "accepted"},
	{"default.timestamp.extractor", "org.apache.kafka.streams.processor.LogAndSkipOnInvalidTimestamp", "accepted"},
	{"deserialization.exception.handler", "org.apache.kafka.streams.errors.LogAndContinueExceptionHandler", "accepted"},
	{"default.deserialization.exception.handler", "org.apache.kafka.streams.errors.LogAndContinueExceptionHandler", "warned"},
	{"processing.exception.handler", "org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler", "accepted"},
	{"processing.exception.handler.global.enabled", "true", "accepted"},
	{"production.exception.handler", "org.apache.kafka.streams.errors.DefaultProductionExceptionHandler", "accepted"},
	{"default.production.exception.handler", "org.apache.kafka.streams.errors.DefaultProductionExceptionHandler", "warned"},
	{"errors.dead.letter.queue.topic.name", "d", "accepted"},
	{"statestore.cache.max.bytes", "10485760", "there is no record cache"},
	{"statestore.cache.max.bytes", "0", "accepted"},
	{"cache.max.bytes.buffering", "1", "there is no record cache"},
	{"num.standby.replicas", "1", "accepted"},
	{"acceptable.recovery.lag", "1", "accepted"},
	{"max.warmup.replicas", "1", "accepted"},
	{"probing.rebalance.interval.ms", "60000", "accepted"},
	{"rack.aware.assignment.tags", "zone", "rack-aware assignment is not supported"},
	{"client.tag.zone", "a", "rack-aware assignment is not supported"},
	{"rack.aware.assignment.strategy", "min_traffic", "rack-aware assignment is not supported"},
	{"rack.aware.assignment.strategy", "none", "accepted"},
	{"rack.aware.assignment.traffic_cost", "1", "rack-aware assignment is not supported"},
	{"rack.aware.assignment.non_overlap_cost", "1", "rack-aware assignment is not supported"},
	{"task.assignor.class", "x", "there is one assignor"},
	{"group.protocol", "streams", "the streams group protocol is not supported"},
	{"group.protocol", "classic", "accepted"},
	{"application.server", "a:1", "accepted"},
	{"state.cleanup.delay.ms", "1", "accepted"},
	{"state.cleanup.dir.max.age.ms", "1", "accepted"},
	{"windowstore.changelog.additional.retention.ms", "1", "accepted"},
	{"repartition.purge.interval.ms", "1", "accepted"},
	{"default.dsl.store", "in_memory", "warned"},
	{"dsl.store.suppliers.class", "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$RocksDBDslStoreSuppliers", "accepted"},
	{"dsl.store.format", "headers", "stores with headers are not supported"},
	{"dsl.store.format", "default", "accepted"},
	{"rocksdb.config.setter", "x", "stores are not kept by RocksDB"},
	{"topology.optimization", "all", "topologies are not optimized"},
	{"topology.optimization", "none", "accepted"},
	{"ensure.explicit.internal.resource.naming", "true", "give the builder the option"},
	{"processor.wrapper.class", "x", "processors cannot be wrapped"},
	{"metrics.recording.level", "DEBUG", "warned"},
	{"metrics.sample.window.ms", "1", "warned"},
	{"metrics.num.samples", "1", "warned"},
	{"metric.reporters", "x", "warned"},
	{"built.in.metrics.version", "latest", "warned"},
	{"log.summary.interval.ms", "1", "accepted"},
	{"upgrade.from", "3.9", "there is nothing to upgrade from"},
	{"window.size.ms", "1", "the serde of a window knows"},
	{"windowed.inner.class.serde", "x", "the serde of a window knows"},
	{"allow.os.group.write.access", "true", "its owner's alone"},
	{"config.providers", "", "accepted"},
	{"config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider", "accepted"},
	{"default.client.supplier", "x", "mm2 runs no Java code"},
	{"enable.metrics.push", "false", "warned"},
	{"send.buffer.bytes", "1", "warned"},
	{"receive.buffer.bytes", "1", "warned"},
	{"request.timeout.ms", "1", "accepted"},
	{"retry.backoff.ms", "1", "accepted"},
	{"retry.backoff.max.ms", "1", "accepted"},
	{"reconnect.backoff.ms", "1", "warned"},
	{"reconnect.backoff.max.ms", "1", "warned"},
	{"metadata.max.age.ms", "1", "accepted"},
	{"metadata.recovery.strategy", "none", "warned"},
	{"metadata.recovery.rebootstrap.trigger.ms", "1", "warned"},
	{"connections.max.idle.ms", "1", "accepted"},
	{"security.protocol", "SSL", "accepted"},
	{"ssl.truststore.location", "x", "accepted"},
	{"ssl.protocol", "TLSv1.3", "warned"},
	{"sasl.mechanism", "PLAIN", "accepted"},
	{"sasl.kerberos.service.name", "x", "warned"},
	{"main.consumer.fetch.min.bytes", "1", "accepted"},
	{"restore.consumer.fetch.min.bytes", "1", "accepted"},
	{"global.consumer.fetch.min.bytes", "1", "accepted"},
	{"consumer.fetch.min.bytes", "1", "accepted"},
	{"producer.linger.ms", "1", "accepted"},
	{"admin.request.timeout.ms", "1", "accepted"},
	{"group.instance.id", "x", "accepted"},
	{"auto.offset.reset", "latest", "accepted"},
	{"enable.auto.commit", "true", "warned"},
	{"allow.auto.create.topics", "true", "warned"},
	{"max.poll.records", "1", "accepted"},
	{"linger.ms", "1", "accepted"},
	{"isolation.level", "read_committed", "accepted"},
	{"enable.idempotence", "false", "accepted"},
	{"delivery.timeout.ms", "1", "accepted"},
	{"transaction.timeout.ms", "1", "accepted"},
}

func TestEverySettingHasAnAnswer(t *testing.T) {
	for _, tt := range every {
		t.Run(tt.key+"="+tt.value, func(t *testing.T) {
			s, err := settings.Parse(with(tt.key, tt.value))
			switch {
			case tt.want == "accepted":
				if err != nil || len(s.Warnings) > 0 {
					t.Errorf("got %v, warnings %v", err, s.Warnings)
				}
			case tt.want == "warned":
				if err != nil || len(s.Warnings) != 1 {
					t.Errorf("got %v, warnings %v", err, s.Warnings)
				}
			case err == nil || !strings.Contains(err.Error(), tt.want):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
