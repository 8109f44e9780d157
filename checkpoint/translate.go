package checkpoint

import "mm2/internal/pipeline"

// Translation is what an offset of one side is on the other.
type Translation struct {
	Target pipeline.Partition
	Offset int64
	Exact  bool // it is the very record; otherwise one before it, never one behind it
	Known  bool // otherwise nothing is known of the partition
	// Deleted: the position is among records of a source topic that no longer
	// exists. Offset then is where the present topic begins.
	Deleted bool
}
