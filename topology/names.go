package topology

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// LanesTopic is the topic on the target whose partitions are the lanes of the
// flow from source: what workers own and where the marks are kept. Its name
// has dots whatever the separator, so that it never depends on a setting.
func LanesTopic(source Alias) string { return "mm2-lanes." + string(source) + ".internal" }

// SegmentsTopic is the compacted topic on the target that maps offsets of the
// source to those of the copies. It has one partition for each lane.
func SegmentsTopic(source Alias) string { return "mm2-segments." + string(source) + ".internal" }

// OwnedTopic is the compacted topic on the target that remembers which topics
// and ACLs mm2 made there.
func OwnedTopic(source Alias) string { return "mm2-owned." + string(source) + ".internal" }

// DeadLetterTopic is where records go that the target refuses, if a flow is
// told so.
func DeadLetterTopic(source Alias) string { return "mm2-dead-letter." + string(source) + ".internal" }

// JavaOffsetsTopic is where the Connect workers of Java MirrorMaker 2 keep the
// source offsets of a flow, on the target.
func JavaOffsetsTopic(source Alias) string { return "mm2-offsets." + string(source) + ".internal" }

// JavaConfigsTopic is where they keep their configuration.
func JavaConfigsTopic(source Alias) string { return "mm2-configs." + string(source) + ".internal" }

// JavaGroup is the group of these workers, on the target.
func JavaGroup(source Alias) string { return string(source) + "-mm2" }

// LaneGroup is the consumer group of the workers that share the lanes of a flow.
func LaneGroup(id FlowID) string { return "mm2-" + id.String() }

// TransactionalID is the id under which a lane writes on the target. Taking a
// lane fences the last owner by it.
func TransactionalID(id FlowID, lane int) string {
	return fmt.Sprintf("mm2-%s-%s-%d", id.Source, id.Target, lane)
}

// Lane is the lane of a source partition: (hash of topic + partition) mod
// lanes, so that the partitions of one topic are spread evenly and each topic
// starts at another lane. Every worker and every version must agree on it. It
// panics when lanes < 1.
func Lane(p Partition, lanes int) int {
	if lanes < 1 {
		panic(fmt.Sprintf("topology: lane of %s/%d among %d lanes", p.Topic, p.Partition, lanes))
	}
	h := fnv.New32a()
	h.Write([]byte(p.Topic)) // never fails
	return int((uint64(h.Sum32()) + uint64(uint32(p.Partition))) % uint64(lanes))
}

// IsReserved reports whether a name belongs to mm2 (or to Java's MirrorMaker 2,
// which uses the same prefix): "mm2-", anything, then "internal" after any
// separator. Such topics are never copied.
func IsReserved(topic string) bool {
	rest, ok := strings.CutPrefix(topic, "mm2-")
	if !ok || !strings.HasSuffix(rest, "internal") {
		return false
	}
	middle := strings.TrimSuffix(rest, "internal")
	return middle != "" && strings.ContainsAny(middle[len(middle)-1:], "._-")
}
