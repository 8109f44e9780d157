package configsync

import (
	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/topology"
)

// Snapshot is what one side of a flow looks like at one moment, as far as the
// rules care. It is a value: [Diff] reads it and nothing changes it.
type Snapshot struct {
	Cluster topology.Alias
	// Topics are by name: on the source all that the cluster lists, on the
	// target those that copies are called, and those that mm2 made.
	Topics map[string]TopicState
	// Unseen are topics that were asked for by name and of which the cluster
	// did not say whether they exist.
	Unseen map[string]bool
	ACLs   []ACL
	// Authorizer tells what ACLs is worth.
	Authorizer Authorizer
	// Owned is what mm2 made on this cluster. On the source it is what the flow
	// the other way made there, which is not to be carried back.
	Owned Owned
	// Gone are topics that mm2 copied and that this cluster, asked by name,
	// says it does not have. A topic that we may not see is not gone.
	Gone map[string]bool
	// GoneBefore are those that were gone a while ago and ever since.
	GoneBefore map[string]bool
	// Problems are what could not be read.
	Problems []Problem
	// Complete is true if everything that was asked was answered, so that what
	// is not in the snapshot is not there.
	Complete bool
}

// TopicState is a topic as its cluster shows it.
type TopicState struct {
	ID         kadm.TopicID
	Partitions int
	Internal   bool // the brokers' own
	// Configs are all configs of the topic, also those that were not set on it;
	// nil if they were not or could not be read.
	Configs []Entry
}

// Authorizer says whether a cluster has ACLs.
type Authorizer int

// The states of Authorizer.
const (
	ACLsUnknown Authorizer = iota // not asked, or we may not see them
	ACLsKnown
	NoAuthorizer // the cluster has no authorizer and takes no ACLs
)

// Owned is what mm2 remembers having made on a cluster.
type Owned struct {
	Topics map[string]OwnedTopic // by name on that cluster
	ACLs   map[ACL]bool
}

// OwnedTopic is a topic that mm2 created. One that somebody else created under
// the same name has another id.
type OwnedTopic struct {
	Source string // the topic that it is a copy of
	ID     kadm.TopicID
}
