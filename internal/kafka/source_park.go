package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
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
	ids     ids // of the topics that the reason is about; zero: of any
}

// ids tell the topics that a partition is copied from and to.
type ids struct{ source, target kadm.TopicID }

func idsOf(a Assigned) ids { return ids{source: a.TopicID, target: a.TargetID} }

const (
	firstParking = time.Minute
	maxParking   = 15 * time.Minute
)

// holds tells whether the partition is set aside now; a nil parking holds nothing.
func (p *parking) holds(now time.Time) bool { return p != nil && now.Before(p.until) }

// Park implements pipeline.Parker.
func (s *PartitionSource) Park(p pipeline.Partition, offset int64, reason error) {
	var f *finding
	var refused *pipeline.RefusedError
	switch {
	case errors.As(reason, &f):
		s.found[p] = f
	case errors.As(reason, &refused) && (refused.Stage != "" || aboutRecord(refused.Err)):
		s.suspect(p, refused)
	default:
		s.tell(p, offset, &finding{kind: RecordRefused, text: reason.Error()}, string(Park))
		s.park(Assigned{Partition: p}, offset, reason, true)
	}
}

// park sets a partition aside: until another topic has its name, if a says which
// ones the reason is about. The same reason again is not news.
func (s *PartitionSource) park(a Assigned, offset int64, reason error, refused bool) {
	level, p := slog.LevelError, a.Partition
	s.mu.Lock()
	park := s.parked[p]
	switch {
	case park == nil || park.offset != offset:
		park = &parking{offset: offset, pause: firstParking}
		s.parked[p] = park
	default:
		park.pause = min(2*park.pause, maxParking)
		if park.reason == reason.Error() {
			level = slog.LevelDebug
		}
	}
	park.refused, park.reason, park.until, park.ids = refused, reason.Error(), time.Now().Add(park.pause), idsOf(a)
	s.mu.Unlock()
	s.cfg.Logger.Log(context.Background(), level, "partition parked, its neighbours go on", "topic", p.Topic, "partition", p.Partition, "offset", offset, "err", reason)
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
		return s.cut(ctx, p, truncated(loss, p.pos.Next))
	case errors.Is(fp.Err, kerr.OffsetOutOfRange):
		f, err := s.outOfRange(ctx, p)
		if err != nil {
			s.stop(p, err)
			return nil
		}
		return s.cut(ctx, p, f)
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
	s.park(p.Assigned, p.pos.Next, reason, false)
	delete(s.active, p.Partition)
	s.remove([]*partition{p})
}
