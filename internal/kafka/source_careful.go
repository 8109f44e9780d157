package kafka

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// After a refusal a partition is copied carefully: in chunks that are committed
// one at a time, until the refused record is alone in its chunk. What was copied
// before stays copied, and the neighbours go on in the same transactions.

// caution is one partition that is copied carefully from an offset on.
type caution struct {
	from   int64
	search pipeline.Careful
	chunk  *chunk // handed out and not committed
	// before is the mark of what was read before from and is not committed yet:
	// a refusal must not take it back once the refused record was found.
	before string
}

// chunk is a batch of a careful copy.
type chunk struct {
	base, limit int64
	epoch       int32
	records     int
	mark        string
	only        *kgo.Record // as read, if it has one record
}

// heldBytes is how much of a partition is read ahead while it is copied carefully.
const heldBytes = 1 << 20

// suspect takes note of a refusal that is about a record.
func (s *PartitionSource) suspect(p pipeline.Partition, r *pipeline.RefusedError) {
	if f := s.found[p]; f != nil && f.letter != nil {
		s.returned(p, f, r)
		return
	}
	c := s.cautions[p]
	switch {
	case c == nil:
		s.cautions[p] = &caution{from: r.Offset}
		s.cfg.Logger.Warn("the target refuses a record, looking for it", "topic", p.Topic, "partition", p.Partition, "from", r.Offset, "err", r.Err)
	case r.Offset < c.from || c.chunk == nil:
		*c = caution{from: min(r.Offset, c.from)}
	case c.search.Refused(c.chunk.records, c.chunk.limit):
		s.isolated(p, c.chunk, r)
	}
}

// isolated does what the policy says about a record that is refused alone.
func (s *PartitionSource) isolated(p pipeline.Partition, k *chunk, r *pipeline.RefusedError) {
	f := &finding{kind: RecordRefused, text: r.Error(), at: k.base, resume: k.limit, epoch: k.epoch}
	policy := s.cfg.Policies.refused()
	switch {
	case k.only == nil: // a stage made it out of nothing that was read
		policy = Park
	case policy == DeadLetter:
		f.letter = &letter{record: k.only, err: r}
	case policy == SkipRecord:
		f.lost = 1
	}
	if policy == Park {
		s.tell(p, r.Offset, f, string(Park))
		s.park(Assigned{Partition: p}, r.Offset, r, false)
		return
	}
	s.found[p] = f
}

// hold keeps back what is to be copied carefully and returns the rest.
func (s *PartitionSource) hold(p *partition, records []*kgo.Record) []*kgo.Record {
	c := s.cautions[p.Partition]
	if c == nil {
		return records
	}
	n := 0
	if len(p.held) == 0 {
		if n = slices.IndexFunc(records, func(r *kgo.Record) bool { return r.Offset >= c.from }); n < 0 {
			return records
		}
	}
	p.held = append(p.held, records[n:]...)
	size := 0
	for _, r := range p.held {
		size += len(r.Key) + len(r.Value)
	}
	if size >= heldBytes && !p.full {
		p.full = true
		s.client.RemoveConsumePartitions(map[string][]int32{p.Topic: {p.Partition.Partition}})
	}
	return records[:n]
}

// chunks queues the next chunk of every partition that is copied carefully and
// has none under way.
func (s *PartitionSource) chunks() {
	for at, c := range s.cautions {
		p := s.active[at]
		if p == nil || c.chunk != nil || c.before != "" || len(p.held) == 0 {
			continue
		}
		last := p.held[len(p.held)-1]
		base := p.pos.Next
		var b *pipeline.Batch
		b, p.held = p.batch(p.held, c.search.Size())
		b.Urgent = true
		k := &chunk{base: base, limit: b.Limit, epoch: p.mark.Epoch, records: b.Len(), mark: b.Next[p.key]}
		if b.Len() == 1 {
			only := *b.Records()[0].Record
			only.Headers = slices.Clone(only.Headers)
			k.only = &only
		}
		c.chunk = k
		s.queue = append(s.queue, b)
		s.refill(p, last)
		s.publish(p)
	}
}

// refill fetches again behind the last record held, once all were handed out.
func (s *PartitionSource) refill(p *partition, last *kgo.Record) {
	if len(p.held) > 0 {
		return
	}
	p.held = nil
	if p.full {
		p.full = false
		s.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{
			p.Topic: {p.Partition.Partition: kgo.NewOffset().At(last.Offset + 1).WithEpoch(last.LeaderEpoch)},
		})
	}
}

// proved takes note of chunks that are committed, and ends searches.
func (s *PartitionSource) proved(marks pipeline.Marks) {
	for at, c := range s.cautions {
		if marks[MarkKey(at)] == c.before {
			c.before = ""
		}
		k := c.chunk
		if k == nil || marks[MarkKey(at)] != k.mark {
			continue
		}
		c.chunk = nil
		if !c.search.Committed(k.records, k.limit) {
			continue
		}
		delete(s.cautions, at)
		delete(s.told, at)
		s.cfg.Logger.Info("the target accepts everything again", "topic", at.Topic, "partition", at.Partition, "offset", k.limit)
		if p := s.active[at]; p != nil {
			s.release(p)
		}
	}
}

// release queues what was held.
func (s *PartitionSource) release(p *partition) {
	if len(p.held) == 0 {
		return
	}
	last := p.held[len(p.held)-1]
	for len(p.held) > 0 {
		var b *pipeline.Batch
		b, p.held = p.batch(p.held, len(p.held))
		s.queue = append(s.queue, b)
	}
	s.refill(p, last)
}

// sized is about how large a record is when it is produced.
func sized(r *kgo.Record) int {
	return 1<<10 + int(pipeline.Size(r)) + 16*len(r.Headers)
}

// LargestLetter is how many bytes the largest record has that is about to become
// a dead letter, or 0: the sink needs room for it. It is for the loop's goroutine.
func (s *PartitionSource) LargestLetter() int32 {
	n := 0
	for _, f := range s.found {
		if f.letter != nil {
			n = max(n, sized(f.letter.record))
		}
	}
	return int32(min(n, largestRequest))
}

// returned deals with a dead letter that was refused, too.
func (s *PartitionSource) returned(p pipeline.Partition, f *finding, r *pipeline.RefusedError) {
	if f.letter.restamp(r.Err) {
		return
	}
	delete(s.found, p)
	err := fmt.Errorf("%w; and the dead letter topic refuses it as well: %w", f.letter.err, r)
	s.tell(p, f.at, &finding{kind: RecordRefused, text: err.Error()}, string(Park))
	s.park(Assigned{Partition: p}, f.at, err, false)
}
