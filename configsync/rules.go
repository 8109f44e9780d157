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
}

// Rules say which configs of a source topic belong on its copy.
type Rules struct {
	// Exclude selects the keys to leave alone (config.properties.exclude).
	// The zero Filter excludes nothing.
	Exclude topology.Filter
}

// Created returns the configs that a copy is created with: those that were set
// on the source topic itself, less the excluded ones. What the source topic
// has from its brokers' defaults, the copy has from its own brokers'.
func (r Rules) Created(source []Entry) map[string]string {
	configs := make(map[string]string)
	for _, e := range source {
		if e.Explicit && !e.Hidden && !r.Exclude.Match(e.Key) {
			configs[e.Key] = e.Value
		}
	}
	return configs
}

// entryOf reads an entry from a DescribeConfigs answer.
func entryOf(c kmsg.DescribeConfigsResponseResourceConfig) Entry {
	e := Entry{
		Key:      c.Name,
		Explicit: c.Source == kmsg.ConfigSourceDynamicTopicConfig,
		Hidden:   c.IsSensitive || c.ReadOnly || c.Value == nil,
	}
	if c.Value != nil {
		e.Value = *c.Value
	}
	return e
}
