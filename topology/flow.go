package topology

import "strings"

// Alias is the short name of a cluster in the mesh, for example "seoul". It
// becomes part of topic names, group ids and transactional ids.
type Alias string

// FlowID names one direction of replication.
type FlowID struct {
	Source, Target Alias
}

// String is the notation of Java MirrorMaker 2: "A->B".
func (id FlowID) String() string { return string(id.Source) + "->" + string(id.Target) }

// Reverse is the way back: "B->A" of "A->B".
func (id FlowID) Reverse() FlowID { return FlowID{Source: id.Target, Target: id.Source} }

// ParseFlowID reads the notation "A->B". Blanks around the aliases are dropped.
// It reports false when the text is not two aliases joined by one arrow.
func ParseFlowID(s string) (FlowID, bool) {
	source, target, ok := strings.Cut(s, "->")
	id := FlowID{Source: Alias(strings.TrimSpace(source)), Target: Alias(strings.TrimSpace(target))}
	if !ok || id.Source == "" || id.Target == "" || strings.Contains(target, "->") {
		return FlowID{}, false
	}
	return id, true
}

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

	// Provenance says when records are marked with the cluster they were
	// written on. It concerns only a Policy that keeps names.
	Provenance Provenance
}

// TellsOrigins reports whether the flow keeps names and may mark records, so
// that [Routes] decides which of them it carries.
func (f Flow) TellsOrigins() bool {
	return keepsNames(f) && (f.Provenance == ProvenanceAuto || f.Provenance == ProvenanceAlways)
}

// Replicates reports whether topic, as named on the source, is copied by the
// flow: the filter selects it or it is a heartbeats topic that the flow
// carries, and it is neither internal nor on its way back to the target. A
// flow that does not Copy replicates nothing.
//
// Topics of mm2 itself ("mm2-…internal") are never copied, also those that a
// flow with another separator or another tool's deployment left there: a copy
// of marks or offset syncs means nothing on the other side.
func (f Flow) Replicates(topic string) bool {
	if !f.Copy || IsReserved(topic) || f.Policy.IsInternalTopic(topic) {
		return false
	}
	if !f.Topics.Match(topic) && !(f.ReplicateHeartbeats && f.Policy.IsHeartbeatsTopic(topic)) {
		return false
	}
	return !IsCycle(f.Policy, f.ID.Target, topic)
}

// RemoteTopic is the name on the target of a topic of the source.
func (f Flow) RemoteTopic(topic string) string { return f.Policy.RemoteTopic(f.ID.Source, topic) }

// IsCycle reports whether the name of topic says that its records passed
// through target already, so that copying them there would send them round.
//
// Java compares the sources read from the name, hop by hop. A name can read
// back as another alias than the one it was made with, when the alias contains
// the separator ("us.west" with "."); so at each hop the name is also compared
// with what a copy of the target's topics is called.
func IsCycle(p Policy, target Alias, topic string) bool {
	prefix := p.RemoteTopic(target, "") // empty where the policy keeps names
	for {
		if prefix != "" && len(topic) > len(prefix) && strings.HasPrefix(topic, prefix) {
			return true
		}
		source, ok := p.TopicSource(topic)
		if !ok {
			return false
		}
		if source == target {
			return true
		}
		upstream, ok := p.UpstreamTopic(topic)
		if !ok || upstream == topic {
			return false
		}
		topic = upstream
	}
}
