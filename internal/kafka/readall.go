package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// ReadAll calls fn with every record of a partition, in order, from its start
// to the high watermark as it was when the call began. It reads uncommitted, as
// Java's readers of internal topics do, and leaves control records out. An
// error of fn ends it. It waits for unreachable brokers as long as ctx allows.
//
// A topic that does not exist is an error that wraps
// kerr.UnknownTopicOrPartition.
func ReadAll(ctx context.Context, d *Dialer, role string, p pipeline.Partition, fn func(*kgo.Record) error) error {
	return scan(ctx, d, role, scanRange{topic: p.Topic, partition: p.Partition, from: -1}, func(r *kgo.Record) error {
		if r.Attrs.IsControl() {
			return nil
		}
		return fn(r)
	})
}
