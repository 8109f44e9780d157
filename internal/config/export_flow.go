package config

import (
	"cmp"
	"slices"
	"strconv"

	"mm2/topology"
)

// flowSettings are all settings of a flow, in the order of the reference.
func flowSettings(d *draft, all []*draft) settings {
	f, b := &d.flow, defaultFlow()
	var s settings
	s.patterns("topics", d.topics, []string{".*"})
	s.patterns("topics_exclude", d.exclude, defaultTopicsExclude())
	s.patterns("config_exclude", d.configExclude, defaultConfigExclude())
	s.text("topic_deletion", deletion(f.ConfigSync.DeleteTopics), deletion(b.ConfigSync.DeleteTopics))
	s.boolean("copy", f.Copy, b.Copy)
	s.boolean("replicate_heartbeats", f.ReplicateHeartbeats, b.ReplicateHeartbeats)
	s.text("policy", d.policy, "default")
	s.text("separator", d.separator, topology.DefaultSeparator)
	s.text("internal_separator", cmp.Or(d.internalSeparator, d.separator), d.separator)
	s.text("provenance", string(f.Provenance), string(b.Provenance))
	s.text("delivery", string(f.Delivery), string(b.Delivery))
	s.text("isolation", isolation(f.ReadUncommitted), isolation(b.ReadUncommitted))
	s.text("start", start(f.StartLatest), start(b.StartLatest))
	s.number("lanes", int64(f.Lanes), int64(b.Lanes))
	s.number("replication_factor", int64(f.ReplicationFactor), int64(b.ReplicationFactor))
	s.number("lanes_replication_factor", int64(f.LanesReplicationFactor), int64(b.LanesReplicationFactor))
	s.number("heartbeats_replication_factor", int64(f.HeartbeatsReplicationFactor), int64(b.HeartbeatsReplicationFactor))
	if f.DiscoveryInterval == Never {
		s.text("discovery_interval", "never", "")
	} else {
		s.duration("discovery_interval", f.DiscoveryInterval, b.DiscoveryInterval)
	}
	s.duration("commit_interval", f.CommitInterval, b.CommitInterval)
	s.size("commit_bytes", f.CommitBytes, b.CommitBytes)
	s.duration("session_timeout", f.SessionTimeout, b.SessionTimeout)
	s.duration("transaction_timeout", f.TransactionTimeout, transactionTimeout(f.SessionTimeout))
	s.text("compression", f.Compression, b.Compression)
	s.add("rate_limit", tomlText(formatSize(f.RateLimit)+"/s"), f.RateLimit != b.RateLimit)
	s.boolean("heartbeats.emit", f.Heartbeats.Emit, b.Heartbeats.Emit)
	s.duration("heartbeats.interval", f.Heartbeats.Interval, b.Heartbeats.Interval)
	s.boolean("heartbeats.seed", f.Heartbeats.Seed, seeds(d, all))
	s.follow(d)
	s.tuning(f)
	for i := range s {
		if d.javaDefault[s[i].key] {
			s[i].comment = "Java's default; mm2's is " + mm2Default(s[i].key)
		}
	}
	return s
}

