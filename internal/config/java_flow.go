package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mm2/topology"
)

// flow reads what the file decides about one flow.
func (j *javaReader) flow(id topology.FlowID) *draft {
	connector, worker := j.raw.connectorConfig(id), j.raw.workerConfig(id)
	enabled := connector["enabled"]
	d := newDraft(id, place{line: enabled.line, key: enabled.key, value: enabled.raw})
	j.flowTopics(d, connector)
	j.flowNaming(d, connector)
	j.flowFactors(d, connector, worker)
	j.flowHeartbeats(d, connector)
	j.flowConsumer(d, connector.clientConfig("source", "consumer"))
	j.flowProducer(d, dataProducerConfig(worker, connector))
	if _, ok := worker["session.timeout.ms"]; ok {
		d.flow.SessionTimeout = j.javaMillis(worker, "session.timeout.ms", time.Second, 30*time.Minute, d.flow.SessionTimeout)
	}
	j.transactionTimeout(d, dataProducerConfig(worker, connector))
	j.flowFollow(d, connector)
	j.flowTakeOver(d, connector, worker)
	j.refusedTogether(connector)
	j.noteOrigins(d, connector, worker)
	j.refuseStages(id, connector, worker)
	return d
}

func (j *javaReader) flowTopics(d *draft, c javaConfig) {
	d.topics = j.javaList(c, "topics", d.topics)
	d.exclude = j.javaList(c, "topics.exclude", d.exclude)
	d.configExclude = j.javaList(c, "config.properties.exclude", d.configExclude)
	d.flow.ReplicateHeartbeats = j.javaBool(c, "heartbeats.replication.enabled", true)
	refresh := true
	if interval := j.periodic(c, "refresh.topics", minSyncInterval, &refresh); interval > 0 {
		d.flow.DiscoveryInterval = interval
	}
	if !refresh {
		d.flow.DiscoveryInterval = Never
	}
}

const mirrorPackage = "org.apache.kafka.connect.mirror."

// flowNaming reads the replication policy. The internal flag counts only
// where a separator is given (KIP-949).
func (j *javaReader) flowNaming(d *draft, c javaConfig) {
	switch class := c["replication.policy.class"]; strings.TrimPrefix(class.text, mirrorPackage) {
	case "", "DefaultReplicationPolicy":
	case "IdentityReplicationPolicy":
		d.policy = "identity"
	default:
		j.problem(class.place(), "mm2 runs no Java code: want "+mirrorPackage+"DefaultReplicationPolicy or "+
			mirrorPackage+"IdentityReplicationPolicy", "")
	}
	internal := j.javaBool(c, "replication.policy.internal.topic.separator.enabled", true)
	separator, ok := c["replication.policy.separator"]
	if !ok {
		return
	}
	if rule := checkSeparator(separator.text); rule != "" {
		j.problem(separator.place(), rule, "")
		return
	}
	d.separator = separator.text
	if !internal {
		d.internalSeparator = topology.DefaultSeparator
	}
}

func (j *javaReader) flowFactors(d *draft, connector, worker javaConfig) {
	// The defaults are Java's: two for copies, three for internal topics.
	d.flow.ReplicationFactor = j.factor(d, "replication_factor", connector, "replication.factor", 2)
	d.flow.LanesReplicationFactor = j.factor(d, "lanes_replication_factor", worker, "offset.storage.replication.factor", 3)
	d.flow.HeartbeatsReplicationFactor = j.factor(d, "heartbeats_replication_factor", connector, "heartbeats.topic.replication.factor", 3)
	d.flow.OffsetSyncs.ReplicationFactor = j.factor(d, "offset_syncs.replication_factor", connector, "offset-syncs.topic.replication.factor", 3)
	d.flow.Checkpoints.ReplicationFactor = j.factor(d, "checkpoints.replication_factor", connector, "checkpoints.topic.replication.factor", 3)
}

// factor reads what TOML calls name.
func (j *javaReader) factor(d *draft, name string, c javaConfig, key string, otherwise int64) int16 {
	n := j.javaInt(c, key, -1, math.MaxInt16, otherwise)
	if n == 0 {
		j.problem(c[key].place(), "want the number of replicas, or -1 for the cluster's default", "")
	}
	_, said := c[key]
	d.javaDefault[name] = !said
	return int16(n)
}

// flowHeartbeats seeds the source where Java does: by the heartbeat connector
// of the way back, which runs although that way copies nothing.
func (j *javaReader) flowHeartbeats(d *draft, c javaConfig) {
	back := d.flow.ID.Reverse()
	if interval := j.periodic(c, "emit.heartbeats", minRoundInterval, &d.flow.Heartbeats.Emit); interval > 0 {
		d.flow.Heartbeats.Interval = interval
	}
	wayBack, emits := j.raw.connectorConfig(back), true
	j.periodic(wayBack, "emit.heartbeats", minRoundInterval, &emits)
	seed := emits && !j.javaBool(wayBack, "enabled", false)
	d.seed = &seed
	for _, key := range []string{"enabled", "emit.heartbeats.enabled"} {
		if v := wayBack[key]; v.line > 0 {
			d.origin["heartbeats.seed"] = append(d.origin["heartbeats.seed"], v.place())
		}
	}
}

