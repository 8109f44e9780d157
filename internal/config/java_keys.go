package config

import (
	"slices"
	"strings"

	"mm2/internal/properties"
)

// valueType is the type of a key in Java's ConfigDef.
type valueType int

const (
	typeString valueType = iota
	typeBool
	typeInt // INT, SHORT and LONG
	typeList
	typeClass
)

// use is what mm2 makes of a key that Java knows.
type use int

const (
	acted use = iota // mm2 acts on it
	idle             // nothing in mm2 corresponds to it
)

type keyDef struct {
	typ valueType
	use use
	// flowOnly keys are read by Connect or by plug-ins, not declared by the
	// connectors: at the top level of the file Java drops them.
	flowOnly bool
}

// connectorKeys are the keys of MirrorSourceConnector,
// MirrorCheckpointConnector and MirrorHeartbeatConnector.
var connectorKeys = map[string]keyDef{
	"enabled":                         {typeBool, acted, false},
	"topics":                          {typeList, acted, false},
	"topics.exclude":                  {typeList, acted, false},
	"config.properties.exclude":       {typeList, acted, false},
	"replication.factor":              {typeInt, acted, false},
	"refresh.topics.enabled":          {typeBool, acted, false},
	"refresh.topics.interval.seconds": {typeInt, acted, false},
	"replication.policy.class":        {typeClass, acted, false},
	"replication.policy.separator":    {typeString, acted, false},
	"replication.policy.internal.topic.separator.enabled": {typeBool, acted, false},
	"heartbeats.replication.enabled":                      {typeBool, acted, false},
	"heartbeats.topic.replication.factor":                 {typeInt, acted, false},
	"emit.heartbeats.enabled":                             {typeBool, acted, false},
	"emit.heartbeats.interval.seconds":                    {typeInt, acted, false},
	"topic.filter.class":                                  {typeClass, acted, false},
	"group.filter.class":                                  {typeClass, acted, false},
	"config.property.filter.class":                        {typeClass, acted, false},
	"forwarding.admin.class":                              {typeClass, acted, false},
	"source.cluster.alias":                                {typeString, acted, false},
	"target.cluster.alias":                                {typeString, acted, false},
	"key.converter":                                       {typeClass, acted, false},
	"value.converter":                                     {typeClass, acted, false},
	"header.converter":                                    {typeClass, acted, false},
	"transforms":                                          {typeList, acted, false},
	"predicates":                                          {typeList, acted, false},

	"sync.topic.configs.enabled":            {typeBool, acted, false},
	"sync.topic.configs.interval.seconds":   {typeInt, acted, false},
	"sync.topic.acls.enabled":               {typeBool, acted, false},
	"sync.topic.acls.interval.seconds":      {typeInt, acted, false},
	"use.defaults.from":                     {typeString, acted, true},
	"offset-syncs.topic.replication.factor": {typeInt, acted, false},
	"offset-syncs.topic.location":           {typeString, acted, false},
	"emit.offset-syncs.enabled":             {typeBool, acted, false},
	"offset.lag.max":                        {typeInt, acted, false},
	"groups":                                {typeList, acted, false},
	"groups.exclude":                        {typeList, acted, false},
	"emit.checkpoints.enabled":              {typeBool, acted, false},
	"emit.checkpoints.interval.seconds":     {typeInt, acted, false},
	"sync.group.offsets.enabled":            {typeBool, acted, false},
	"sync.group.offsets.interval.seconds":   {typeInt, acted, false},
	"checkpoints.topic.replication.factor":  {typeInt, acted, false},
	"metric.names.formats":                  {typeList, acted, false},
	"offsets.storage.topic":                 {typeString, acted, true},

	"tasks.max":                       {typeInt, idle, false},
	"refresh.groups.enabled":          {typeBool, idle, false},
	"refresh.groups.interval.seconds": {typeInt, idle, false},
	"tasks.max.enforce":               {typeBool, idle, false},
	"name":                            {typeString, idle, false},
	"connector.class":                 {typeString, idle, false},
	"connector.plugin.version":        {typeString, idle, false},
	"admin.timeout.ms":                {typeInt, idle, false},
	"consumer.poll.timeout.ms":        {typeInt, idle, false},
	"metric.reporters":                {typeList, idle, false},
	"errors.tolerance":                {typeString, idle, false},
	"errors.retry.timeout":            {typeInt, idle, false},
	"errors.retry.delay.max.ms":       {typeInt, idle, false},
	"errors.log.enable":               {typeBool, idle, false},
	"errors.log.include.messages":     {typeBool, idle, false},
	"config.action.reload":            {typeString, idle, false},
	"use.incremental.alter.configs":   {typeString, idle, false},
	"add.source.alias.to.metrics":     {typeBool, idle, false},
	"auto.include.jmx.reporter":       {typeBool, idle, false},

	"exactly.once.support":             {typeString, idle, true},
	"transaction.boundary":             {typeString, idle, true},
	"transaction.boundary.interval.ms": {typeInt, idle, true},
}

