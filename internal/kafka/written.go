package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// Where only this lane writes, an append begins where the last one ended, behind
// the marker of its transaction. An append that begins further on says that
// something is in between, and one that begins before says that the copy has lost
// its end. Comparing the two costs one look-up for each segment of a commit; what
// is in a gap is read later, between transactions.

// trail is where the appends of this sink ended. It outlives the producers.
type trail struct {
	ours map[int64]bool                // producer ids of this lane
	ends map[pipeline.Partition]int64  // behind the last record committed to each copy
	open map[pipeline.Partition]int64  // the same for the open transaction
	gaps map[pipeline.Partition]*inGap // not looked into yet
	told map[pipeline.Partition]bool   // copies that somebody else writes into

	markers int64 // after each transaction
	shared  bool
}

// inGap is a range of a copy in which something is that we may not have written.
type inGap struct {
	source   pipeline.Partition
	from, to int64
	strangers
}

// maxGaps bounds how many copies are looked into; the next gap of the others is.
const maxGaps = 1000

func newTrail(cfg SinkConfig) *trail {
	t := &trail{
		ours: map[int64]bool{}, ends: map[pipeline.Partition]int64{}, open: map[pipeline.Partition]int64{},
		gaps: map[pipeline.Partition]*inGap{}, told: map[pipeline.Partition]bool{}, shared: cfg.Shared,
	}
	if cfg.TransactionalID != "" {
		t.markers = 1
	}
	return t
}

// follow compares what was acknowledged in the open transaction with what came
// before it. The error is a PartitionError: the copy is shorter than it was.
func (t *trail) follow(segments []pipeline.Segment) error {
	clear(t.open)
	for i := range segments {
		s := &segments[i]
		if s.TargetBase < 0 {
			continue // the target did not say
		}
		end, known := t.open[s.Target]
		markers := int64(0)
		if !known {
			end, known = t.ends[s.Target]
			markers = t.markers
		}
		switch {
		case !known:
		case s.TargetBase < end:
			delete(t.ends, s.Target)
			return &pipeline.PartitionError{Source: s.Source, Err: copyTruncated(s.Target, s.TargetBase, end)}
		case s.TargetBase > end+markers && !t.shared:
			t.gap(s.Source, s.Target, end, s.TargetBase)
		}
		t.open[s.Target] = s.TargetBase + s.Count
	}
	return nil
}

func (t *trail) committed() {
	maps.Copy(t.ends, t.open)
	clear(t.open)
}

func (t *trail) gap(source, target pipeline.Partition, from, to int64) {
	if g := t.gaps[target]; g != nil {
		g.to = to
		return
	}
	if len(t.gaps) < maxGaps {
		t.gaps[target] = &inGap{source: source, from: from, to: to}
	}
}

// Forget drops what is known of a copy that is another one now, or was cut.
func (s *TxnSink) Forget(target pipeline.Partition) {
	delete(s.trail.ends, target)
	delete(s.trail.gaps, target)
}

// strangers counts records of other producers. Those of aborted transactions are
// visible to nobody and do not count.
type strangers struct {
	open    map[int64]int64 // by producer, in a transaction that has not ended
	records int64
}

func (s *strangers) see(r *kgo.Record, ours map[int64]bool) {
	switch {
	case r.Attrs.IsControl():
		if markerOutcome(r) != abort {
			s.records += s.open[r.ProducerID]
		}
		delete(s.open, r.ProducerID)
	case r.ProducerID >= 0 && ours[r.ProducerID]:
	case r.Attrs.IsTransactional():
		if s.open == nil {
			s.open = map[int64]int64{}
		}
		s.open[r.ProducerID]++
	default:
		s.records++
	}
}

func (s *strangers) total() int64 {
	n := s.records
	for _, open := range s.open {
		n += open
	}
	return n
}

// gapTime bounds how long one check reads: the lane waits for it. What is left is
// read at the next.
const gapTime = 2 * time.Second

// lookIntoGaps reads what is between our appends and tells of records that we did
// not write. A gap that cannot be read is kept.
func (s *TxnSink) lookIntoGaps(ctx context.Context) error {
	rctx, cancel := context.WithTimeoutCause(ctx, gapTime, errors.New("time for one check is over"))
	defer cancel()
	for target, g := range s.trail.gaps {
		err := scan(rctx, s.cfg.Dialer, s.cfg.Role+"|gaps", scanRange{topic: target.Topic, partition: target.Partition, from: g.from, to: g.to}, func(r *kgo.Record) error {
			g.see(r, s.trail.ours)
			g.from = r.Offset + 1
			return nil
		})
		if err != nil {
			s.cfg.Logger.Debug("cannot look into a gap of a copy, trying again", "topic", target.Topic, "partition", target.Partition, "from", g.from, "to", g.to, "err", err)
			return nil
		}
		delete(s.trail.gaps, target)
		if n := g.total(); n > 0 {
			if err := s.foreign(g.source, target, n, g.to); err != nil {
				return err
			}
		}
	}
	return nil
}

// foreign treats records of somebody else: with Skip they are told of, otherwise
// the partition's source has to do something.
func (s *TxnSink) foreign(source, target pipeline.Partition, n, before int64) error {
	f := &finding{
		kind: TargetWritten, at: -1, foreign: n,
		text: fmt.Sprintf("somebody else wrote %d records into the copy %s partition %d, before its offset %d", n, target.Topic, target.Partition, before),
	}
	if s.cfg.Policies.loss(TargetWritten) != Skip {
		return &pipeline.PartitionError{Source: source, Err: f}
	}
	level := slog.LevelWarn
	if s.trail.told[target] {
		level = slog.LevelDebug
	}
	s.trail.told[target] = true
	s.cfg.Logger.Log(context.Background(), level, "somebody else writes into a copy", "topic", target.Topic, "partition", target.Partition, "records", n, "before", before)
	if s.cfg.Trouble != nil {
		s.cfg.Trouble(Trouble{Kind: TargetWritten, Action: string(Skip), Partition: source, Offset: -1, Foreign: n, Text: f.text})
	}
	return nil
}