// follow is about what keeps the target in step beside the records.
func (s *settings) follow(d *draft) {
	f, b := &d.flow, defaultFlow()
	s.boolean("config_sync.configs", f.ConfigSync.Configs, b.ConfigSync.Configs)
	s.boolean("config_sync.acls", f.ConfigSync.ACLs, b.ConfigSync.ACLs)
	s.text("config_sync.acl_mode", string(f.ConfigSync.ACLMode), string(b.ConfigSync.ACLMode))
	s.text("config_sync.mode", string(f.ConfigSync.Mode), string(b.ConfigSync.Mode))
	s.duration("config_sync.interval", f.ConfigSync.Interval, b.ConfigSync.Interval)
	s.text("config_sync.defaults_from", f.ConfigSync.DefaultsFrom, b.ConfigSync.DefaultsFrom)
	s.boolean("offset_syncs.emit", f.OffsetSyncs.Emit, b.OffsetSyncs.Emit)
	s.text("offset_syncs.location", f.OffsetSyncs.Location, b.OffsetSyncs.Location)
	s.number("offset_syncs.lag_max", f.OffsetSyncs.LagMax, b.OffsetSyncs.LagMax)
	s.number("offset_syncs.replication_factor", int64(f.OffsetSyncs.ReplicationFactor), int64(b.OffsetSyncs.ReplicationFactor))
	s.boolean("checkpoints.emit", f.Checkpoints.Emit, b.Checkpoints.Emit)
	s.duration("checkpoints.interval", f.Checkpoints.Interval, b.Checkpoints.Interval)
	s.number("checkpoints.replication_factor", int64(f.Checkpoints.ReplicationFactor), int64(b.Checkpoints.ReplicationFactor))
	s.size("checkpoints.index_bytes", f.Checkpoints.IndexBytes, b.Checkpoints.IndexBytes)
	s.patterns("groups.include", d.groups, []string{".*"})
	s.patterns("groups.exclude", d.groupsExclude, defaultGroupsExclude())
	s.boolean("groups.sync", f.Groups.Sync, b.Groups.Sync)
	s.duration("groups.sync_interval", f.Groups.SyncInterval, b.Groups.SyncInterval)
	s.text("groups.follow", f.Groups.Follow, b.Groups.Follow)
	s.duration("groups.poll_interval", f.Groups.PollInterval, b.Groups.PollInterval)
	s.text("on.retention_overtook", string(f.OnTrouble.RetentionOvertook), string(b.OnTrouble.RetentionOvertook))
	s.text("on.source_truncated", string(f.OnTrouble.SourceTruncated), string(b.OnTrouble.SourceTruncated))
	s.text("on.source_recreated", string(f.OnTrouble.SourceRecreated), string(b.OnTrouble.SourceRecreated))
	s.text("on.target_recreated", string(f.OnTrouble.TargetRecreated), string(b.OnTrouble.TargetRecreated))
	s.text("on.target_written", string(f.OnTrouble.TargetWritten), string(b.OnTrouble.TargetWritten))
	s.text("on.record_refused", string(f.OnTrouble.RecordRefused), string(b.OnTrouble.RecordRefused))
	s.text("on.dead_letter_topic", f.OnTrouble.DeadLetterTopic, topology.DeadLetterTopic(f.ID.Source))
	s.boolean("java.take_over", f.Java.TakeOver, b.Java.TakeOver)
	s.text("java.offsets_topic", f.Java.OffsetsTopic, topology.JavaOffsetsTopic(f.ID.Source))
	s.text("java.connector", f.Java.Connector, b.Java.Connector)
	s.text("java.group", f.Java.Group, topology.JavaGroup(f.ID.Source))
}

func (s *settings) tuning(f *Flow) {
	s.size("fetch.min_bytes", int64(f.Fetch.MinBytes), 0)
	s.duration("fetch.max_wait", f.Fetch.MaxWait, 0)
	s.size("fetch.max_bytes", int64(f.Fetch.MaxBytes), 0)
	s.size("fetch.max_partition_bytes", int64(f.Fetch.MaxPartitionBytes), 0)
	s.duration("produce.linger", max(f.Produce.Linger, 0), min(f.Produce.Linger, 0))
	s.size("produce.max_request_bytes", int64(f.Produce.MaxRequestBytes), 0)
	s.size("produce.buffer_bytes", f.Produce.BufferBytes, 0)
}

// mm2Default names the default of a setting whose default in a properties file
// is another.
func mm2Default(key string) string {
	if key == "groups.sync" {
		return "true"
	}
	return "-1, the cluster's"
}

func isolation(uncommitted bool) string {
	if uncommitted {
		return "read_uncommitted"
	}
	return "read_committed"
}

func deletion(follow bool) string {
	if follow {
		return "sync"
	}
	return "keep"
}

func start(latest bool) string {
	if latest {
		return "latest"
	}
	return "earliest"
}

func (s *settings) number(key string, value, otherwise int64) {
	s.add(key, strconv.FormatInt(value, 10), value != otherwise)
}

func (s *settings) size(key string, value, otherwise int64) {
	text := formatSize(value)
	if text != strconv.FormatInt(value, 10) {
		text = tomlText(text)
	}
	s.add(key, text, value != otherwise)
}

// patterns are written out where a placeholder stood: lists have none in TOML.
func (s *settings) patterns(key string, value []item, otherwise []string) {
	list := texts(value)
	written := setting{key: key, value: tomlList(list), standard: slices.Equal(list, otherwise)}
	if i := slices.IndexFunc(value, func(it item) bool { return it.hidden }); i >= 0 {
		written.hidden = true
		written.comment = "was " + value[i].at.value + ": a list in TOML has no placeholders"
	}
	*s = append(*s, written)
}