// idleReasons are the idle keys that a person may miss, with what mm2 does
// instead.
var idleReasons = map[string]string{
	"tasks.max":                       "mm2 shares work by lanes, not by tasks",
	"refresh.groups.enabled":          "mm2 sees a group when it commits",
	"refresh.groups.interval.seconds": "mm2 sees a group when it commits",
	"exactly.once.source.support":     "mm2 is exactly once whatever it says",
}

// workerKeys are the keys of a Connect worker, which are written B.<key>.
var workerKeys = map[string]keyDef{
	"offset.storage.replication.factor": {typeInt, acted, false},
	"offset.storage.topic":              {typeString, acted, false},
	"group.id":                          {typeString, acted, false},
	"session.timeout.ms":                {typeInt, acted, false},
	"client.id":                         {typeString, acted, false},
	"exactly.once.source.support":       {typeString, idle, false},
	"offset.flush.interval.ms":          {typeInt, idle, false},
	"offset.flush.timeout.ms":           {typeInt, idle, false},
	"heartbeat.interval.ms":             {typeInt, idle, false},
	"rebalance.timeout.ms":              {typeInt, idle, false},
	"scheduled.rebalance.max.delay.ms":  {typeInt, idle, false},
	"topic.creation.enable":             {typeBool, idle, false},
}

// idleWorkerKeys are the worker keys of which nothing but the name matters.
var idleWorkerKeys = words(`
	offset.storage.partitions config.storage.topic config.storage.replication.factor
	status.storage.topic status.storage.partitions status.storage.replication.factor
	connect.protocol task.shutdown.graceful.timeout.ms worker.sync.timeout.ms worker.unsync.backoff.ms
	plugin.path plugin.discovery listeners admin.listeners rest.advertised.host.name rest.advertised.port
	rest.advertised.listener rest.extension.classes access.control.allow.origin access.control.allow.methods
	response.http.headers.config connector.client.config.override.policy inter.worker.key.generation.algorithm
	inter.worker.key.size inter.worker.key.ttl.ms inter.worker.signature.algorithm
	inter.worker.verification.algorithms metrics.num.samples metrics.sample.window.ms metrics.recording.level
	topic.tracking.enable topic.tracking.allow.reset header.converter.plugin.version key.converter.plugin.version
	value.converter.plugin.version`)

// driverKeys are those of the dedicated driver itself, at the top level.
var driverKeys = words(`
	dedicated.mode.enable.internal.rest listeners admin.listeners rest.advertised.host.name rest.advertised.port
	rest.advertised.listener rest.extension.classes access.control.allow.origin access.control.allow.methods
	response.http.headers.config ssl.client.auth`)

