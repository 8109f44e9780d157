package configsync

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ChangeKind is what a [Change] does. The values are part of the JSON of plan
// and the labels of a metric.
type ChangeKind string

// The kinds of changes, in the order in which they are made: what others stand
// on first.
const (
	CreateTopic   ChangeKind = "create_topic"
	AddPartitions ChangeKind = "add_partitions"
	SetConfig     ChangeKind = "set_config"
	DeleteConfig  ChangeKind = "delete_config"
	CreateACL     ChangeKind = "create_acl"
	DeleteACL     ChangeKind = "delete_acl"
	DeleteTopic   ChangeKind = "delete_topic"
)

// ChangeKinds are all of them, in order.
func ChangeKinds() []ChangeKind {
	return []ChangeKind{CreateTopic, AddPartitions, SetConfig, DeleteConfig, CreateACL, DeleteACL, DeleteTopic}
}

// Change is one difference between the target and what the rules want there.
// Which fields are set depends on the kind.
type Change struct {
	Kind ChangeKind `json:"change"`

	Topic  string `json:"topic,omitempty"`        // on the target; all but ACLs
	Source string `json:"source_topic,omitempty"` // what it is a copy of

	Routed     bool              `json:"routed,omitempty"`          // create_topic, add_partitions: no copy, but where stages send records of Source
	Partitions int               `json:"partitions,omitempty"`      // create_topic, add_partitions: in the end
	Before     int               `json:"partitions_now,omitempty"`  // add_partitions
	Configs    map[string]string `json:"configs,omitempty"`         // create_topic
	Key        string            `json:"key,omitempty"`             // set_config, delete_config
	Value      *string           `json:"value,omitempty"`           // set_config
	Now        *string           `json:"value_now,omitempty"`       // set_config, delete_config: what the target shows
	Override   bool              `json:"overrides_now,omitempty"`   // set_config: Now was set on the topic itself
	ACL        *ACL              `json:"acl,omitempty"`             // create_acl, delete_acl
	TopicID    string            `json:"target_topic_id,omitempty"` // delete_topic
}

// String is the change in a line for people.
func (c Change) String() string {
	switch c.Kind {
	case CreateTopic:
		with := []string{countOf(c.Partitions, "partition")}
		for _, key := range slices.Sorted(maps.Keys(c.Configs)) {
			with = append(with, key+"="+c.Configs[key])
		}
		return "create topic " + c.Topic + c.sent() + " with " + strings.Join(with, ", ")
	case AddPartitions:
		return fmt.Sprintf("add partitions to topic %s: %d to %d", c.Topic, c.Before, c.Partitions)
	case SetConfig:
		return fmt.Sprintf("set config of topic %s: %s=%s (%s)", c.Topic, c.Key, *c.Value, c.now())
	case DeleteConfig:
		return fmt.Sprintf("delete config of topic %s: %s (%s)", c.Topic, c.Key, c.now())
	case CreateACL:
		return "create ACL: " + c.ACL.String()
	case DeleteACL:
		return "delete ACL: " + c.ACL.String()
	case DeleteTopic:
		return fmt.Sprintf("delete topic %s: %s is gone from the source", c.Topic, c.Source)
	}
	return string(c.Kind)
}

// sent says why there is a topic that is no copy.
func (c Change) sent() string {
	if c.Routed {
		return ", which records are routed to,"
	}
	return ""
}

func (c Change) now() string {
	switch {
	case c.Now == nil:
		return "not there now"
	case c.Kind == SetConfig && !c.Override:
		return "now " + *c.Now + " by default"
	}
	return "now " + *c.Now
}

// id tells changes of the same thing apart from others, whatever the value.
func (c Change) id() string {
	name := c.Topic
	if c.ACL != nil {
		name = c.ACL.String()
	}
	return string(c.Kind) + "\x00" + name + "\x00" + c.Key
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Plan is what must change on the target for it to be as the rules want it,
// and what will differ all the same.
type Plan struct {
	Changes  []Change  `json:"changes"`
	Problems []Problem `json:"problems"`

	// forget are records of ownership that have nothing left to own.
	forget []string
}

// Empty tells that nothing is to change.
func (p Plan) Empty() bool { return len(p.Changes) == 0 }

// Of returns the changes of the given kinds.
func (p Plan) Of(kinds ...ChangeKind) []Change {
	var out []Change
	for _, c := range p.Changes {
		if slices.Contains(kinds, c.Kind) {
			out = append(out, c)
		}
	}
	return out
}

// sorted puts the plan into its order: by kind as in [ChangeKinds], then by name.
func (p Plan) sorted() Plan {
	rank := make(map[ChangeKind]int)
	for i, k := range ChangeKinds() {
		rank[k] = i
	}
	slices.SortFunc(p.Changes, func(a, b Change) int {
		return cmp.Or(rank[a.Kind]-rank[b.Kind], strings.Compare(a.id(), b.id()))
	})
	slices.Sort(p.forget)
	p.Problems = sortProblems(p.Problems)
	if p.Changes == nil {
		p.Changes = []Change{} // [] in JSON
	}
	if p.Problems == nil {
		p.Problems = []Problem{}
	}
	return p
}
