package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/topology"
)

// loadPatience bounds one reading of the checkpoints topic. Compaction keeps it
// to a few records for each group and partition.
const loadPatience = 2 * time.Minute

// readCheckpoints reads partition 0 of a checkpoints topic from its start to
// its end, oldest first. Records that are no checkpoints are passed over.
func readCheckpoints(ctx context.Context, target *kafka.Dialer, flow topology.FlowID, topic string) ([]Checkpoint, error) {
	client, err := target.Client(flow.String()+"|checkpoints-target-consumer",
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	starts, err := offsetsOf(adm.ListStartOffsets(ctx, topic))
	if err != nil {
		return nil, fmt.Errorf("read checkpoints of %s: %w", topic, kafka.Explain(err))
	}
	ends, err := offsetsOf(adm.ListEndOffsets(ctx, topic))
	if err != nil {
		return nil, fmt.Errorf("read checkpoints of %s: %w", topic, kafka.Explain(err))
	}
	var out []Checkpoint
	for next := starts[0]; next < ends[0]; {
		fetches := client.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), fetches.Err()); err != nil {
			return nil, fmt.Errorf("read checkpoints of %s at offset %d of %d: %w", topic, next, ends[0], kafka.Explain(err))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if c, err := DecodeCheckpoint(r.Key, r.Value); err == nil {
				out = append(out, c)
			}
		})
	}
	return out, nil
}
