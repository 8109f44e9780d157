package main

import (
	"fmt"
	"strings"

	"mm2/internal/config"
	"mm2/topology"
)

// planFollow is what keeps the target in step beside the records, and what
// happens when a flow cannot simply go on. It is part of a planFlow.
type planFollow struct {
	ConfigSync  planConfigSync      `json:"config_sync"`
	OffsetSyncs planOffsetSyncs     `json:"offset_syncs"`
	Checkpoints planCheckpoints     `json:"checkpoints"`
	Groups      planGroups          `json:"groups"`
	On          planTrouble         `json:"on"`
	Provenance  topology.Provenance `json:"provenance"`
	Java        planJava            `json:"java"`
}

type planConfigSync struct {
	Configs         bool            `json:"configs"`
	ACLs            bool            `json:"acls"`
	ACLMode         config.ACLMode  `json:"acl_mode"`
	Mode            config.SyncMode `json:"mode"`
	IntervalSeconds float64         `json:"interval_seconds"`
	DefaultsFrom    string          `json:"defaults_from"`
	DeleteTopics    bool            `json:"delete_topics"`
}

type planOffsetSyncs struct {
	Emit              bool           `json:"emit"`
	Topic             string         `json:"topic"`
	On                topology.Alias `json:"on"` // the cluster of the topic
	LagMax            int64          `json:"lag_max"`
	ReplicationFactor int16          `json:"replication_factor"`
}

type planCheckpoints struct {
	Emit              bool    `json:"emit"`
	Topic             string  `json:"topic"`
	IntervalSeconds   float64 `json:"interval_seconds"`
	ReplicationFactor int16   `json:"replication_factor"`
	IndexBytes        int64   `json:"index_bytes"`
}

type planGroups struct {
	Include             []string `json:"include"`
	Exclude             []string `json:"exclude"`
	Sync                bool     `json:"sync"`
	SyncIntervalSeconds float64  `json:"sync_interval_seconds"`
	Follow              string   `json:"follow"`
	PollIntervalSeconds float64  `json:"poll_interval_seconds"`
}

type planTrouble struct {
	RetentionOvertook config.Loss    `json:"retention_overtook"`
	SourceTruncated   config.Loss    `json:"source_truncated"`
	SourceRecreated   config.Loss    `json:"source_recreated"`
	TargetRecreated   config.Loss    `json:"target_recreated"`
	TargetWritten     config.Loss    `json:"target_written"`
	RecordRefused     config.Refused `json:"record_refused"`
	DeadLetterTopic   string         `json:"dead_letter_topic"`
}

type planJava struct {
	TakeOver     bool   `json:"take_over"`
	OffsetsTopic string `json:"offsets_topic"`
	Connector    string `json:"connector"`
	Group        string `json:"group"`
}

func newPlanFollow(f config.Flow) planFollow {
	s, o, c, g := f.ConfigSync, f.OffsetSyncs, f.Checkpoints, f.Groups
	syncsOn, other := f.ID.Source, f.ID.Target
	if o.Location == "target" {
		syncsOn, other = other, syncsOn
	}
	return planFollow{
		ConfigSync: planConfigSync{
			Configs: s.Configs, ACLs: s.ACLs, ACLMode: s.ACLMode, Mode: s.Mode, IntervalSeconds: s.Interval.Seconds(),
			DefaultsFrom: s.DefaultsFrom, DeleteTopics: s.DeleteTopics,
		},
		OffsetSyncs: planOffsetSyncs{
			Emit: o.Emit, Topic: f.Policy.OffsetSyncsTopic(other), On: syncsOn, LagMax: o.LagMax, ReplicationFactor: o.ReplicationFactor,
		},
		Checkpoints: planCheckpoints{
			Emit: c.Emit, Topic: f.Policy.CheckpointsTopic(f.ID.Source), IntervalSeconds: c.Interval.Seconds(),
			ReplicationFactor: c.ReplicationFactor, IndexBytes: c.IndexBytes,
		},
		Groups: planGroups{
			Include: orEmpty(g.Filter.Include()), Exclude: orEmpty(g.Filter.Exclude()), Sync: g.Sync,
			SyncIntervalSeconds: g.SyncInterval.Seconds(), Follow: g.Follow, PollIntervalSeconds: g.PollInterval.Seconds(),
		},
		On:         planTrouble(f.OnTrouble),
		Provenance: f.Provenance,
		Java:       planJava(f.Java),
	}
}

