package checkpoint

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// Checkpoints are the newest checkpoints, by group and target partition.
type Checkpoints map[string]map[pipeline.Partition]Checkpoint

// Set makes c the newest checkpoint of its group and partition.
func (cs Checkpoints) Set(c Checkpoint) {
	if cs[c.Group] == nil {
		cs[c.Group] = make(map[pipeline.Partition]Checkpoint)
	}
	cs[c.Group][c.Target()] = c
}

// StoredCheckpoints is what a checkpoints topic holds.
type StoredCheckpoints struct {
	Checkpoints Checkpoints
	Malformed   int // records that are no checkpoints, tombstones among them
	Foreign     int // checkpoints of groups that were not asked for
}

// ReadCheckpoints reads partition 0 of a checkpoints topic to its end, as it is
// when the call begins, and keeps the last checkpoint of each group and target
// partition. Like Java it reads uncommitted and skips what it cannot decode.
// keep says which groups are of interest; nil keeps all.
//
// It fails rather than return a part: without all of the old checkpoints nobody
// knows whether a new one would move a group back.
func ReadCheckpoints(ctx context.Context, d *kafka.Dialer, role, topic string, keep func(group string) bool) (StoredCheckpoints, error) {
	stored := StoredCheckpoints{Checkpoints: make(Checkpoints)}
	err := kafka.ReadAll(ctx, d, role, pipeline.Partition{Topic: topic}, func(r *kgo.Record) error {
		c, err := DecodeCheckpoint(r.Key, r.Value)
		switch {
		case err != nil:
			stored.Malformed++
		case keep != nil && !keep(c.Group):
			stored.Foreign++
		default:
			stored.Checkpoints.Set(c)
		}
		return nil
	})
	if err != nil {
		return StoredCheckpoints{}, fmt.Errorf("read checkpoints: %w", kafka.Explain(err))
	}
	return stored, nil
}
