package topology

// Alias is the short name of a cluster in the mesh, for example "seoul". It
// becomes part of topic names, group ids and transactional ids.
type Alias string

// FlowID names one direction of replication.
type FlowID struct {
	Source, Target Alias
}

// String is the notation of Java MirrorMaker 2: "A->B".
func (id FlowID) String() string { return string(id.Source) + "->" + string(id.Target) }

// Partition is one partition of a named topic.
type Partition struct {
	Topic     string
	Partition int32
}

// Flow says what is copied from one cluster to another and how it is named
// there. It is a value; nobody changes it after planning.
type Flow struct {
	ID     FlowID
	Policy Policy
	Topics Filter

	// Copy is false for a flow that only carries heartbeats (Java runs a
	// heartbeat connector even where replication is disabled).
	Copy bool

	// ReplicateHeartbeats copies heartbeats topics whatever Topics says
	// (heartbeats.replication.enabled, KIP-1089).
	ReplicateHeartbeats bool
}