// followFacts are the rows for people.
func (f planFlow) followFacts(row func(name, fact string)) {
	row("configs", f.ConfigSync.text())
	row("offset syncs", f.offsetSyncsText())
	row("checkpoints", f.checkpointsText())
	row("groups", f.groupsText())
	row("trouble", f.On.text())
	row("take-over", f.Java.text())
}

func (s planConfigSync) text() string {
	var kept []string
	if s.Configs {
		kept = append(kept, "configs")
	}
	if s.ACLs {
		kept = append(kept, map[config.ACLMode]string{config.ACLJava: "ACLs (without rights to write)", config.ACLExact: "all ACLs"}[s.ACLMode])
	}
	var text string
	switch {
	case len(kept) == 0:
		text = "not kept in step"
	case s.Mode == config.Report:
		text = fmt.Sprintf("differences of %s reported every %s", strings.Join(kept, " and "), seconds(s.IntervalSeconds))
	default:
		text = fmt.Sprintf("%s follow the source every %s", strings.Join(kept, " and "), seconds(s.IntervalSeconds))
	}
	if s.Configs && s.DefaultsFrom == "source" {
		text += ", defaults too"
	}
	if s.DeleteTopics {
		text += "; copies of deleted topics are deleted"
	}
	return text
}

func (f planFlow) offsetSyncsText() string {
	o := f.OffsetSyncs
	if !o.Emit {
		return "none written"
	}
	return fmt.Sprintf("in %s on %s, at most %d records apart, with %s", o.Topic, o.On, o.LagMax, replication(o.ReplicationFactor))
}

func (f planFlow) checkpointsText() string {
	c := f.Checkpoints
	if !c.Emit {
		return "none written"
	}
	return fmt.Sprintf("in %s on %s, at most every %s, with %s", c.Topic, f.Target, seconds(c.IntervalSeconds), replication(c.ReplicationFactor))
}

func (f planFlow) groupsText() string {
	g := f.Groups
	text := patterns(g.Include, g.Exclude)
	if !g.Sync {
		return text + "; positions not committed on " + string(f.Target)
	}
	return fmt.Sprintf("%s; positions committed on %s while empty there, at most every %s", text, f.Target, seconds(g.SyncIntervalSeconds))
}

// text names what does not halt, for halting is what people expect of trouble.
func (t planTrouble) text() string {
	var others []string
	for _, policy := range []config.Loss{config.Skip, config.Restart} {
		var kinds []string
		for _, k := range []struct {
			name   string
			policy config.Loss
		}{
			{"retention_overtook", t.RetentionOvertook},
			{"source_truncated", t.SourceTruncated},
			{"source_recreated", t.SourceRecreated},
			{"target_recreated", t.TargetRecreated},
			{"target_written", t.TargetWritten},
		} {
			if k.policy == policy {
				kinds = append(kinds, k.name)
			}
		}
		if len(kinds) > 0 {
			others = append(others, fmt.Sprintf("%s on %s", policy, strings.Join(kinds, ", ")))
		}
	}
	text := "halt"
	if len(others) > 0 {
		text += ", but " + strings.Join(others, ", ")
	}
	return text + "; " + map[config.Refused]string{
		config.Park:       "a refused record parks its partition",
		config.DeadLetter: "refused records go to " + t.DeadLetterTopic,
		config.SkipRecord: "refused records are left out",
	}[t.RecordRefused]
}

func (j planJava) text() string {
	if !j.TakeOver {
		return "none: what Java MirrorMaker 2 copied is not looked for"
	}
	return fmt.Sprintf("of what Java MirrorMaker 2 noted in %s (%s, group %s), if it is there", j.OffsetsTopic, j.Connector, j.Group)
}
