package configsync

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/topology"
)

// Entry is one config of a topic as its cluster describes it.
type Entry struct {
	Key, Value string
	// Explicit is true for a config that was set on the topic itself rather
	// than on its broker or nowhere.
	Explicit bool
	// Hidden is true for a value that the cluster does not show or does not
	// let anybody change.
	Hidden bool
	// Static is true for a value that comes from the file of a broker.
	Static bool
}

// DefaultsFrom says whose default counts for a config that the source topic
// does not set (use.defaults.from).
type DefaultsFrom string

// The two sides. The zero DefaultsFrom is [FromTarget].
const (
	FromTarget DefaultsFrom = "target"
	FromSource DefaultsFrom = "source"
)

// Rules say what of the source belongs on the target.
type Rules struct {
	// Flow says which topics are copied and what the copies are called. Topics
	// that are made one by one need no Flow.
	Flow topology.Flow
	// Exclude selects the config keys to leave alone (config.properties.exclude).
	// The zero Filter excludes nothing.
	Exclude      topology.Filter
	DefaultsFrom DefaultsFrom
	// Configs keeps the configs of topics that exist in step. New topics are
	// made with those of their source all the same.
	Configs bool
	ACLs    ACLMode
	// DeleteTopics deletes copies that mm2 made of topics that are gone.
	DeleteTopics bool
	// Shared tells of a source topic whether its copy has other sources, too, as
	// where clusters have a topic under the same name, and whether it is this one
	// whose settings count. Shared copies are not deleted. nil: none is shared.
	Shared func(topic string) (shared, leads bool)
	// Routes are the topics on the target that records of a source topic may be
	// sent to besides its copy. They are made with the configs of the first source
	// topic, in the order of names, and are not kept in step. nil: there are none.
	Routes func(topic string) []string
}

// leads tells whether the configs of a source topic count for its copy.
func (r Rules) leads(topic string) bool {
	if r.Shared == nil {
		return true
	}
	shared, leads := r.Shared(topic)
	return leads || !shared
}

// alone tells whether a source topic is the only one of its copy.
func (r Rules) alone(topic string) bool {
	if r.Shared == nil {
		return true
	}
	shared, _ := r.Shared(topic)
	return !shared
}

// governs tells whether the rules have a say about a config of the source.
func (r Rules) governs(e Entry) bool { return !e.Hidden && !e.Static && !r.Exclude.Match(e.Key) }

// Created returns the configs that a copy is created with: those that were set
// on the source topic itself, less the excluded ones, and with [FromSource] the
// defaults, too. Otherwise the copy has from its own brokers what the source
// topic has from its brokers.
func (r Rules) Created(source []Entry) map[string]string {
	configs := make(map[string]string)
	for _, e := range source {
		if (e.Explicit || r.DefaultsFrom == FromSource) && r.governs(e) {
			configs[e.Key] = e.Value
		}
	}
	return configs
}

// altered returns what must change on a copy that exists. Keys that the source
// does not list, and those that the target does not show, are left alone.
func (r Rules) altered(topic, source string, from, to []Entry) []Change {
	there := make(map[string]Entry, len(to))
	for _, e := range to {
		there[e.Key] = e
	}
	var changes []Change
	for _, e := range from {
		now, listed := there[e.Key]
		if now.Hidden || !r.governs(e) {
			continue
		}
		c := Change{Kind: SetConfig, Topic: topic, Source: source, Key: e.Key, Value: &e.Value, Override: now.Explicit}
		if listed {
			c.Now = &now.Value
		}
		switch {
		case e.Explicit && (!now.Explicit || now.Value != e.Value):
		case !e.Explicit && r.DefaultsFrom == FromSource && listed && now.Value != e.Value:
		case !e.Explicit && r.DefaultsFrom != FromSource && now.Explicit:
			c.Kind, c.Value, c.Override = DeleteConfig, nil, false
		default:
			continue
		}
		changes = append(changes, c)
	}
	return changes
}

// entryOf reads an entry from a DescribeConfigs answer.
func entryOf(c kmsg.DescribeConfigsResponseResourceConfig) Entry {
	e := Entry{
		Key:      c.Name,
		Explicit: c.Source == kmsg.ConfigSourceDynamicTopicConfig,
		Hidden:   c.IsSensitive || c.ReadOnly || c.Value == nil,
		Static:   c.Source == kmsg.ConfigSourceStaticBrokerConfig,
	}
	if c.Value != nil {
		e.Value = *c.Value
	}
	return e
}
