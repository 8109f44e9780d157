package config

import (
	"math"
	"time"
)

// Settings of what keeps the target in step beside the records: configs,
// ACLs, offsets, groups.

func (t *tomlTable) configSync(d *draft) {
	if v, ok := t.choice("topic_deletion", "keep", "sync"); ok {
		d.flow.ConfigSync.DeleteTopics = v == "sync"
	}
	t = t.table("config_sync")
	if t == nil {
		return
	}
	c := &d.flow.ConfigSync
	if v, ok := t.boolean("configs"); ok {
		c.Configs = v
	}
	if v, ok := t.boolean("acls"); ok {
		c.ACLs = v
	}
	if v, ok := t.choice("acl_mode", string(ACLJava), string(ACLExact)); ok {
		c.ACLMode = ACLMode(v)
	}
	if v, ok := t.choice("mode", string(Enforce), string(Report)); ok {
		c.Mode = SyncMode(v)
	}
	if v, ok := t.duration("interval", minSyncInterval, maxInterval); ok {
		c.Interval = v
	}
	if v, ok := t.choice("defaults_from", "target", "source"); ok {
		c.DefaultsFrom = v
	}
	t.finish(nil)
}

func (t *tomlTable) offsetSyncs(d *draft) {
	t = t.table("offset_syncs")
	if t == nil {
		return
	}
	o := &d.flow.OffsetSyncs
	if v, ok := t.boolean("emit"); ok {
		o.Emit = v
	}
	if v, ok := t.choice("location", "source", "target"); ok {
		o.Location = v
	}
	if v, ok := t.integer("lag_max", 0, math.MaxInt64); ok {
		o.LagMax = v
	}
	t.factor("replication_factor", &o.ReplicationFactor)
	t.finish(nil)
}

func (t *tomlTable) checkpoints(d *draft) {
	t = t.table("checkpoints")
	if t == nil {
		return
	}
	c := &d.flow.Checkpoints
	if v, ok := t.boolean("emit"); ok {
		c.Emit = v
	}
	if v, ok := t.duration("interval", minRoundInterval, maxInterval); ok {
		c.Interval = v
	}
	t.factor("replication_factor", &c.ReplicationFactor)
	if v, ok := t.size("index_bytes", 1<<20, 1<<40); ok {
		c.IndexBytes = v
	}
	t.finish(nil)
}

func (t *tomlTable) groups(d *draft) {
	t = t.table("groups")
	if t == nil {
		return
	}
	g := &d.flow.Groups
	if v, ok := t.texts("include"); ok {
		d.groups = v
	}
	if v, ok := t.texts("exclude"); ok {
		d.groupsExclude = v
	}
	if v, ok := t.boolean("sync"); ok {
		g.Sync = v
	}
	if v, ok := t.choice("follow", "auto", "tail", "poll"); ok {
		g.Follow = v
	}
	for key, value := range map[string]*time.Duration{
		"sync_interval": &g.SyncInterval,
		"poll_interval": &g.PollInterval,
	} {
		if v, ok := t.duration(key, minRoundInterval, maxInterval); ok {
			*value = v
		}
	}
	t.finish(nil)
}

// factor reads a replication factor.
func (t *tomlTable) factor(key string, value *int16) {
	v, ok := t.integer(key, -1, math.MaxInt16)
	switch {
	case !ok:
	case v == 0:
		t.wrong(key, "want the number of replicas, or -1 for the cluster's default")
	default:
		*value = int16(v)
	}
}
