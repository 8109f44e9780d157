package settings

import (
	"slices"
	"strings"

	"mm2/internal/properties"
)

// honoured are the settings of Kafka Streams itself that have an effect.
var honoured = words(`
	application.id num.stream.threads processing.guarantee commit.interval.ms poll.ms task.timeout.ms
	max.task.idle.ms buffered.records.per.partition default.timestamp.extractor deserialization.exception.handler
	processing.exception.handler processing.exception.handler.global.enabled production.exception.handler
	errors.dead.letter.queue.topic.name replication.factor windowstore.changelog.additional.retention.ms
	repartition.purge.interval.ms state.dir default.dsl.store dsl.store.suppliers.class state.cleanup.delay.ms
	state.cleanup.dir.max.age.ms num.standby.replicas acceptable.recovery.lag max.warmup.replicas
	probing.rebalance.interval.ms application.server log.summary.interval.ms config.providers`)

// refusal is a setting that is not supported.
type refusal struct {
	// unless are the values that mean what happens anyway.
	unless []string
	reason string
	remedy string
}

const serdesByType = "serdes are found by Go type"

// refused are the settings of Kafka Streams that nothing here would honour.
var refused = map[string]refusal{
	"statestore.cache.max.bytes": {[]string{"0"}, "there is no record cache: want 0", "results are the same, with more updates in between"},
	"group.protocol":             {[]string{"classic"}, "the streams group protocol is not supported: want classic", ""},
	"topology.optimization":      {[]string{"none"}, "topologies are not optimized: want none", ""},
	"dsl.store.format":           {[]string{"default"}, "stores with headers are not supported: want default", ""},
	"rack.aware.assignment.strategy": {
		[]string{"none"}, "rack-aware assignment is not supported: want none", "",
	},
	"rack.aware.assignment.tags":             {nil, "rack-aware assignment is not supported", "remove it"},
	"rack.aware.assignment.traffic_cost":     {nil, "rack-aware assignment is not supported", "remove it"},
	"rack.aware.assignment.non_overlap_cost": {nil, "rack-aware assignment is not supported", "remove it"},
	"task.assignor.class":                    {nil, "mm2 runs no Java code, and there is one assignor", "remove it"},
	"ensure.explicit.internal.resource.naming": {
		[]string{"false"}, "belongs to the topology, not to its configuration", "give the builder the option EnsureExplicitNaming()",
	},
	"processor.wrapper.class":        {nil, "processors cannot be wrapped", "remove it"},
	"rocksdb.config.setter":          {nil, "stores are not kept by RocksDB, and mm2 runs no Java code", "set the options of the engine in Go"},
	"upgrade.from":                   {nil, "there is nothing to upgrade from: encodings carry their versions", "remove it"},
	"window.size.ms":                 {nil, "the serde of a window knows its size", "remove it"},
	"windowed.inner.class.serde":     {nil, "the serde of a window knows what is in it", "remove it"},
	"default.list.key.serde.inner":   {nil, serdesByType, "give the operator a serde in Go"},
	"default.list.key.serde.type":    {nil, serdesByType, "give the operator a serde in Go"},
	"default.list.value.serde.inner": {nil, serdesByType, "give the operator a serde in Go"},
	"default.list.value.serde.type":  {nil, serdesByType, "give the operator a serde in Go"},
	"default.key.serde":              {byteArraySerde, serdesByType, "register one with the builder; topics without types are read as byte slices"},
	"default.value.serde":            {byteArraySerde, serdesByType, "register one with the builder; topics without types are read as byte slices"},
	"default.client.supplier":        {nil, "mm2 runs no Java code", "add options of clients in Go"},
	"allow.os.group.write.access":    {[]string{"false"}, "the state directory is its owner's alone: want false", ""},
}

// refusedPrefixes are families of such settings.
var refusedPrefixes = map[string]refusal{
	"client.tag.": {nil, "rack-aware assignment is not supported", "remove it"},
}

