package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// diagnose looks for what keeps a partition from going on at its mark. Where
// topics are not those that were assigned any more, it says so in a.
func (s *PartitionSource) diagnose(ctx context.Context, a *Assigned, m Mark, ends map[pipeline.Partition]int64) (*finding, error) {
	end, known := ends[a.Partition]
	f := s.found[a.Partition]
	short := known && end < m.End || f != nil && f.kind == TargetTruncated
	if err := s.confirm(ctx, a, m, short); err != nil {
		return nil, err
	}
	if is := topicID(a.TopicID); is != "" && m.TopicID != "" && is != m.TopicID {
		return s.sourceRecreated(*a, m), nil
	}
	if is := topicID(a.TargetID); is != "" && m.TargetID != "" && is != m.TargetID {
		return s.targetRecreated(ctx, *a, m), nil
	}
	if h := m.Held; h != nil {
		return &finding{kind: h.Kind, text: h.Text, lost: h.Lost, at: m.Offset, resume: m.Offset, epoch: m.Epoch}, nil
	}
	if f != nil {
		if f.at < 0 {
			f.at, f.resume, f.epoch = m.Offset, m.Offset, m.Epoch
		}
		if f.at == m.Offset {
			return f, nil
		}
		delete(s.found, a.Partition)
	}
	if known && end < m.End {
		f = copyTruncated(pipeline.Partition{Topic: a.Target, Partition: a.Partition.Partition}, end, m.End)
		f.at, f.resume, f.epoch = m.Offset, m.Offset, m.Epoch
		return f, nil
	}
	return nil, nil
}

// confirm asks the clusters for the topic ids where those assigned differ from
// the mark's, because what was assigned may be older than the mark, and where the
// copy is too short, because it may be newer.
func (s *PartitionSource) confirm(ctx context.Context, a *Assigned, m Mark, short bool) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if is := topicID(a.TopicID); is != "" && m.TopicID != "" && is != m.TopicID {
		id, err := s.look(ctx, s.cfg.Admin, a.Topic)
		if err != nil {
			return fmt.Errorf("the topic seems to be another one than before: %w", err)
		}
		a.TopicID = id
	}
	if is := topicID(a.TargetID); s.cfg.Target != nil && is != "" && m.TargetID != "" && (is != m.TargetID || short) {
		id, err := s.look(ctx, s.cfg.Target, a.Target)
		if err != nil {
			return fmt.Errorf("the copy seems to be another one than before: %w", err)
		}
		a.TargetID = id
	}
	return nil
}

// looked is a topic whose id was asked for.
type looked struct {
	at    *kadm.Client
	topic string
}

// look asks for a topic's id, once while partitions are added.
func (s *PartitionSource) look(ctx context.Context, at *kadm.Client, topic string) (kadm.TopicID, error) {
	id, ok := s.looks[looked{at, topic}]
	if ok {
		return id, nil
	}
	found, err := lookUpTopic(ctx, at, topic)
	if err == nil && !found.missing {
		s.looks[looked{at, topic}] = found.detail.ID
	}
	return found.detail.ID, err
}

func (s *PartitionSource) sourceRecreated(a Assigned, m Mark) *finding {
	f := &finding{kind: SourceRecreated, lost: -1, gone: -1, at: m.Offset, resume: beginning, epoch: -1}
	rest := "what was behind that and not copied yet is lost"
	s.mu.Lock()
	end := s.status[a.Partition].End
	s.mu.Unlock()
	if end >= m.Offset { // of the old topic: the new one was not read
		f.lost, f.gone = end-m.Offset, end-m.Offset
		rest = fmt.Sprintf("it was last seen to end at %d, so up to %d records were not copied", end, f.lost)
	}
	f.text = fmt.Sprintf("topic %s was deleted and created again on the source: its id was %s and is %s. What was copied up to offset %d belongs to the old topic; %s",
		a.Topic, m.TopicID, topicID(a.TopicID), m.Offset, rest)
	return f
}

