package topology

import "slices"

// The functions below are what Java's MirrorClient and RemoteClusterUtils tell
// of a cluster from nothing but its list of topics and the policy of the flows
// that write to it. They look at names only, never at records.

// HeartbeatTopics are the heartbeats topics among topics, sorted: the cluster's
// own and those that were copied to it.
func HeartbeatTopics(p Policy, topics []string) []string {
	return sorted(topics, p.IsHeartbeatsTopic)
}

// CheckpointTopics are the checkpoints topics among topics, sorted.
func CheckpointTopics(p Policy, topics []string) []string {
	return sorted(topics, p.IsCheckpointsTopic)
}

// UpstreamClusters are the clusters whose heartbeats reach the cluster that has
// topics, directly or over others, sorted.
func UpstreamClusters(p Policy, topics []string) []Alias {
	var clusters []Alias
	for _, topic := range HeartbeatTopics(p, topics) {
		clusters = append(clusters, hops(p, topic)...)
	}
	slices.Sort(clusters)
	return slices.Compact(clusters)
}

// ReplicationHops is the number of flows that a heartbeat of upstream passes on
// its shortest way to the cluster that has topics. It reports false if none
// arrives there.
func ReplicationHops(p Policy, topics []string, upstream Alias) (count int, found bool) {
	for _, topic := range HeartbeatTopics(p, topics) {
		n, ok := TopicHops(p, topic, upstream)
		if ok && (!found || n < count) {
			count, found = n, true
		}
	}
	return count, found
}

// TopicHops is the number of flows between topic and its original on upstream,
// as the name tells. It reports false if the name does not lead there.
func TopicHops(p Policy, topic string, upstream Alias) (count int, found bool) {
	i := slices.Index(hops(p, topic), upstream)
	return i + 1, i >= 0
}

// RemoteTopics are the topics whose names say that they are copies, sorted.
// Copied heartbeats are among them, and so is every topic that merely looks
// like a copy.
func RemoteTopics(p Policy, topics []string) []string {
	return sorted(topics, func(topic string) bool {
		_, ok := p.TopicSource(topic)
		return ok && !p.IsInternalTopic(topic)
	})
}

// RemoteTopicsOf are those of [RemoteTopics] that were copied from source
// itself, not over another cluster.
func RemoteTopicsOf(p Policy, topics []string, source Alias) []string {
	return slices.DeleteFunc(RemoteTopics(p, topics), func(topic string) bool {
		from, _ := p.TopicSource(topic)
		return from != source
	})
}

// hops are the clusters that the name of topic says it passed through, the
// nearest first. A name that leads in a circle ends where it closes.
func hops(p Policy, topic string) []Alias {
	var passed []Alias
	for {
		source, ok := p.TopicSource(topic)
		if !ok || slices.Contains(passed, source) {
			return passed
		}
		passed = append(passed, source)
		if topic, ok = p.UpstreamTopic(topic); !ok {
			return passed
		}
	}
}

func sorted(topics []string, is func(string) bool) []string {
	var found []string
	for _, topic := range topics {
		if is(topic) {
			found = append(found, topic)
		}
	}
	slices.Sort(found)
	return found
}
