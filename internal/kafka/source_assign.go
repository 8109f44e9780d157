package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// apply brings the client's partitions in step with Assign and parking.
func (s *PartitionSource) apply(ctx context.Context) error {
	want, ok := s.wanted()
	if !ok {
		return nil
	}
	var gone []*partition
	for p, a := range s.active {
		if w, keep := want[p]; !keep || w.TopicID != a.TopicID || w.TargetID != a.TargetID || a.drained && s.refused(p) < 0 {
			gone = append(gone, a)
			delete(s.active, p)
		}
	}
	s.remove(gone)
	var fresh []Assigned
	for p, a := range want {
		switch {
		case s.active[p] != nil || s.proposed[p] != nil:
		case s.queued(p):
			s.again() // what was read before it stopped comes first
		default:
			fresh = append(fresh, a)
		}
	}
	if err := s.add(ctx, fresh); err != nil {
		s.again()
		return err
	}
	return nil
}

// queued tells whether batches of a partition wait to be handed out.
func (s *PartitionSource) queued(p pipeline.Partition) bool {
	return slices.ContainsFunc(s.queue, func(b *pipeline.Batch) bool { return b.Source == p })
}

// wanted are the partitions to read now, or false if nothing changed.
func (s *PartitionSource) wanted() (map[pipeline.Partition]Assigned, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for p, park := range s.parked {
		a, ok := s.assigned[p]
		// Another topic of the same name has troubles of its own.
		if !ok || park.ids != (ids{}) && park.ids != idsOf(a) {
			delete(s.parked, p)
			s.changed = true
		} else if a := s.active[p]; (a == nil || a.drained) && s.proposed[p] == nil && !park.holds(now) {
			s.changed = true
		}
	}
	if !s.changed {
		return nil, false
	}
	s.changed = false
	want := make(map[pipeline.Partition]Assigned, len(s.assigned))
	for p, a := range s.assigned {
		// A partition that the target refused is read up to the refused offset.
		if park := s.parked[p]; !park.holds(now) || park.refused && s.before(p, park.offset) {
			want[p] = a
		}
		if _, ok := s.status[p]; !ok {
			s.status[p] = Position{Partition: p, End: -1}
		}
	}
	for p := range s.status {
		if _, ok := s.assigned[p]; !ok {
			delete(s.status, p)
			delete(s.found, p)
			delete(s.cautions, p)
			delete(s.told, p)
		}
	}
	return want, true
}

// remove forgets partitions and what was read of them.
func (s *PartitionSource) remove(gone []*partition) {
	if len(gone) == 0 {
		return
	}
	set := map[string][]int32{}
	for _, p := range gone {
		set[p.Topic] = append(set[p.Topic], p.Partition.Partition)
	}
	s.client.RemoveConsumePartitions(set)
	s.queue = slices.DeleteFunc(s.queue, func(b *pipeline.Batch) bool { return slices.Contains(set[b.Source.Topic], b.Source.Partition) })
}

// add starts partitions at their marks, or where the configuration says, or
// treats what is wrong with them. The start of a partition without a mark becomes
// a mark at the first commit, so that the next owner does not look for another
// one.
func (s *PartitionSource) add(ctx context.Context, fresh []Assigned) error {
	if len(fresh) == 0 {
		return nil
	}
	var unmarked []Assigned
	marks := map[pipeline.Partition]Mark{}
	for _, a := range fresh {
		text, ok := s.marks[MarkKey(a.Partition)]
		if !ok {
			unmarked = append(unmarked, a)
			continue
		}
		var m Mark
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return &pipeline.FatalError{Err: fmt.Errorf("mark of %s partition %d is %q: %w", a.Topic, a.Partition.Partition, text, err)}
		}
		marks[a.Partition] = m
	}
	ends := s.copyEnds(ctx, fresh, marks)
	s.starting, s.looks = map[string]map[int32]kgo.Offset{}, map[looked]kadm.TopicID{}
	defer s.consume()
	for _, a := range fresh {
		m, ok := marks[a.Partition]
		if !ok {
			continue
		}
		if err := s.resume(ctx, a, m, ends); err != nil {
			return err
		}
	}
	return s.begin(ctx, unmarked)
}

