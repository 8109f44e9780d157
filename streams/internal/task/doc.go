// Package task runs the part of a topology that one task holds: it queues the
// records of the task's partitions, picks the next one by time, passes it
// through the nodes, keeps stream time and punctuators, and knows what offsets
// may be committed. It does no I/O and starts no goroutine: whoever owns the
// task feeds it, and takes what it sends.
//
// A Task is used by one goroutine at a time.
package task

import "fmt"

// ID names a task: one sub-topology for one partition number.
type ID struct {
	Subtopology int
	Partition   int32
}

func (id ID) String() string { return fmt.Sprintf("%d_%d", id.Subtopology, id.Partition) }

// Partition is an input of a task.
type Partition struct {
	Cluster   string // empty is the home cluster
	Topic     string
	Partition int32
}

func (p Partition) String() string {
	if p.Cluster == "" {
		return fmt.Sprintf("%s-%d", p.Topic, p.Partition)
	}
	return fmt.Sprintf("%s-%d on %s", p.Topic, p.Partition, p.Cluster)
}

// Metadata says where the record that is being processed comes from.
type Metadata struct {
	Cluster   string // empty is the home cluster
	Topic     string
	Partition int32
	Offset    int64
}
