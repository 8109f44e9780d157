package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/kafka"
)

// ConsumerOffsetsTopic is where groups commit their positions.
const ConsumerOffsetsTopic = "__consumer_offsets"

// ProbeFollow tells how positions of groups would be followed on the cluster of
// the client, "tail" or "poll", and why. It reads nothing but whether it may read.
func ProbeFollow(ctx context.Context, source *kgo.Client) (mode, reason string) {
	m, reason := probeFollow(ctx, source, ConsumerOffsetsTopic)
	return string(m), reason
}

// probeTimeout keeps a cluster that is down from holding up what can be said
// without it.
const probeTimeout = 10 * time.Second

func probeFollow(ctx context.Context, source *kgo.Client, topic string) (FollowMode, string) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := probeFetch(ctx, source, topic)
	switch {
	case err == nil:
		return FollowTail, "reading " + topic + " is allowed"
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return FollowPoll, fmt.Sprintf("reading %s is not allowed: grant READ on it for positions within milliseconds", topic)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return FollowPoll, fmt.Sprintf("%s is not there, or not shown: no group has committed yet, DESCRIBE on it is missing, or the service hides it", topic)
	default:
		return FollowPoll, fmt.Sprintf("%s could not be read: %v", topic, kafka.Explain(err))
	}
}

// probeFetch asks the leader of one partition for what is at its end.
func probeFetch(ctx context.Context, source *kgo.Client, topic string) error {
	adm := kadm.NewClient(source)
	meta, err := adm.Metadata(ctx, topic)
	if err != nil {
		return err
	}
	detail := meta.Topics[topic]
	if detail.Err != nil {
		return detail.Err
	}
	ends, err := adm.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return err
	}
	end, ok := ends.Lookup(topic, 0)
	switch {
	case !ok:
		return kerr.UnknownTopicOrPartition
	case end.Err != nil:
		return end.Err
	}
	return fetchOnce(ctx, source, detail, end.Offset)
}

func fetchOnce(ctx context.Context, source *kgo.Client, topic kadm.TopicDetail, offset int64) error {
	part := kmsg.NewFetchRequestTopicPartition()
	part.FetchOffset, part.PartitionMaxBytes = offset, 1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID, t.Partitions = topic.Topic, topic.ID, []kmsg.FetchRequestTopicPartition{part}
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.MaxWaitMillis, req.IsolationLevel = 1, 0, 1
	req.Topics = []kmsg.FetchRequestTopic{t}
	resp, err := req.RequestWith(ctx, source.Broker(int(topic.Partitions[0].Leader)))
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}