// resume starts a partition at its mark unless something is wrong with it.
func (s *PartitionSource) resume(ctx context.Context, a Assigned, m Mark, ends map[pipeline.Partition]int64) error {
	f, err := s.diagnose(ctx, &a, m, ends)
	if f != nil || err != nil {
		s.stands(a.Partition, m)
	}
	switch {
	case err != nil:
		s.park(a, m.Offset, err, false)
		return nil
	case f != nil:
		return s.treat(ctx, a, m, f)
	}
	before := m.encode()
	if m.Empty > 0 {
		if err := s.empty(ctx, a, m.Empty); err != nil {
			s.park(a, m.Offset, err, false)
			return nil
		}
		m.Empty = 0
	}
	m = s.further(a, m)
	m.adopt(a)
	if text := m.encode(); text != before {
		s.queue = append(s.queue, &pipeline.Batch{Source: a.Partition, Base: m.Offset, Limit: m.Offset, Next: pipeline.Marks{MarkKey(a.Partition): text}})
	}
	s.start(a, m)
	return nil
}

// stands publishes where a partition is that is not read now.
func (s *PartitionSource) stands(p pipeline.Partition, m Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pos := s.status[p]
	pos.Partition, pos.Next, pos.Lost = p, m.Offset, m.Lost
	s.status[p] = pos
}

// begin starts partitions that have no mark. One that is copied carefully waits
// until the mark is there: refusals would take it back with them for ever.
func (s *PartitionSource) begin(ctx context.Context, unmarked []Assigned) error {
	fresh := slices.DeleteFunc(slices.Clone(unmarked), func(a Assigned) bool { _, known := s.others[a.Partition]; return known })
	starts, err := s.starts(ctx, fresh)
	if err != nil {
		return err
	}
	for _, a := range unmarked {
		m := s.further(a, Mark{Offset: starts[a.Partition], Epoch: -1})
		m.adopt(a)
		text, careful := m.encode(), s.cautions[a.Partition] != nil
		s.queue = append(s.queue, &pipeline.Batch{
			Source: a.Partition, Base: m.Offset, Limit: m.Offset, Next: pipeline.Marks{MarkKey(a.Partition): text},
			// With Latest the end moves: another owner would find another one.
			Urgent: a.Latest || careful,
		})
		if careful {
			s.proposed[a.Partition] = &proposal{mark: text}
			continue
		}
		s.start(a, m)
	}
	return nil
}

// start makes a partition one that consume fetches from a mark on.
func (s *PartitionSource) start(a Assigned, m Mark) {
	p := &partition{Assigned: a, key: MarkKey(a.Partition), mark: m, pos: Position{Partition: a.Partition, Next: m.Offset, End: -1, Lost: m.Lost}}
	s.active[a.Partition] = p
	s.publish(p)
	if s.starting[a.Topic] == nil {
		s.starting[a.Topic] = map[int32]kgo.Offset{}
	}
	s.starting[a.Topic][a.Partition.Partition] = kgo.NewOffset().At(m.Offset).WithEpoch(m.Epoch)
}

// consume fetches all that were started, at once.
func (s *PartitionSource) consume() {
	if len(s.starting) > 0 {
		s.client.AddConsumePartitions(s.starting)
	}
	s.starting = nil
}

// starts resolves where partitions without a mark begin.
func (s *PartitionSource) starts(ctx context.Context, parts []Assigned) (map[pipeline.Partition]int64, error) {
	out := make(map[pipeline.Partition]int64, len(parts))
	for i := range parts {
		parts[i].Latest = parts[i].Latest && s.cfg.Latest != nil && s.cfg.Latest()
	}
	latestOffsets := s.cfg.Admin.ListCommittedOffsets
	if s.cfg.ReadUncommitted {
		latestOffsets = s.cfg.Admin.ListEndOffsets
	}
	for _, latest := range []bool{false, true} {
		topics := map[string]bool{}
		for _, p := range parts {
			if p.Latest == latest {
				topics[p.Topic] = true
			}
		}
		if len(topics) == 0 {
			continue
		}
		list := s.cfg.Admin.ListStartOffsets
		if latest {
			list = latestOffsets
		}
		got, err := list(ctx, slices.Collect(maps.Keys(topics))...)
		if err != nil {
			return nil, fmt.Errorf("list source offsets: %w", err)
		}
		for _, p := range parts {
			if p.Latest != latest {
				continue
			}
			o, ok := got.Lookup(p.Topic, p.Partition.Partition)
			if ok && o.Err == nil {
				out[p.Partition] = o.Offset
				continue
			}
			if !ok {
				return nil, fmt.Errorf("list source offsets: %s partition %d is not there yet", p.Topic, p.Partition.Partition)
			}
			return nil, fmt.Errorf("list source offsets of %s partition %d: %w", p.Topic, p.Partition.Partition, o.Err)
		}
	}
	return out, nil
}
