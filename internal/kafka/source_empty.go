package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// clear finds out up to where the copy has to be emptied. The offset is part of
// the mark that is committed before anything is deleted: whoever deletes, also an
// owner that lost the lane meanwhile, deletes the same and never what was copied
// since.
func (s *PartitionSource) clear(ctx context.Context, a Assigned, next *Mark) error {
	if s.cfg.Target == nil || a.Target == "" {
		return fmt.Errorf("cannot empty the copy of %s partition %d: where it is is not known", a.Topic, a.Partition.Partition)
	}
	if s.cfg.Shared {
		return fmt.Errorf("cannot begin the copy %s partition %d anew: it has records of other clusters, which emptying it would delete; use the policy skip", a.Target, a.Partition.Partition)
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	start, end, err := bounds(ctx, s.cfg.Target, a.Target, a.Partition.Partition)
	if err != nil {
		return fmt.Errorf("begin the copy %s partition %d anew: %w", a.Target, a.Partition.Partition, Explain(err))
	}
	next.Empty = 0
	if start < end {
		next.Empty = end
	}
	return nil
}

// empty deletes what the copy has before an offset.
func (s *PartitionSource) empty(ctx context.Context, a Assigned, before int64) error {
	if s.cfg.Target == nil || a.Target == "" {
		return fmt.Errorf("cannot empty the copy of %s partition %d: where it is is not known", a.Topic, a.Partition.Partition)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := deleteRecords(ctx, s.cfg.Target, a.Target, a.Partition.Partition, before)
	if errors.Is(err, kerr.OffsetOutOfRange) { // it has become shorter
		var end int64
		if _, end, err = bounds(ctx, s.cfg.Target, a.Target, a.Partition.Partition); err == nil {
			err = deleteRecords(ctx, s.cfg.Target, a.Target, a.Partition.Partition, min(end, before))
		}
	}
	switch {
	case err == nil:
		s.cfg.Logger.Info("copy emptied, it begins anew", "topic", a.Target, "partition", a.Partition.Partition, "before", before)
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		err = fmt.Errorf("%w; grant DELETE on Topic %s of the target, or delete its records before offset %d yourself", err, a.Target, before)
	case errors.Is(err, kerr.PolicyViolation):
		err = fmt.Errorf("%w; a compacted topic cannot be emptied: add delete to its cleanup.policy for the time being, or delete the topic", err)
	}
	return fmt.Errorf("empty the copy %s partition %d before offset %d, to copy it anew: %w", a.Target, a.Partition.Partition, before, err)
}

func deleteRecords(ctx context.Context, adm *kadm.Client, topic string, partition int32, before int64) error {
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: before})
	answers, err := adm.DeleteRecords(ctx, offsets)
	if err != nil {
		return err
	}
	return answers.Error()
}
