package internaltopics

import "time"

// Request is what a plan is made of. Topics have their full names here. Nothing
// in it is changed.
type Request struct {
	// UserTopics are the topics that are not internal, with their partition
	// counts. One that does not exist is left out.
	UserTopics map[string]int32
	// Repartition are the repartition topics; foreign-key topics count as such.
	Repartition []Repartition
	Changelogs  []Changelog
	// Groups are the co-partition groups: of each join and cogroup one.
	Groups []Group
	// Subtopologies are those that give tasks, so no global ones.
	Subtopologies []Subtopology
	Defaults      Defaults
}

// Repartition is a topic through which records are placed anew by key.
type Repartition struct {
	Name string
	// Enforced is the partition count that the user fixed; 0: none.
	Enforced int32
	// Upstream are the source topics of the sub-topologies that write to it.
	// Their largest partition count is its own, unless something else says so.
	Upstream []string
	// Configs are those given with the operator. They win over all others.
	Configs map[string]string
}

// Kind is the kind of a store.
type Kind int

// The kinds of stores, as far as they need different changelogs.
const (
	KeyValue Kind = iota
	Window
	Session
)

// Changelog is the topic that a store is restored from.
type Changelog struct {
	Name        string
	Kind        Kind
	Subtopology int // the ID of the one that the store belongs to
	// Retention is how long a window or session store keeps its rows.
	Retention time.Duration
	// Configs are those given with the store. They win over all others.
	Configs map[string]string
}

// Group is a set of topics that must have equally many partitions.
type Group struct {
	Topics []string
	Join   string // the name of the operator that needs it, for messages
}

// Subtopology is a part of the topology that gives tasks.
type Subtopology struct {
	ID      int
	Sources []string // the topics that it reads, internal ones included
}

// Defaults hold for all internal topics.
type Defaults struct {
	ReplicationFactor int16 // replication.factor; -1: the brokers' default
	// Configs are those given by the prefix "topic.".
	Configs map[string]string
	// WindowExtraRetention is windowstore.changelog.additional.retention.ms.
	WindowExtraRetention time.Duration
}

// Topic is an internal topic as it has to be.
type Topic struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16 // when it is created
	Configs           map[string]string
}

// Plan is what a request comes to.
type Plan struct {
	// Partitions are the counts of all topics, internal ones included.
	Partitions map[string]int32
	// Tasks is the number of tasks of each sub-topology, by ID: the largest
	// partition count of its source topics.
	Tasks map[int]int32
	// Topics are the internal topics: repartition topics and changelogs, each
	// in the order of the request.
	Topics []Topic
}
