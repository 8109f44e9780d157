package topology

// Policy is the one seam for naming: how a topic is called on the target and
// what its name there tells about where it came from. The two implementations
// follow org.apache.kafka.connect.mirror.DefaultReplicationPolicy and
// IdentityReplicationPolicy.
type Policy interface {
	// Name is "default" or "identity".
	Name() string
	// RemoteTopic names the copy of topic from cluster source.
	RemoteTopic(source Alias, topic string) string
	// TopicSource is the cluster a remote topic was copied from, if its name tells.
	TopicSource(topic string) (Alias, bool)
	// UpstreamTopic is the name of the topic on the cluster it was copied from.
	UpstreamTopic(topic string) (string, bool)
	// OriginalTopic strips every hop.
	OriginalTopic(topic string) string
	HeartbeatsTopic() string
	OffsetSyncsTopic(other Alias) string
	CheckpointsTopic(source Alias) string
	IsHeartbeatsTopic(topic string) bool
	IsCheckpointsTopic(topic string) bool
	IsMM2InternalTopic(topic string) bool
	IsInternalTopic(topic string) bool
}