func (s *PartitionSource) targetRecreated(ctx context.Context, a Assigned, m Mark) *finding {
	f := &finding{kind: TargetRecreated, lost: -1, at: m.Offset, resume: m.Offset, epoch: m.Epoch}
	rest := fmt.Sprintf("records from before source offset %d are missing there", m.Offset)
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if start, _, err := bounds(ctx, s.cfg.Admin, a.Topic, a.Partition.Partition); err == nil {
		f.lost = max(m.Offset-start, 0)
		rest += fmt.Sprintf(": %d offsets that the source still has, from %d, and all that are older", f.lost, start)
	}
	f.text = fmt.Sprintf("the copy %s was deleted and created again on the target: its id was %s and is %s; %s", a.Target, m.TargetID, topicID(a.TargetID), rest)
	return f
}

func copyTruncated(copied pipeline.Partition, end, was int64) *finding {
	return &finding{
		kind: TargetTruncated, lost: was - end, at: -1,
		text: fmt.Sprintf("the copy %s partition %d was truncated: it was written up to offset %d and ended at %d, so %d offsets of it are lost (unclean leader election on the target)",
			copied.Topic, copied.Partition, was, end, was-end),
	}
}

// copyEnds are the ends of the copies that are known to have had one. Where they
// cannot be listed, the first commit notices a copy that is too short.
func (s *PartitionSource) copyEnds(ctx context.Context, parts []Assigned, marks map[pipeline.Partition]Mark) map[pipeline.Partition]int64 {
	var topics []string
	seen := map[string]bool{}
	for _, a := range parts {
		if marks[a.Partition].End > 0 && a.Target != "" && !seen[a.Target] {
			seen[a.Target] = true
			topics = append(topics, a.Target)
		}
	}
	if len(topics) == 0 || s.cfg.Target == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	listed, err := s.cfg.Target.ListEndOffsets(ctx, topics...)
	if err != nil {
		s.cfg.Logger.Debug("cannot look at the ends of the copies", "err", err)
	}
	out := make(map[pipeline.Partition]int64, len(parts))
	for _, a := range parts {
		if o, ok := listed.Lookup(a.Target, a.Partition.Partition); ok && o.Err == nil && o.Offset >= 0 {
			out[a.Partition] = o.Offset
		}
	}
	return out
}

// truncated states what kgo found. It never leads past what was handed out.
func truncated(l *kgo.ErrDataLoss, next int64) *finding {
	n := max(l.ConsumedTo-l.ResetTo, 0)
	return &finding{
		kind: SourceTruncated, lost: n, gone: n, resume: min(l.ResetTo, next), epoch: -1,
		text: fmt.Sprintf("the source was truncated: offsets from %d to %d, %d of them, were copied and no longer exist there (unclean leader election)", l.ResetTo, l.ConsumedTo-1, n),
	}
}

// outOfRange states the loss: retention overtook us, or the log was cut.
func (s *PartitionSource) outOfRange(ctx context.Context, p *partition) (*finding, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	next := p.pos.Next
	start, end, err := bounds(ctx, s.cfg.Admin, p.Topic, p.Partition.Partition)
	switch {
	case err != nil:
		return nil, fmt.Errorf("offset %d is no longer there on the source (and its range is unknown: %w)", next, err)
	case next < start:
		return &finding{
			kind: RetentionOvertook, lost: start - next, gone: start - next, resume: start, epoch: -1,
			text: fmt.Sprintf("retention overtook the copy: offsets %d to %d, up to %d records, were deleted on the source before they were copied", next, start-1, start-next),
		}, nil
	case next > end:
		return &finding{
			kind: SourceTruncated, lost: next - end, gone: next - end, resume: end, epoch: -1,
			text: fmt.Sprintf("offset %d is beyond the end of the source log, which is %d: the log was truncated or the topic replaced, and %d offsets that were copied no longer exist there", next, end, next-end),
		}, nil
	}
	return nil, fmt.Errorf("the source refused offset %d as out of range, and has %d to %d now: it is read again", next, start, end)
}
