package topology

import "strings"

// Policy is the one seam for naming: how a topic is called on the target and
// what its name there tells about where it came from. The two implementations
// follow org.apache.kafka.connect.mirror.DefaultReplicationPolicy and
// IdentityReplicationPolicy.
type Policy interface {
	// Name is "default" or "identity".
	Name() string
	// RemoteTopic names the copy of topic from cluster source.
	RemoteTopic(source Alias, topic string) string
	// TopicSource is the cluster a remote topic was copied from, if its name
	// tells. A topic that merely looks like a copy ("team.orders") has one too.
	TopicSource(topic string) (Alias, bool)
	// UpstreamTopic is the name of the topic on the cluster it was copied from.
	UpstreamTopic(topic string) (string, bool)
	// OriginalTopic strips every hop.
	OriginalTopic(topic string) string
	// HeartbeatsTopic is where heartbeats are written: "heartbeats".
	HeartbeatsTopic() string
	// OffsetSyncsTopic names the offset syncs topic. Its name carries the
	// alias of the cluster that it does not live on.
	OffsetSyncsTopic(other Alias) string
	// CheckpointsTopic names the checkpoints of groups of cluster source.
	CheckpointsTopic(source Alias) string
	// IsHeartbeatsTopic reports whether topic is heartbeats, or a copy of them.
	IsHeartbeatsTopic(topic string) bool
	// IsCheckpointsTopic reports whether topic has the name of a checkpoints topic.
	IsCheckpointsTopic(topic string) bool
	// IsMM2InternalTopic is Java's rule (KIP-1074), to the letter.
	IsMM2InternalTopic(topic string) bool
	// IsInternalTopic is Java's rule, and true for "mm2-….internal" under any
	// separator, where Java relies on the default of topics.exclude.
	IsInternalTopic(topic string) bool
}

// DefaultSeparator joins the source alias and the topic.
const DefaultSeparator = "."

const heartbeatsTopic = "heartbeats"

// NewDefaultPolicy returns the policy that names a copy source + separator +
// topic. internalSeparator joins the parts of internal topic names (KIP-690,
// KIP-949). An empty separator is [DefaultSeparator], for with no separator at
// all every name would be a copy from the cluster called like its first
// letter; an empty internalSeparator is the separator.
func NewDefaultPolicy(separator, internalSeparator string) Policy {
	return newDefaultPolicy(separator, internalSeparator)
}

func newDefaultPolicy(separator, internalSeparator string) defaultPolicy {
	if separator == "" {
		separator = DefaultSeparator
	}
	if internalSeparator == "" {
		internalSeparator = separator
	}
	return defaultPolicy{separator: separator, internal: internalSeparator}
}

type defaultPolicy struct {
	separator string // between alias and topic
	internal  string // within the names of internal topics
}

func (defaultPolicy) Name() string { return "default" }

func (p defaultPolicy) RemoteTopic(source Alias, topic string) string {
	return string(source) + p.separator + topic
}

// TopicSource follows String.split of Java, which drops trailing empty parts:
// "x." and "." have no source, ".x" has the empty one.
func (p defaultPolicy) TopicSource(topic string) (Alias, bool) {
	source, rest, found := strings.Cut(topic, p.separator)
	for strings.HasPrefix(rest, p.separator) {
		rest = rest[len(p.separator):]
	}
	if !found || rest == "" {
		return "", false
	}
	return Alias(source), true
}

func (p defaultPolicy) UpstreamTopic(topic string) (string, bool) {
	source, ok := p.TopicSource(topic)
	if !ok {
		return "", false
	}
	return topic[len(source)+len(p.separator):], true
}

func (p defaultPolicy) OriginalTopic(topic string) string { return originalTopic(p, topic) }

func (defaultPolicy) HeartbeatsTopic() string { return heartbeatsTopic }

func (p defaultPolicy) OffsetSyncsTopic(other Alias) string {
	return "mm2-offset-syncs" + p.internal + string(other) + p.internal + "internal"
}

func (p defaultPolicy) CheckpointsTopic(source Alias) string {
	return string(source) + p.checkpointsSuffix()
}

func (p defaultPolicy) checkpointsSuffix() string {
	return p.internal + "checkpoints" + p.internal + "internal"
}

func (p defaultPolicy) IsHeartbeatsTopic(topic string) bool {
	return p.OriginalTopic(topic) == heartbeatsTopic
}

func (p defaultPolicy) IsCheckpointsTopic(topic string) bool {
	return strings.HasSuffix(topic, p.checkpointsSuffix())
}

func (p defaultPolicy) IsMM2InternalTopic(topic string) bool {
	return strings.HasPrefix(topic, "mm2") && strings.HasSuffix(topic, p.internal+"internal") ||
		p.IsCheckpointsTopic(topic)
}

func (p defaultPolicy) IsInternalTopic(topic string) bool {
	return strings.HasPrefix(topic, "__") || strings.HasPrefix(topic, ".") ||
		strings.HasPrefix(topic, "mm2-") && strings.HasSuffix(topic, ".internal") ||
		p.IsMM2InternalTopic(topic)
}

// originalTopic goes upstream until the name stays the same.
func originalTopic(p Policy, topic string) string {
	for {
		upstream, ok := p.UpstreamTopic(topic)
		if !ok || upstream == topic {
			return topic
		}
		topic = upstream
	}
}

// NewIdentityPolicy returns the policy that keeps names. Only topics whose
// name ends in "heartbeats" are named as by the default policy, so that the
// path of a heartbeat stays visible; a user's "myheartbeats" is renamed, too.
//
// source is the alias that other topics are said to come from; with an empty
// source they come from nowhere. The separators are those of
// [NewDefaultPolicy].
func NewIdentityPolicy(source Alias, separator, internalSeparator string) Policy {
	return identityPolicy{defaultPolicy: newDefaultPolicy(separator, internalSeparator), source: source}
}

type identityPolicy struct {
	defaultPolicy
	source Alias
}

func heartbeatLike(topic string) bool { return strings.HasSuffix(topic, heartbeatsTopic) }

func (identityPolicy) Name() string { return "identity" }

func (p identityPolicy) RemoteTopic(source Alias, topic string) string {
	if heartbeatLike(topic) {
		return p.defaultPolicy.RemoteTopic(source, topic)
	}
	return topic
}

func (p identityPolicy) TopicSource(topic string) (Alias, bool) {
	if heartbeatLike(topic) {
		return p.defaultPolicy.TopicSource(topic)
	}
	return p.source, p.source != ""
}

func (p identityPolicy) UpstreamTopic(topic string) (string, bool) {
	if heartbeatLike(topic) {
		return p.defaultPolicy.UpstreamTopic(topic)
	}
	return topic, true
}

func (p identityPolicy) OriginalTopic(topic string) string { return originalTopic(p, topic) }

func (p identityPolicy) IsHeartbeatsTopic(topic string) bool {
	return p.OriginalTopic(topic) == heartbeatsTopic
}
