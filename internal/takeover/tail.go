package takeover

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// tail reads a topic of Java's to its end, and each time from where it stopped.
type tail struct {
	role string
	next map[int32]int64
}

// read hands every committed record up to the high watermarks as they are now
// to see. It waits for transactions that are open below them: what they commit
// may belong to what was asked.
func (t *tail) read(ctx context.Context, deps Deps, topic string, see func(*kgo.Record)) error {
	starts, err := listed(ctx, deps.Admin.ListStartOffsets, topic)
	if err != nil {
		return err
	}
	ends, err := listed(ctx, deps.Admin.ListEndOffsets, topic)
	if err != nil {
		return err
	}
	if t.next == nil {
		t.next = map[int32]int64{}
	}
	from := map[int32]kgo.Offset{}
	for p, end := range ends {
		if t.next[p] < starts[p] || t.next[p] > end {
			t.next[p] = starts[p]
		}
		if t.next[p] < end {
			from[p] = kgo.NewOffset().At(t.next[p])
		}
	}
	if len(from) == 0 {
		return nil
	}
	cl, err := deps.Dialer.Client(t.role, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		return err
	}
	defer cl.Close()
	defer cl.PurgeTopicsFromClient(topic) // a client closed while it starts a fetch races with itself
	for t.behind(ends) >= 0 {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			p := t.behind(ends)
			return fmt.Errorf("%s partition %d: stuck at offset %d of %d: %w (if it stays there a transaction is open, which is found with: kafka-transactions.sh --bootstrap-server TARGET find-hanging --topic %s --partition %d)",
				topic, p, t.next[p], ends[p], context.Cause(ctx), topic, p)
		}
		for _, e := range fs.Errors() {
			return fmt.Errorf("%s partition %d: %w", topic, e.Partition, e.Err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			t.next[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				see(r)
			}
		})
	}
	return nil
}

// behind is a partition that is not read to its end, or -1.
func (t *tail) behind(ends map[int32]int64) int32 {
	for p, end := range ends {
		if t.next[p] < end {
			return p
		}
	}
	return -1
}

func listed(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topic string) (map[int32]int64, error) {
	got, err := list(ctx, topic)
	if err == nil {
		err = got.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
	}
	out := map[int32]int64{}
	for p, o := range got[topic] {
		out[p] = o.Offset
	}
	return out, nil
}
