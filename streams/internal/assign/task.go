package assign

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ProcessID names one instance of the application. It is kept in the instance's
// state directory, so a restart finds its state again.
type ProcessID [16]byte

// String is the id in lower-case hexadecimal.
func (p ProcessID) String() string { return hex.EncodeToString(p[:]) }

// Fingerprint tells topologies apart: members with equal fingerprints run the
// same topology.
type Fingerprint [32]byte

// TaskID names a task: one partition number of one sub-topology. Both numbers are
// at least zero.
type TaskID struct {
	Subtopology, Partition int32
}

// Compare orders ids by sub-topology, then partition.
func (id TaskID) Compare(other TaskID) int {
	return cmp.Or(cmp.Compare(id.Subtopology, other.Subtopology), cmp.Compare(id.Partition, other.Partition))
}

// String is Kafka's form of the id, such as "1_0".
func (id TaskID) String() string { return fmt.Sprintf("%d_%d", id.Subtopology, id.Partition) }

// ParseTaskID reads what [TaskID.String] writes.
func ParseTaskID(s string) (TaskID, error) {
	sub, part, found := strings.Cut(s, "_")
	a, errA := strconv.ParseInt(sub, 10, 32)
	b, errB := strconv.ParseInt(part, 10, 32)
	id := TaskID{Subtopology: int32(a), Partition: int32(b)}
	if !found || errA != nil || errB != nil || id.String() != s || a < 0 || b < 0 {
		return TaskID{}, fmt.Errorf("parse task id %q: want <sub-topology>_<partition>, such as 1_0", s)
	}
	return id, nil
}

// Task is one task to give out.
type Task struct {
	ID TaskID
	// Stateful tasks own stores, get standbys and are moved with warm-ups.
	Stateful bool
	// EndOffsets is the sum of the end offsets of the task's changelog
	// partitions, or [UnknownOffsets]. Stateless tasks ignore it.
	EndOffsets int64
}

// Special values of offset sums.
const (
	// UnknownOffsets says that the end offsets could not be read. Then only a
	// member that runs the task counts as caught up.
	UnknownOffsets int64 = -1
	// Running stands for the offset sum of a task that the member runs as active
	// and has fully restored.
	Running int64 = -2
)