var byteArraySerde = []string{
	"org.apache.kafka.common.serialization.Serdes$ByteArraySerde", "org.apache.kafka.common.serialization.Serdes.ByteArraySerde",
}

// idle are settings of Kafka Streams that change nothing here and that no
// result depends on.
var idle = words(`metrics.recording.level metrics.sample.window.ms metrics.num.samples metric.reporters
	built.in.metrics.version enable.metrics.push`)

// Settings of single kinds of clients. What has an effect stands first.
var (
	consumerKeys = words(`auto.offset.reset fetch.min.bytes fetch.max.wait.ms fetch.max.bytes
		max.partition.fetch.bytes max.poll.records isolation.level check.crcs`)
	groupKeys    = words(`session.timeout.ms heartbeat.interval.ms max.poll.interval.ms group.instance.id`)
	producerKeys = words(`linger.ms max.request.size buffer.memory compression.type acks enable.idempotence
		delivery.timeout.ms transaction.timeout.ms`)

	idleConsumerKeys = words(`auto.commit.interval.ms exclude.internal.topics group.remote.assignor`)
	idleProducerKeys = words(`batch.size retries max.block.ms partitioner.class partitioner.ignore.keys
		partitioner.adaptive.partitioning.enable partitioner.availability.timeout.ms metadata.max.idle.ms
		compression.gzip.level compression.lz4.level compression.zstd.level`)
	idleAdminKeys = words(`retries bootstrap.controllers`)
)

// fixed are client settings that Streams sets itself, with the value, or in
// words what it is. Java ignores what the user says, too.
var fixed = map[string]string{
	"enable.auto.commit":                    "false",
	"allow.auto.create.topics":              "false",
	"group.id":                              "the application.id",
	"partition.assignment.strategy":         "that of Streams",
	"key.deserializer":                      "byte arrays",
	"value.deserializer":                    "byte arrays",
	"key.serializer":                        "byte arrays",
	"value.serializer":                      "byte arrays",
	"transactional.id":                      "made of application.id, process and thread",
	"transaction.two.phase.commit.enable":   "false",
	"max.in.flight.requests.per.connection": "what keeps the order of records",
}

// kind is a kind of client.
type kind struct {
	prefixes []string // later ones win
	keys     []string // those with an effect, besides those of all clients
	idle     []string
}

var (
	mainConsumer    = kind{[]string{"consumer.", "main.consumer."}, slices.Concat(consumerKeys, groupKeys), idleConsumerKeys}
	restoreConsumer = kind{[]string{"consumer.", "restore.consumer."}, consumerKeys, slices.Concat(groupKeys, idleConsumerKeys)}
	globalConsumer  = kind{[]string{"consumer.", "global.consumer."}, consumerKeys, slices.Concat(groupKeys, idleConsumerKeys)}
	producer        = kind{[]string{"producer."}, producerKeys, idleProducerKeys}
	admin           = kind{[]string{"admin."}, nil, idleAdminKeys}

	kinds = []kind{mainConsumer, restoreConsumer, globalConsumer, producer, admin}
)

func words(s string) []string { return strings.Fields(s) }

// has tells whether a client of this kind has a setting, and whether it has an
// effect.
func (k kind) has(key string) (known, effect bool) {
	if slices.Contains(k.keys, key) || slices.Contains(properties.ActedConnectionKeys, key) ||
		slices.Contains(properties.ClientKeys, key) && key != "client.id" {
		return true, true
	}
	return slices.Contains(k.idle, key) || slices.Contains(properties.ConnectionKeys, key) ||
		slices.Contains(properties.IdleClientKeys, key) || key == "client.id", false
}

// knownKeys are all names without prefix.
func knownKeys() []string {
	keys := slices.Concat(honoured, idle, properties.ConnectionKeys, properties.ClientKeys, properties.IdleClientKeys)
	for _, k := range kinds {
		keys = append(append(keys, k.keys...), k.idle...)
	}
	for key := range refused {
		keys = append(keys, key)
	}
	return keys
}
