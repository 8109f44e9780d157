package config

import (
	"math"
	"slices"
	"time"

	"mm2/topology"
)

// Bounds that only keep typing errors out.
const (
	maxLanes         = 1000
	maxInterval      = 24 * time.Hour
	maxTransferBytes = 1 << 30 // one GiB: the most that fits Kafka's int32 sizes with room to spare

	// A look at all topics takes requests to both clusters, a round of
	// checkpoints hardly more than a look at what is in memory.
	minSyncInterval  = 100 * time.Millisecond
	minRoundInterval = 10 * time.Millisecond
)

var compressions = []string{"source", "none", "gzip", "snappy", "lz4", "zstd"}

// flowSettings reads the settings of flows that the table has into d. They are
// the same in [defaults], [[topology]] and [flows."A->B"].
func (t *tomlTable) flowSettings(d *draft) {
	t.noteOrigins(d, "")
	t.selection(d)
	t.naming(d)
	t.guarantees(d)
	t.replicationFactors(d)
	t.pace(d)
	t.heartbeats(d)
	t.fetch(d)
	t.produce(d)
	t.configSync(d)
	t.offsetSyncs(d)
	t.checkpoints(d)
	t.groups(d)
	t.trouble(d)
	t.provenance(d)
	t.java(d)
	t.streams(d)
	if t.has("transforms") {
		t.get("transforms")
		at := t.place("transforms")
		at.value = ""
		t.problem(at, "transforms are not part of this version", "stages of mm2 are [["+dotted(t.name, "streams")+"]]")
	}
}

// isFlowSetting reports whether flowSettings knows key.
func isFlowSetting(key string) bool {
	empty := &tomlTable{source: &source{}, values: nil}
	empty.flowSettings(newDraft(topology.FlowID{}, place{}))
	return slices.Contains(empty.known, key)
}

func (t *tomlTable) selection(d *draft) {
	if v, ok := t.texts("topics"); ok {
		d.topics = v
	}
	if v, ok := t.texts("topics_exclude"); ok {
		d.exclude = v
	}
	if v, ok := t.texts("config_exclude"); ok {
		d.configExclude = v
	}
	if v, ok := t.boolean("copy"); ok {
		d.flow.Copy = v
	}
	if v, ok := t.boolean("replicate_heartbeats"); ok {
		d.flow.ReplicateHeartbeats = v
	}
}

func (t *tomlTable) naming(d *draft) {
	if v, ok := t.choice("policy", "default", "identity"); ok {
		d.policy = v
	}
	for key, separator := range map[string]*string{"separator": &d.separator, "internal_separator": &d.internalSeparator} {
		if v, ok := t.text(key); ok {
			if rule := checkSeparator(v); rule != "" {
				t.wrong(key, rule)
				continue
			}
			*separator = v
		}
	}
}

// checkSeparator says why a separator cannot be part of topic names.
func checkSeparator(s string) string {
	if s == "" {
		return "cannot be empty: every name would be a copy from the cluster called like its first letter"
	}
	for _, c := range s {
		if c > 'z' || !topicCharacter[byte(c)] {
			return "becomes part of topic names: want only a-z A-Z 0-9 . _ -"
		}
	}
	return ""
}

var topicCharacter = func() (legal ['z' + 1]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-" {
		legal[c] = true
	}
	return legal
}()

func (t *tomlTable) guarantees(d *draft) {
	if v, ok := t.choice("delivery", string(ExactlyOnce), string(AtLeastOnce)); ok {
		d.flow.Delivery = Delivery(v)
	}
	if v, ok := t.choice("isolation", "read_committed", "read_uncommitted"); ok {
		d.flow.ReadUncommitted = v == "read_uncommitted"
	}
	if v, ok := t.choice("start", "earliest", "latest"); ok {
		d.flow.StartLatest = v == "latest"
	}
	if v, ok := t.integer("lanes", 1, maxLanes); ok {
		d.flow.Lanes = int(v)
	}
}

func (t *tomlTable) replicationFactors(d *draft) {
	for key, factor := range map[string]*int16{
		"replication_factor":            &d.flow.ReplicationFactor,
		"lanes_replication_factor":      &d.flow.LanesReplicationFactor,
		"heartbeats_replication_factor": &d.flow.HeartbeatsReplicationFactor,
	} {
		t.factor(key, factor)
	}
}

func (t *tomlTable) pace(d *draft) {
	f := &d.flow
	if v, isText := t.values["discovery_interval"].(string); isText && v == "never" {
		t.get("discovery_interval")
		f.DiscoveryInterval = Never
	} else if v, ok := t.duration("discovery_interval", minSyncInterval, maxInterval); ok {
		f.DiscoveryInterval = v
	}
	durations := []struct {
		key    string
		value  *time.Duration
		lo, hi time.Duration
	}{
		{"commit_interval", &f.CommitInterval, time.Millisecond, 10 * time.Minute},
		{"session_timeout", &f.SessionTimeout, time.Second, 30 * time.Minute},
		{"transaction_timeout", &f.TransactionTimeout, time.Second, 30 * time.Minute},
	}
	for _, s := range durations {
		if v, ok := t.duration(s.key, s.lo, s.hi); ok {
			*s.value = v
			d.at[s.key] = t.place(s.key)
			d.transactionTimeoutSet = d.transactionTimeoutSet || s.key == "transaction_timeout"
		}
	}
	if v, ok := t.size("commit_bytes", 1, maxTransferBytes); ok {
		f.CommitBytes = v
	}
	if v, ok := t.quantity("rate_limit", 0, 1<<50, parseRate, formatSize); ok {
		f.RateLimit = v
	}
	if v, ok := t.choice("compression", compressions...); ok {
		f.Compression = v
	}
}

func (t *tomlTable) heartbeats(d *draft) {
	t = t.table("heartbeats")
	if t == nil {
		return
	}
	if v, ok := t.boolean("emit"); ok {
		d.flow.Heartbeats.Emit = v
	}
	if v, ok := t.duration("interval", minRoundInterval, maxInterval); ok {
		d.flow.Heartbeats.Interval = v
	}
	if v, ok := t.boolean("seed"); ok {
		d.seed = &v
	}
	t.finish(nil)
}

func (t *tomlTable) fetch(d *draft) {
	t = t.table("fetch")
	if t == nil {
		return
	}
	t.int32Size("min_bytes", &d.flow.Fetch.MinBytes)
	t.int32Size("max_bytes", &d.flow.Fetch.MaxBytes)
	t.int32Size("max_partition_bytes", &d.flow.Fetch.MaxPartitionBytes)
	if v, ok := t.duration("max_wait", time.Millisecond, time.Minute); ok {
		d.flow.Fetch.MaxWait = v
	}
	t.finish(nil)
}

func (t *tomlTable) produce(d *draft) {
	t = t.table("produce")
	if t == nil {
		return
	}
	if v, ok := t.duration("linger", 0, time.Minute); ok {
		d.flow.Produce.Linger = v
		if v == 0 {
			d.flow.Produce.Linger = -1
		}
	}
	t.int32Size("max_request_bytes", &d.flow.Produce.MaxRequestBytes)
	if v, ok := t.size("buffer_bytes", 1, 1<<40); ok {
		d.flow.Produce.BufferBytes = v
	}
	t.finish(nil)
}

func (t *tomlTable) int32Size(key string, value *int32) {
	if v, ok := t.size(key, 1, math.MaxInt32); ok {
		*value = int32(v)
	}
}
