package config

import "mm2/topology"

// Settings for what does not go by itself: trouble, ways round, and a Java
// MirrorMaker 2 beside.

func (t *tomlTable) trouble(d *draft) {
	t = t.table("on")
	if t == nil {
		return
	}
	o := &d.flow.OnTrouble
	for key, policy := range map[string]*Loss{
		"retention_overtook": &o.RetentionOvertook,
		"source_truncated":   &o.SourceTruncated,
		"source_recreated":   &o.SourceRecreated,
		"target_recreated":   &o.TargetRecreated,
		"target_written":     &o.TargetWritten,
	} {
		if v, ok := t.choice(key, string(Halt), string(Skip), string(Restart)); ok {
			*policy = Loss(v)
		}
	}
	if v, ok := t.choice("record_refused", string(Park), string(DeadLetter), string(SkipRecord)); ok {
		o.RecordRefused = Refused(v)
	}
	t.identifier("dead_letter_topic", &o.DeadLetterTopic, "on.dead_letter_topic", d)
	t.finish(nil)
}

func (t *tomlTable) provenance(d *draft) {
	if v, ok := t.choice("provenance", string(topology.ProvenanceAuto), string(topology.ProvenanceAlways), string(topology.ProvenanceOff)); ok {
		d.flow.Provenance = topology.Provenance(v)
	}
}

func (t *tomlTable) java(d *draft) {
	t = t.table("java")
	if t == nil {
		return
	}
	j := &d.flow.Java
	if v, ok := t.boolean("take_over"); ok {
		j.TakeOver = v
	}
	t.identifier("offsets_topic", &j.OffsetsTopic, "java.offsets_topic", d)
	t.identifier("connector", &j.Connector, "java.connector", d)
	t.identifier("group", &j.Group, "java.group", d)
	t.finish(nil)
}

// identifier reads a text that cannot be empty and remembers where it stands.
func (t *tomlTable) identifier(key string, value *string, path string, d *draft) {
	v, ok := t.text(key)
	switch {
	case !ok:
	case v == "":
		t.wrong(key, "cannot be empty: leave it out for the default")
	default:
		*value = v
		d.at[path] = t.place(key)
	}
}
