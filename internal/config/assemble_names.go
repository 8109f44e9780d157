package config

import (
	"fmt"

	"mm2/topology"
)

// checkNames looks at the topics that a flow is told to use. Each problem
// stands where the name was given; defaults have none.
func (s *source) checkNames(d *draft) {
	f := &d.flow
	for path, topic := range map[string]string{
		"on.dead_letter_topic": f.OnTrouble.DeadLetterTopic,
		"java.offsets_topic":   f.Java.OffsetsTopic,
	} {
		at, given := d.at[path]
		if !given {
			continue
		}
		if rule := checkTopic(topic); rule != "" {
			s.problem(at, rule, "")
			continue
		}
		if what := ownTopic(f, path, topic); what != "" {
			s.problem(at, fmt.Sprintf("is already %s of %s", what, f.ID), "choose another name")
		}
	}
	if at, given := d.at["on.dead_letter_topic"]; given {
		if original, ok := f.copyOf(f.OnTrouble.DeadLetterTopic); ok {
			s.problem(at, fmt.Sprintf("is also the copy of the topic %s", original), "choose a name that no copy has, or exclude the topic")
		}
	}
}

const maxTopicLength = 249

// checkTopic says why a name cannot be a topic's.
func checkTopic(name string) string {
	if len(name) > maxTopicLength || name == "." || name == ".." {
		return fmt.Sprintf("cannot be the name of a topic: want at most %d characters, and more than dots", maxTopicLength)
	}
	if checkSeparator(name) != "" {
		return "cannot be the name of a topic: want only a-z A-Z 0-9 . _ -"
	}
	return ""
}

// ownTopic says which topic of the flow on the target has the name already;
// path is the setting that asks.
func ownTopic(f *Flow, path, name string) string {
	source := f.ID.Source
	owners := []struct{ path, topic, what string }{
		{"", topology.LanesTopic(source), "the lanes topic"},
		{"", topology.SegmentsTopic(source), "the segments topic"},
		{"", topology.OwnedTopic(source), "the topic of what mm2 made"},
		{"", f.Policy.CheckpointsTopic(source), "the checkpoints topic"},
		{"", f.Policy.HeartbeatsTopic(), "the heartbeats topic"},
		{"java.offsets_topic", f.Java.OffsetsTopic, "the offsets topic of Java's workers"},
		{"on.dead_letter_topic", f.OnTrouble.DeadLetterTopic, "the dead letter topic"},
	}
	for _, o := range owners {
		if o.path != path && o.topic == name {
			return o.what
		}
	}
	return ""
}

// copyOf is the source topic whose copy has the given name on the target.
func (f *Flow) copyOf(name string) (string, bool) {
	original := name
	if f.Policy.Name() != "identity" {
		source, ok := f.Policy.TopicSource(name)
		if !ok || source != f.ID.Source {
			return "", false
		}
		original, _ = f.Policy.UpstreamTopic(name)
	}
	return original, f.Replicates(original)
}
