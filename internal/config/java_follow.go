package config

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"mm2/internal/properties"
)

// flowFollow reads what keeps the target in step beside the records: configs,
// ACLs, offset syncs, checkpoints, groups. Intervals that the file does not
// set are mm2's, which are shorter than Java's.
func (j *javaReader) flowFollow(d *draft, c javaConfig) {
	j.flowConfigSync(d, c)
	j.flowOffsetSyncs(d, c)
	j.flowCheckpoints(d, c)
	j.flowGroups(d, c)
}

// flowConfigSync has one interval for configs and ACLs: the shorter of those
// that the file sets for what it does not switch off.
func (j *javaReader) flowConfigSync(d *draft, c javaConfig) {
	s := &d.flow.ConfigSync
	configs := j.periodic(c, "sync.topic.configs", minSyncInterval, &s.Configs)
	acls := j.periodic(c, "sync.topic.acls", minSyncInterval, &s.ACLs)
	if !s.Configs {
		configs = 0
	}
	if !s.ACLs {
		acls = 0
	}
	switch {
	case configs > 0 && acls > 0:
		s.Interval = min(configs, acls)
	case configs > 0 || acls > 0:
		s.Interval = max(configs, acls)
	}
	if v, ok := j.javaChoice(c, "use.defaults.from", "target", "source"); ok {
		s.DefaultsFrom = v
	}
}

func (j *javaReader) flowOffsetSyncs(d *draft, c javaConfig) {
	o := &d.flow.OffsetSyncs
	o.Emit = j.javaBool(c, "emit.offset-syncs.enabled", o.Emit)
	if v, ok := j.javaChoice(c, "offset-syncs.topic.location", "source", "target"); ok {
		o.Location = v
	}
	o.LagMax = j.javaInt(c, "offset.lag.max", 0, math.MaxInt64, o.LagMax)
	if !o.Emit {
		j.warn(c["emit.offset-syncs.enabled"].place(), "writes no offset syncs and otherwise changes nothing: "+
			"mm2 translates by a map of its own; Java does not start the checkpoint connector of an enabled flow with it", "")
	}
}

func (j *javaReader) flowCheckpoints(d *draft, c javaConfig) {
	p := &d.flow.Checkpoints
	if interval := j.periodic(c, "emit.checkpoints", minRoundInterval, &p.Emit); interval > 0 {
		p.Interval = interval
	}
	if v := c["emit.checkpoints.enabled"]; v.text == "false" {
		j.warn(v.place(), "writes no checkpoints and otherwise changes nothing; "+
			"Java does not start the checkpoint connector of an enabled flow with it, so groups are not synchronised there either", "")
	}
}

func (j *javaReader) flowGroups(d *draft, c javaConfig) {
	d.groups = j.javaList(c, "groups", d.groups)
	d.groupsExclude = j.javaList(c, "groups.exclude", d.groupsExclude)
	g := &d.flow.Groups
	g.Sync = false // as in Java, unless the file says otherwise
	_, said := c["sync.group.offsets.enabled"]
	d.javaDefault["groups.sync"] = !said
	if interval := j.periodic(c, "sync.group.offsets", minRoundInterval, &g.Sync); interval > 0 {
		g.SyncInterval = interval
	}
}

// periodic reads NAME.enabled into enabled, and NAME.interval.seconds. As in
// Java a negative interval switches off what it is for. Zero makes Java's
// scheduler fail where it does not mean "as often as possible": here it is the
// shortest interval. The result is 0 where nothing is set, and for a negative
// one.
func (j *javaReader) periodic(c javaConfig, name string, shortest time.Duration, enabled *bool) time.Duration {
	*enabled = j.javaBool(c, name+".enabled", *enabled)
	key := name + ".interval.seconds"
	v, ok := c[key]
	if !ok {
		return 0
	}
	n := j.javaInt(c, key, math.MinInt64, int64(maxInterval/time.Second), 0)
	switch {
	case n < 0:
		if *enabled {
			j.warn(v.place(), "switches it off: as in Java, that is what a negative interval does", "write "+name+".enabled = false")
		}
		*enabled = false
		return 0
	case n == 0:
		j.warn(v.place(), "is taken for "+formatDuration(shortest)+", the shortest interval", "")
		return shortest
	}
	return time.Duration(n) * time.Second
}

// flowTakeOver reads where Java's workers keep their source offsets, and under
// which name they meet.
func (j *javaReader) flowTakeOver(d *draft, connector, worker javaConfig) {
	// Connect prefers the topic of a connector to that of its workers.
	for path, v := range map[string]javaValue{
		"java.offsets_topic": cmp.Or(connector["offsets.storage.topic"], worker["offset.storage.topic"]),
		"java.group":         worker["group.id"],
	} {
		if v.line == 0 {
			continue // Java's default and ours
		}
		if v.text == "" {
			j.problem(v.place(), "cannot be empty", "")
			continue
		}
		d.at[path] = v.place()
		switch path {
		case "java.offsets_topic":
			d.flow.Java.OffsetsTopic = v.text
		case "java.group":
			d.flow.Java.Group = v.text
		}
	}
}

// metricsFormats is the union of metric.names.formats of all flows: a process
// has one set of metrics. A flow that says nothing wants Java's default.
func (j *javaReader) metricsFormats(configs []javaConfig) []string {
	wanted := make(map[string]bool)
	for _, c := range configs {
		v, ok := c["metric.names.formats"]
		if !ok {
			wanted["legacy"] = true
			continue
		}
		formats := properties.List(v.text)
		if len(formats) == 0 {
			j.problem(v.place(), "want legacy, new or both", "")
		}
		for _, f := range formats {
			if !slices.Contains(javaMetricsFormats, f) {
				j.problem(v.place(), "want legacy, new or both", properties.DidYouMean(f, javaMetricsFormats))
				break
			}
			wanted[f] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(javaMetricsFormats), func(f string) bool { return !wanted[f] })
}

// refusedTogether explains what Java refuses and mm2 accepts.
func (j *javaReader) refusedTogether(c javaConfig) {
	emit := c["emit.offset-syncs.enabled"]
	if emit.text != "false" {
		return
	}
	for key, v := range c {
		if strings.HasPrefix(key, "offset-syncs.topic.") || strings.HasPrefix(key, "offset-syncs-") {
			j.warn(v.place(), "does not go together with "+emit.key+" = false: Java does not start the flow, mm2 copies it", "remove one of the two")
		}
	}
}
