package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/backoff"
	"mm2/streams/internal/task"
)

// newGeneration is how long a commit that came between the end of a rebalance and
// its answer waits for the latter.
const newGeneration = 5 * time.Second

// asMember sends offsets as the member that this thread is, until the group takes
// or refuses them.
//
// While a thread holds its tasks it can get a new generation only as the same
// member that kept them: kgo tells of all else by callbacks, which wait for the
// end of the round. So a generation that is over is tried again as the new one.
func (t *thread) asMember(ctx context.Context, send func(member string, generation int32) error) error {
	pause := backoff.Backoff{First: 5 * time.Millisecond, Max: 500 * time.Millisecond}
	since := time.Now()
	member, generation := t.consumer.GroupMetadata()
	for {
		if member == "" || generation < 0 {
			// Brokers take offsets of nobody in particular without a check.
			return fmt.Errorf("%w: the thread is not in the group", ErrFenced)
		}
		err := send(member, generation)
		var answer *kerr.Error
		switch {
		case err == nil:
			return nil
		case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedInstanceID):
			return fmt.Errorf("%w: %w", ErrFenced, err)
		case errors.Is(err, kerr.IllegalGeneration):
			if time.Since(since) > newGeneration {
				return fmt.Errorf("%w: %w", ErrFenced, err)
			}
		case errors.Is(err, kerr.RebalanceInProgress), errors.Is(err, kerr.ConcurrentTransactions), errors.As(err, &answer) && answer.Retriable:
		default:
			return fromBroker(err)
		}
		if !backoff.Sleep(ctx, pause.Next()) {
			return errors.Join(err, ctx.Err())
		}
		if m, g := t.consumer.GroupMetadata(); m != member || g != generation {
			member, generation, since = m, g, time.Now()
		}
	}
}

// commitOffsets commits offsets without a transaction. It goes past kgo's own
// commits, which wait for the end of a rebalance, and records with them.
func (t *thread) commitOffsets(ctx context.Context, at map[task.Partition]task.Position) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	s := &t.app.cfg.Settings
	req.Group, req.InstanceID = s.ApplicationID, t.instance()
	offsets, err := t.offsets(at)
	if err != nil {
		return err
	}
	byTopic := make(map[string][]kmsg.OffsetCommitRequestTopicPartition)
	for key, o := range offsets {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = key.partition, o.at, -1, &o.text
		byTopic[key.topic] = append(byTopic[key.topic], p)
	}
	for topic, partitions := range byTopic {
		to := kmsg.NewOffsetCommitRequestTopic()
		to.Topic, to.Partitions = topic, partitions
		req.Topics = append(req.Topics, to)
	}
	err = t.asMember(ctx, func(member string, generation int32) error {
		req.MemberID, req.Generation = member, generation
		resp, err := req.RequestWith(ctx, t.consumer)
		if err != nil {
			return err
		}
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return fmt.Errorf("%s partition %d: %w", topic.Topic, p.Partition, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit offsets: %w", err)
	}
	t.note(at)
	return nil
}

// instance is the thread's group.instance.id, or nil.
func (t *thread) instance() *string {
	id := t.app.cfg.Settings.Group.InstanceID
	if id == "" {
		return nil
	}
	id = fmt.Sprintf("%s-%d", id, t.number)
	return &id
}

// addOffsets sends the offsets of all tasks into the transaction, also those
// that are committed already: the group refuses all of them if this is no member
// of its generation, which is what keeps an owner out that was left behind.
func (t *thread) addOffsets(ctx context.Context, at map[task.Partition]task.Position, member string, generation int32) error {
	offsets, err := t.offsets(at)
	if err != nil {
		return err
	}
	id, epoch, err := t.out.client.ProducerID(ctx)
	if err != nil {
		return err
	}
	s := &t.app.cfg.Settings
	if !t.app.implicitAdd {
		add := kmsg.NewPtrAddOffsetsToTxnRequest()
		add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = t.transactionalID(), id, epoch, s.ApplicationID
		resp, err := add.RequestWith(ctx, t.out.client)
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return err
		}
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = t.transactionalID(), id, epoch, s.ApplicationID
	req.MemberID, req.Generation, req.InstanceID = member, generation, t.instance()
	byTopic := make(map[string][]kmsg.TxnOffsetCommitRequestTopicPartition)
	for key, o := range offsets {
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = key.partition, o.at, -1, &o.text
		byTopic[key.topic] = append(byTopic[key.topic], p)
	}
	for topic, partitions := range byTopic {
		to := kmsg.NewTxnOffsetCommitRequestTopic()
		to.Topic, to.Partitions = topic, partitions
		req.Topics = append(req.Topics, to)
	}
	resp, err := req.RequestWith(ctx, t.out.client)
	if err != nil {
		return err
	}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("%s partition %d: %w", topic.Topic, p.Partition, err)
			}
		}
	}
	return nil
}