func (j *javaReader) flowConsumer(d *draft, c javaConfig) {
	if v, ok := j.javaChoice(c, "isolation.level", "read_committed", "read_uncommitted"); ok {
		d.flow.ReadUncommitted = v == "read_uncommitted"
	}
	if v, ok := j.javaChoice(c, "auto.offset.reset", "earliest", "latest"); ok {
		d.flow.StartLatest = v == "latest"
	}
	f := &d.flow.Fetch
	f.MinBytes = j.int32(c, "fetch.min.bytes")
	f.MaxBytes = j.int32(c, "fetch.max.bytes")
	f.MaxPartitionBytes = j.int32(c, "max.partition.fetch.bytes")
	f.MaxWait = j.javaMillis(c, "fetch.max.wait.ms", 0, time.Minute, 0)
}

func (j *javaReader) int32(c javaConfig, key string) int32 {
	return int32(j.javaInt(c, key, 0, math.MaxInt32, 0))
}

func (j *javaReader) flowProducer(d *draft, c javaConfig) {
	if v, ok := j.javaChoice(c, "compression.type", compressions[1:]...); ok {
		d.flow.Compression = v
	}
	d.flow.Produce.Linger = j.javaMillis(c, "linger.ms", 0, time.Minute, 0)
	if _, ok := c["linger.ms"]; ok && d.flow.Produce.Linger == 0 {
		d.flow.Produce.Linger = -1
	}
	d.flow.Produce.MaxRequestBytes = j.int32(c, "max.request.size")
	d.flow.Produce.BufferBytes = j.javaInt(c, "buffer.memory", 0, 1<<40, 0)
	if v, ok := c["acks"]; ok && v.text != "all" && v.text != "-1" {
		j.warn(v.place(), "has no effect: mm2 waits for all replicas in sync", "")
	}
}

// transactionTimeout keeps a timeout that suits the session. Files for
// Connect often have far longer ones, which are harmless there.
func (j *javaReader) transactionTimeout(d *draft, c javaConfig) {
	v, ok := c["transaction.timeout.ms"]
	if !ok {
		return
	}
	timeout := j.javaMillis(c, "transaction.timeout.ms", time.Second, maxInterval, 0)
	if timeout >= d.flow.SessionTimeout {
		suitable := transactionTimeout(d.flow.SessionTimeout)
		j.warn(v.place(), fmt.Sprintf("must be shorter in mm2 than the session of a worker (%s): %s is used",
			formatDuration(d.flow.SessionTimeout), formatDuration(suitable)), "")
		return
	}
	if timeout > 0 {
		d.flow.TransactionTimeout, d.transactionTimeoutSet = timeout, true
		d.at["transaction_timeout"] = v.place()
	}
}

// pluginDefaults are the classes that mm2 stands in for.
var pluginDefaults = map[string][]string{
	"topic.filter.class":           {mirrorPackage + "DefaultTopicFilter"},
	"group.filter.class":           {mirrorPackage + "DefaultGroupFilter"},
	"config.property.filter.class": {mirrorPackage + "DefaultConfigPropertyFilter"},
	"forwarding.admin.class":       {"org.apache.kafka.clients.admin.ForwardingAdmin"},
	"key.converter":                {byteArrayConverter},
	"value.converter":              {byteArrayConverter},
	// Headers are copied as they are, which is what SimpleHeaderConverter
	// is not: it parses and re-encodes them.
	"header.converter": {byteArrayConverter},
}

// refuseStages reports what would change records or choose topics by code that
// mm2 does not have: ignoring it would copy the wrong things.
func (j *javaReader) refuseStages(id topology.FlowID, connector, worker javaConfig) {
	for key, classes := range pluginDefaults {
		for _, c := range []javaConfig{connector, worker} {
			if v, ok := c[key]; ok && !slices.Contains(classes, v.text) {
				j.problem(v.place(), "mm2 runs no Java code: want "+strings.Join(classes, " or "), "")
			}
		}
	}
	for _, key := range []string{"transforms", "predicates"} {
		if v, ok := connector[key]; ok && v.text != "" {
			j.problem(v.place(), key+" are not part of this version", "")
		}
	}
	for key, alias := range map[string]topology.Alias{"source.cluster.alias": id.Source, "target.cluster.alias": id.Target} {
		if v := connector[key]; v.text != string(alias) {
			j.problem(v.place(), "cannot differ from the name of the cluster", "rename the cluster, or keep topic names with "+mirrorPackage+"IdentityReplicationPolicy")
		}
	}
}
