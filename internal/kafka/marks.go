package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// ownerKey is the key of the record that says who took a lane. Marks are keyed
// "topic/partition", and no topic name contains a slash.
const ownerKey = "owner"

// Owner is the claim that a worker writes into the lane when it takes it.
type Owner struct {
	Worker string    `json:"worker"`
	Origin string    `json:"source_cluster,omitempty"` // id of the source cluster
	Since  time.Time `json:"since"`
}

// MarkTopic is one partition of a lanes topic: where a lane keeps its marks.
type MarkTopic struct {
	Topic     string
	Partition int32
}

// stored is what a mark partition holds.
type stored struct {
	marks pipeline.Marks
	owner Owner // zero if nobody ever claimed the lane
}

// read reads the partition from its start to its high watermark with a
// read-committed consumer. It must not stop at the last stable offset: an open
// transaction there hides commits that already happened. Callers fence first.
func (m MarkTopic) read(ctx context.Context, d *Dialer, role string) (stored, error) {
	out := stored{marks: pipeline.Marks{}}
	err := scan(ctx, d, role, scanRange{topic: m.Topic, partition: m.Partition, from: -1, committed: true}, func(r *kgo.Record) error {
		switch {
		case r.Attrs.IsControl():
		case string(r.Key) == ownerKey:
			out.owner = Owner{}
			if err := json.Unmarshal(r.Value, &out.owner); err != nil {
				return fmt.Errorf("owner record at offset %d: %w", r.Offset, err)
			}
		case r.Value == nil:
			delete(out.marks, string(r.Key))
		default:
			out.marks[string(r.Key)] = string(r.Value)
		}
		return nil
	})
	return out, err
}

func (m MarkTopic) record(key, value string) *kgo.Record {
	return &kgo.Record{Topic: m.Topic, Partition: m.Partition, Key: []byte(key), Value: []byte(value)}
}

// scanRange is what scan reads: from an offset (or the start, -1) to another one,
// at most to the high watermark as it is when the scan begins (0: to there).
type scanRange struct {
	topic     string
	partition int32
	from, to  int64
	committed bool // read committed, so that open transactions stop the scan
}

// scan calls fn with every record, control records included.
func scan(ctx context.Context, d *Dialer, role string, in scanRange, fn func(*kgo.Record) error) error {
	isolation := kgo.ReadUncommitted()
	if in.committed {
		isolation = kgo.ReadCommitted()
	}
	cl, err := d.Client(role, kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		return err
	}
	defer cl.Close()
	defer cl.PurgeTopicsFromClient(in.topic) // see PartitionSource.Close
	adm := kadm.NewClient(cl)
	start, end, err := bounds(ctx, adm, in.topic, in.partition)
	if err != nil {
		return err
	}
	from := max(start, in.from)
	if in.to > 0 {
		end = min(end, in.to)
	}
	if from >= end {
		return nil
	}
	cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{in.topic: {in.partition: kgo.NewOffset().At(from)}})
	for pos := from; pos < end; {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("read %s partition %d: stuck at offset %d of %d: %w", in.topic, in.partition, pos, end, context.Cause(ctx))
		}
		for _, e := range fs.Errors() {
			return fmt.Errorf("read %s partition %d: %w", in.topic, in.partition, e.Err)
		}
		for it := fs.RecordIter(); !it.Done(); {
			r := it.Next()
			if pos = r.Offset + 1; in.to > 0 && pos > end {
				break
			}
			if err := fn(r); err != nil {
				return fmt.Errorf("read %s partition %d: %w", in.topic, in.partition, err)
			}
		}
	}
	return nil
}

// bounds are the log start and the high watermark of one partition.
func bounds(ctx context.Context, adm *kadm.Client, topic string, partition int32) (start, end int64, err error) {
	one := func(list func(context.Context, ...string) (kadm.ListedOffsets, error)) (int64, error) {
		os, err := list(ctx, topic)
		if err != nil {
			return 0, fmt.Errorf("list offsets of %s: %w", topic, err)
		}
		o, ok := os.Lookup(topic, partition)
		if whole, failed := os.Lookup(topic, -1); failed && whole.Err != nil {
			return 0, fmt.Errorf("list offsets of %s: %w", topic, whole.Err)
		}
		if !ok {
			return 0, fmt.Errorf("list offsets of %s: partition %d is not there", topic, partition)
		}
		if o.Err != nil {
			return 0, fmt.Errorf("list offsets of %s partition %d: %w", topic, partition, o.Err)
		}
		return o.Offset, nil
	}
	// End first: what is written in between is of no interest, but a start
	// that moves past an old end would be.
	if end, err = one(adm.ListEndOffsets); err != nil {
		return 0, 0, err
	}
	start, err = one(adm.ListStartOffsets)
	return start, end, err
}

// IsClaim tells whether next is what a sink commits when it takes a lane, and
// nothing of the source: everything that was not committed by then is gone.
func IsClaim(next pipeline.Marks) bool {
	_, ok := next[ownerKey]
	return ok
}
