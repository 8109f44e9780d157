package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// A partition that cannot be copied further is parked: set aside with its
// reason, so that its neighbours go on. The target refused a record of it, or
// the source cannot be read from where it stands.

// parking is one partition set aside until a time. It is tried again with
// pauses that grow while the same offset is refused, because what refused it (a
// size limit, a missing right) may have been mended. It is kept after that, to
// know the next refusal for the same one.
type parking struct {
	offset  int64
	refused bool // by the target: what is before offset can still be copied
	reason  string
	until   time.Time
	pause   time.Duration
}

const (
	firstParking = time.Minute
	maxParking   = 15 * time.Minute
)

// holds tells whether the partition is set aside now; a nil parking holds nothing.
func (p *parking) holds(now time.Time) bool { return p != nil && now.Before(p.until) }

// Park implements pipeline.Parker.
func (s *PartitionSource) Park(p pipeline.Partition, offset int64, reason error) {
	s.park(p, offset, reason, true)
}

func (s *PartitionSource) park(p pipeline.Partition, offset int64, reason error, refused bool) {
	s.cfg.Logger.Error("partition parked, its neighbours go on", "topic", p.Topic, "partition", p.Partition, "offset", offset, "err", reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	park := s.parked[p]
	if park == nil || park.offset != offset {
		park = &parking{offset: offset, pause: firstParking}
		s.parked[p] = park
	} else {
		park.pause = min(2*park.pause, maxParking)
	}
	park.refused, park.reason, park.until = refused, reason.Error(), time.Now().Add(park.pause)
}

// before tells whether the partition resumes before an offset, or may do so.
func (s *PartitionSource) before(p pipeline.Partition, offset int64) bool {
	text, ok := s.marks[MarkKey(p)]
	if !ok {
		return true // where it starts is not known yet
	}
	var m Mark
	return json.Unmarshal([]byte(text), &m) == nil && m.Offset < offset
}

// refused is the offset that a parked partition must not reach, or -1.
func (s *PartitionSource) refused(p pipeline.Partition) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if park := s.parked[p]; park.holds(time.Now()) {
		return park.offset
	}
	return -1
}

// reached stops fetching a parked partition when the records before the refused
// one were all read. What was read and queued stays.
func (s *PartitionSource) reached(p *partition, more bool) {
	if more && !p.drained {
		p.drained = true
		s.client.RemoveConsumePartitions(map[string][]int32{p.Topic: {p.Partition.Partition}})
	}
}

// fetchError decides what a failed fetch means: nil to go on.
func (s *PartitionSource) fetchError(ctx context.Context, fp kgo.FetchTopicPartition) error {
	at := pipeline.Partition{Topic: fp.Topic, Partition: fp.Partition}
	p := s.active[at]
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(fp.Err, context.DeadlineExceeded), errors.Is(fp.Err, context.Canceled):
		return nil
	case p == nil && fp.Topic != "":
		return nil // removed meanwhile
	case p == nil:
		return fmt.Errorf("fetch from source: %w", fp.Err)
	case errors.As(fp.Err, &loss):
		s.stop(p, fmt.Errorf("the source was truncated: offsets from %d to %d were read and no longer exist there (unclean leader election)", loss.ResetTo, loss.ConsumedTo))
		return nil
	case errors.Is(fp.Err, kerr.OffsetOutOfRange):
		s.stop(p, s.outOfRange(ctx, p))
		return nil
	case errors.Is(fp.Err, kerr.TopicAuthorizationFailed):
		s.stop(p, Explain(fp.Err))
		return nil
	case errors.Is(fp.Err, kerr.UnknownTopicOrPartition), errors.Is(fp.Err, kerr.UnknownTopicID):
		s.stop(p, fmt.Errorf("the topic is no longer there on the source: %w", fp.Err))
		return nil
	}
	return fmt.Errorf("fetch %s partition %d: %w", fp.Topic, fp.Partition, fp.Err)
}

// stop parks a partition that cannot be read on.
func (s *PartitionSource) stop(p *partition, reason error) {
	s.park(p.Partition, p.pos.Next, reason, false)
	delete(s.active, p.Partition)
	s.remove([]*partition{p})
}

// outOfRange states the loss: retention overtook us, or the log was cut.
func (s *PartitionSource) outOfRange(ctx context.Context, p *partition) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	start, end, err := bounds(ctx, s.cfg.Admin, p.Topic, p.Partition.Partition)
	switch {
	case err != nil:
		return fmt.Errorf("offset %d is no longer there on the source (and its range is unknown: %w)", p.pos.Next, err)
	case p.pos.Next < start:
		return fmt.Errorf("retention overtook the copy: offsets %d to %d, up to %d records, were deleted on the source before they were copied", p.pos.Next, start-1, start-p.pos.Next)
	default:
		return fmt.Errorf("offset %d is beyond the end of the source log, which is %d: the log was truncated or the topic replaced", p.pos.Next, end)
	}
}
