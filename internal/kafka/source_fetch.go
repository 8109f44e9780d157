package kafka

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// behindWait is how long an empty poll waits when the source is known to hold
// more: long enough for a fetch under way to arrive, short enough that an open
// transaction is not held up by a stalled broker.
const behindWait = 20 * time.Millisecond

func (s *PartitionSource) fetch(ctx context.Context, wait time.Duration) error {
	if wait == 0 && s.behind() {
		wait = behindWait
	}
	var fs kgo.Fetches
	if wait == 0 {
		fs = s.client.PollFetches(nil) //nolint:staticcheck // nil is kgo's way to ask for what is buffered
	} else {
		pctx, cancel := context.WithTimeout(ctx, wait)
		fs = s.client.PollFetches(pctx)
		cancel()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// What is wrong with a partition comes first, wherever it is in the answer: kgo
	// puts the news of a truncation behind the records from the truncation point on,
	// and those are read again when the loss has been treated.
	var err error
	fs.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil && err == nil {
			err = s.fetchError(ctx, p)
		}
	})
	fs.EachPartition(s.take)
	return err
}

func (s *PartitionSource) behind() bool {
	for _, p := range s.active {
		if !p.drained && len(p.held) == 0 && p.pos.Lag() > 0 {
			return true
		}
	}
	return false
}

// take queues what was fetched of one partition.
func (s *PartitionSource) take(fp kgo.FetchTopicPartition) {
	p := s.active[pipeline.Partition{Topic: fp.Topic, Partition: fp.Partition}]
	if p == nil {
		return
	}
	if end := s.end(fp.FetchPartition); end >= 0 {
		p.pos.End = end
	}
	records := fp.Records
	if limit := s.refused(p.Partition); limit >= 0 {
		n := len(records)
		records = slices.DeleteFunc(records, func(r *kgo.Record) bool { return r.Offset >= limit })
		s.reached(p, len(records) < n)
	}
	records = s.hold(p, records)
	for len(records) > 0 {
		var b *pipeline.Batch
		b, records = p.batch(records, math.MaxInt)
		s.queue = append(s.queue, b)
		if c := s.cautions[p.Partition]; c != nil {
			c.before, b.Urgent = b.Next[p.key], true
		}
	}
	s.publish(p)
}

// batch makes a batch of the first fetched records, with at most so many that are
// not control records, and returns the rest.
func (p *partition) batch(records []*kgo.Record, most int) (*pipeline.Batch, []*kgo.Record) {
	b := &pipeline.Batch{Source: p.Partition, Base: p.pos.Next}
	n := fill(b, records, most)
	last := records[n-1]
	b.Limit = last.Offset + 1
	b.Next = pipeline.Marks{p.key: p.passed(b.Limit, last.LeaderEpoch)}
	if b.Newest.After(p.pos.Newest) {
		p.pos.Newest = b.Newest
	}
	return b, records[n:]
}

func (s *PartitionSource) end(p kgo.FetchPartition) int64 {
	if s.cfg.ReadUncommitted || p.LastStableOffset < 0 {
		return p.HighWatermark
	}
	return p.LastStableOffset
}

// batchBytes bounds a batch that is handed out, uncompressed: a slow link must
// be able to commit a few of them within the transaction timeout.
const batchBytes = 256 << 10

// fill moves fetched records into a batch, without the control records, and
// tells how many it has taken: at least one, and no more than batchBytes need or
// hold the given number of records.
func fill(b *pipeline.Batch, fetched []*kgo.Record, most int) (n int) {
	records := make([]pipeline.Record, 0, min(len(fetched), batchBytes>>9))
	for n < len(fetched) && b.Bytes < batchBytes && len(records) < most {
		r := fetched[n]
		n++
		if r.Attrs.IsControl() {
			continue
		}
		records = append(records, pipeline.Record{Record: r, From: r.Offset})
		b.Bytes += pipeline.Size(r)
		b.ValueBytes += int64(len(r.Value))
		b.Times.Add(r.Timestamp)
	}
	b.SetRecords(records)
	return n
}

func (s *PartitionSource) publish(p *partition) {
	s.mu.Lock()
	s.status[p.Partition] = p.pos
	s.mu.Unlock()
}
