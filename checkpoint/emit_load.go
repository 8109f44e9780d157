package checkpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// loadPatience bounds one reading of the checkpoints topic. Compaction keeps it
// to a few records for each group and partition.
const loadPatience = 2 * time.Minute

// readCheckpoints reads partition 0 of a checkpoints topic from its start to
// its end, oldest first: what [ReadCheckpoints] leaves out, the earlier ones of a
// group, tells whether it was reset. Records that are no checkpoints are passed
// over.
func readCheckpoints(ctx context.Context, target *kafka.Dialer, flow topology.FlowID, topic string) ([]Checkpoint, error) {
	var out []Checkpoint
	err := kafka.ReadAll(ctx, target, flow.String()+"|checkpoints-target-consumer", pipeline.Partition{Topic: topic}, func(r *kgo.Record) error {
		if c, err := DecodeCheckpoint(r.Key, r.Value); err == nil {
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read checkpoints of %s: %w", topic, kafka.Explain(err))
	}
	return out, nil
}
