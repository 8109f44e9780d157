package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Reader reads topics from their beginning, read_committed, and shows each
// record once. It belongs to one goroutine.
type Reader struct {
	client *kgo.Client
	topics []string
	saw    func(*kgo.Record)
	next   map[string]map[int32]int64
}

// ReaderOpts are the client options that a [Reader] of topics needs, besides
// those for the connection.
func ReaderOpts(topics ...string) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Without markers a reader cannot tell that it reached the end of a
		// partition that ends with one.
		kgo.KeepControlRecords(),
	}
}

// NewReader returns a reader of topics by a client that was built with
// [ReaderOpts] and stays the caller's. saw gets every record that is not a
// control record; [View.Saw] is the usual one.
func NewReader(client *kgo.Client, saw func(*kgo.Record), topics ...string) *Reader {
	return &Reader{client: client, topics: topics, saw: saw, next: make(map[string]map[int32]int64)}
}

// ToEnd reads everything that a read_committed reader could see when it was
// called. A topic that does not exist yet is empty. An open transaction ends
// what can be seen.
func (r *Reader) ToEnd(ctx context.Context) error {
	ends, err := kadm.NewClient(r.client).ListCommittedOffsets(ctx, r.topics...)
	if err != nil {
		return fmt.Errorf("list the ends of %v: %w", r.topics, err)
	}
	starts, err := kadm.NewClient(r.client).ListStartOffsets(ctx, r.topics...)
	if err != nil {
		return fmt.Errorf("list the starts of %v: %w", r.topics, err)
	}
	var open []kadm.ListedOffset
	var failed error
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		switch {
		case errors.Is(end.Err, kerr.UnknownTopicOrPartition):
		case end.Err != nil || start.Err != nil:
			failed = errors.Join(failed, end.Err, start.Err)
		case start.Offset < end.Offset:
			if _, known := r.next[end.Topic][end.Partition]; !known {
				r.client.ForceMetadataRefresh() // it may be newer than what the client knows
			}
			open = append(open, end)
		}
	})
	if failed != nil {
		return fmt.Errorf("list the ends of %v: %w", r.topics, failed)
	}
	for {
		var left []kadm.ListedOffset
		for _, end := range open {
			if r.next[end.Topic][end.Partition] < end.Offset {
				left = append(left, end)
			}
		}
		if open = left; len(open) == 0 {
			return nil
		}
		if err := r.Poll(ctx); err != nil {
			return fmt.Errorf("%s-%d: at %d of %d: %w", open[0].Topic, open[0].Partition,
				r.next[open[0].Topic][open[0].Partition], open[0].Offset, err)
		}
	}
}

// Poll waits for records and shows them. It returns an error if the context
// ended or a partition cannot be read; what passes by itself is retried by the
// client and not returned.
func (r *Reader) Poll(ctx context.Context) error {
	fetches := r.client.PollFetches(ctx)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read: %w", context.Cause(ctx))
	}
	var failed error
	fetches.EachError(func(topic string, partition int32, err error) {
		if !kerr.IsRetriable(err) {
			failed = errors.Join(failed, fmt.Errorf("read %s-%d: %w", topic, partition, err))
		}
	})
	fetches.EachRecord(func(record *kgo.Record) {
		partitions := r.next[record.Topic]
		if partitions == nil {
			partitions = make(map[int32]int64)
			r.next[record.Topic] = partitions
		}
		partitions[record.Partition] = record.Offset + 1
		if !record.Attrs.IsControl() {
			r.saw(record)
		}
	})
	return failed
}