// workerPrefixes are the names at top level that reach the workers.
var workerPrefixes = words(`offset.storage config.storage status.storage key.converter value.converter
	header.converter task worker replication.policy`)

// Keys of single kinds of clients. What mm2 acts on stands first.
var (
	consumerActed = words(`isolation.level auto.offset.reset fetch.min.bytes fetch.max.wait.ms fetch.max.bytes
		max.partition.fetch.bytes`)
	producerActed = words(`compression.type linger.ms max.request.size buffer.memory acks transaction.timeout.ms`)

	consumerIdle = words(`max.poll.records max.poll.interval.ms session.timeout.ms heartbeat.interval.ms
		enable.auto.commit auto.commit.interval.ms check.crcs group.id group.instance.id group.protocol
		group.remote.assignor partition.assignment.strategy exclude.internal.topics allow.auto.create.topics
		key.deserializer value.deserializer`)
	producerIdle = words(`batch.size retries delivery.timeout.ms enable.idempotence transactional.id max.block.ms
		max.in.flight.requests.per.connection partitioner.class partitioner.ignore.keys
		partitioner.adaptive.partitioning.enable partitioner.availability.timeout.ms metadata.max.idle.ms
		compression.gzip.level compression.lz4.level compression.zstd.level key.serializer value.serializer
		transaction.two.phase.commit.enable`)
	adminIdle = words(`retries bootstrap.controllers`)
)

// roles are the kinds of clients, with the keys of each.
var roles = map[string]struct{ acted, idle []string }{
	"consumer": {slices.Concat(properties.ClientKeys, consumerActed), slices.Concat(properties.IdleClientKeys, consumerIdle)},
	"producer": {slices.Concat(properties.ClientKeys, producerActed), slices.Concat(properties.IdleClientKeys, producerIdle)},
	"admin":    {properties.ClientKeys, slices.Concat(properties.IdleClientKeys, adminIdle)},
}

// renamed are the names of before Kafka 2.7. Kafka 4.0 drops them silently.
var renamed = map[string]string{
	"topics.blacklist":            "topics.exclude",
	"groups.blacklist":            "groups.exclude",
	"config.properties.blacklist": "config.properties.exclude",
}

func words(s string) []string { return strings.Fields(s) }

func isClientKey(key string) bool { return slices.Contains(properties.ConnectionKeys, key) }

// definedByConnectors reports whether a key at top level reaches the connectors.
func definedByConnectors(key string) bool {
	def, ok := connectorKeys[key]
	return ok && !def.flowOnly || isClientKey(key) && key != "bootstrap.servers"
}

// workerKey looks a key of Connect's workers up.
func workerKey(key string) (keyDef, bool) {
	if def, ok := workerKeys[key]; ok {
		return def, true
	}
	return keyDef{use: idle}, slices.Contains(idleWorkerKeys, key)
}

// roleOf splits "consumer.fetch.min.bytes"; role is empty when key has none.
func roleOf(key string) (role, rest string) {
	role, rest, ok := strings.Cut(key, ".")
	if _, known := roles[role]; !ok || !known {
		return "", key
	}
	return role, rest
}

func roleHas(role, key string) bool {
	return slices.Contains(roles[role].acted, key) || slices.Contains(roles[role].idle, key)
}

// roleSpellings writes key behind the prefix of each kind of client that has
// it. Settings of admin clients count for the others, too, so they stand last.
func roleSpellings(key, consumer, producer, admin string) string {
	var spellings []string
	if roleHas("consumer", key) {
		spellings = append(spellings, consumer+key)
	}
	if roleHas("producer", key) {
		spellings = append(spellings, producer+key)
	}
	if len(spellings) == 0 {
		spellings = append(spellings, admin+key)
	}
	return strings.Join(spellings, " or ")
}

// anyRoleHas reports whether key configures some kind of client.
func anyRoleHas(key string) bool {
	return roleHas("consumer", key) || roleHas("producer", key) || roleHas("admin", key)
}
