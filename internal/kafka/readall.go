package kafka

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
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

// Follow is [ReadAll] that goes on with what is written later. Between the two
// it calls caughtUp, once. It returns only an error, also when ctx ends: then
// it is the cause. Whoever calls it again begins at the start again.
func Follow(ctx context.Context, d *Dialer, role string, p pipeline.Partition, caughtUp func(), fn func(*kgo.Record)) error {
	cl, err := d.Client(role, kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		return err
	}
	defer cl.Close()
	defer cl.PurgeTopicsFromClient(p.Topic) // see PartitionSource.Close
	start, end, err := bounds(ctx, kadm.NewClient(cl), p.Topic, p.Partition)
	if err != nil {
		return err
	}
	cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{p.Topic: {p.Partition: kgo.NewOffset().At(start)}})
	pos := start
	arrived := sync.OnceFunc(caughtUp)
	if pos >= end {
		arrived()
	}
	for {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for _, e := range fs.Errors() {
			return fmt.Errorf("read %s partition %d at offset %d: %w", p.Topic, p.Partition, pos, e.Err)
		}
		for it := fs.RecordIter(); !it.Done(); {
			r := it.Next()
			if !r.Attrs.IsControl() {
				fn(r)
			}
			if pos = r.Offset + 1; pos >= end {
				arrived()
			}
		}
	}
}
