package kafka

import (
	"context"
	"fmt"
	"time"

	"mm2/internal/pipeline"
)

// What is wrong with a partition is found when it is added (topics created anew,
// a copy that is too short, what the sink found) or when it is read (retention,
// truncation). A treatment is a mark: it says where copying goes on and what was
// given up. The partition rests until that mark is committed, and only then is
// the loss counted: it is either in the committed mark and counted, or in neither.
// A process that ends between the two takes its counters with it; the sum in the
// mark is what lasts.

// proposal is a mark that was handed out and has to be committed.
type proposal struct {
	mark    string
	trouble *Trouble // told once it is; nil: nothing to tell
}

// lookTimeout bounds looking up the extent of a loss.
const lookTimeout = 5 * time.Second

// cut treats a partition whose source is not what it was. What was read before
// stays queued: it may be gone from the source by now.
func (s *PartitionSource) cut(ctx context.Context, p *partition, f *finding) error {
	delete(s.active, p.Partition)
	if len(p.held) > 0 {
		// Its records wait for a careful copy. It begins again at its mark, and
		// what is wrong is found there.
		s.remove([]*partition{p})
		s.again()
		return nil
	}
	s.client.RemoveConsumePartitions(map[string][]int32{p.Topic: {p.Partition.Partition}})
	f.at = p.mark.Offset
	return s.treat(ctx, p.Assigned, p.mark, f)
}

// treat does what the policy says about a finding. The mark m is where the
// partition stands.
func (s *PartitionSource) treat(ctx context.Context, a Assigned, m Mark, f *finding) error {
	policy := s.cfg.Policies.loss(f.kind)
	if f.kind == RecordRefused {
		policy = Skip // of the record, as a dead letter or not at all
	}
	if policy == Halt {
		s.halt(a, m, f)
		return nil
	}
	// Emptying needs the end of what was written, and clients that knew an old
	// topic can neither read nor write the new one.
	if !s.fresh && (policy == Restart || f.kind == SourceRecreated || f.kind == TargetRecreated || f.kind == TargetTruncated) {
		s.found[a.Partition] = f
		return fmt.Errorf("%s partition %d: %s: %w", a.Topic, a.Partition.Partition, f.text, pipeline.ErrReopen)
	}
	next := m
	next.adopt(a)
	next.Held, next.Epoch, next.Offset = nil, f.epoch, f.resume
	t := &Trouble{Kind: f.kind, Action: string(policy), Partition: a.Partition, Offset: m.Offset, Lost: f.lost, Text: f.text}
	if f.kind == TargetRecreated || f.kind == TargetTruncated {
		next.End = 0
		if s.cfg.Forget != nil {
			s.cfg.Forget(pipeline.Partition{Topic: a.Target, Partition: a.Partition.Partition})
		}
	}
	if f.kind == TargetRecreated {
		next.Empty = 0 // what had to be emptied is gone
	}
	if policy == Restart {
		t.Lost, next.Offset, next.Epoch = f.gone, beginning, -1
		if err := s.clear(ctx, a, &next); err != nil {
			s.park(a, m.Offset, err, false)
			return nil
		}
	}
	if next.Offset == beginning {
		starts, err := s.starts(ctx, []Assigned{{Partition: a.Partition}})
		if err != nil {
			return err
		}
		next.Offset = starts[a.Partition]
		next.Generation++
	}
	next.lose(f.kind, t.Lost)
	b := &pipeline.Batch{Source: a.Partition, Base: next.Offset, Limit: next.Offset, Urgent: true}
	if f.kind == RecordRefused {
		t.Action, b.Base = string(s.cfg.Policies.refused()), m.Offset
		if err := s.send(ctx, a, f, b); err != nil {
			s.park(a, m.Offset, err, false)
			return nil
		}
	}
	s.propose(b, a, next, t)
	return nil
}

// halt parks the partition. What cannot be found again by looking is kept in
// the mark until the policy is another one.
func (s *PartitionSource) halt(a Assigned, m Mark, f *finding) {
	s.tell(a.Partition, m.Offset, f, string(Halt))
	s.park(a, m.Offset, f, false)
	if m.Held != nil || f.kind != TargetWritten && f.kind != TargetTruncated {
		return
	}
	m.Held = &Held{Kind: f.kind, Text: f.text, Lost: f.lost}
	s.propose(&pipeline.Batch{Source: a.Partition, Base: m.Offset, Limit: m.Offset, Urgent: true}, a, m, nil)
}

// tell counts trouble that halts a partition, once.
func (s *PartitionSource) tell(p pipeline.Partition, offset int64, f *finding, action string) {
	if s.told[p] == f.text {
		return
	}
	s.told[p] = f.text
	if s.cfg.Trouble != nil {
		s.cfg.Trouble(Trouble{Kind: f.kind, Action: action, Partition: p, Offset: offset, Foreign: f.foreign, Text: f.text})
	}
}

// propose hands out a mark; the partition rests until it is committed.
func (s *PartitionSource) propose(b *pipeline.Batch, a Assigned, next Mark, t *Trouble) {
	text := next.encode()
	b.Next = pipeline.Marks{MarkKey(a.Partition): text}
	s.queue = append(s.queue, b)
	s.proposed[a.Partition] = &proposal{mark: text, trouble: t}
	if t != nil && s.told[a.Partition] != t.Text {
		s.told[a.Partition] = t.Text
		s.cfg.Logger.Warn("trouble with a partition, going on as the policy says", "topic", a.Topic, "partition", a.Partition.Partition,
			"kind", string(t.Kind), "action", t.Action, "lost", t.Lost, "resume", next.Offset, "trouble", t.Text)
	}
}

// reopened looks which proposals the marks contain; the others are void, and
// what they were about is found again.
func (s *PartitionSource) reopened() {
	for p, w := range s.proposed {
		if s.marks[MarkKey(p)] == w.mark {
			s.settle(p, w)
		}
		delete(s.proposed, p)
	}
	for _, c := range s.cautions {
		c.chunk, c.before = nil, ""
	}
}

// Committed implements pipeline.Observer.
func (s *PartitionSource) Committed(r *pipeline.Receipt) {
	for p, w := range s.proposed {
		if r.Marks[MarkKey(p)] == w.mark {
			delete(s.proposed, p)
			s.settle(p, w)
		}
	}
	s.proved(r.Marks)
	for i := range r.Segments {
		seg := &r.Segments[i]
		if p := s.active[seg.Source]; p != nil && seg.Target.Topic == p.Target {
			p.mark.End = max(p.mark.End, seg.TargetBase+seg.Count)
		}
	}
}

// settle goes on with a partition whose new mark is committed.
func (s *PartitionSource) settle(p pipeline.Partition, w *proposal) {
	if w.trouble != nil {
		delete(s.found, p)
		delete(s.told, p)
		if s.cfg.Trouble != nil {
			s.cfg.Trouble(*w.trouble)
		}
	}
	s.again()
}
