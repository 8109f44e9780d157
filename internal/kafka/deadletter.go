package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// Headers that a dead letter has behind its own: where it comes from, its own
// timestamp in milliseconds, why the target refused it, and the flow.
const (
	letterTopic     = "mm2.dead-letter.topic"
	letterPartition = "mm2.dead-letter.partition"
	letterOffset    = "mm2.dead-letter.offset"
	letterTimestamp = "mm2.dead-letter.timestamp"
	letterError     = "mm2.dead-letter.error"
	letterFlow      = "mm2.dead-letter.flow"
)

// letter is a record on its way to the dead letter topic.
type letter struct {
	record *kgo.Record // as read
	err    error       // why the target refused it
	now    bool        // its timestamp is refused there, too
}

// restamp tells whether the letter can be sent with another timestamp after the
// dead letter topic has refused it.
func (l *letter) restamp(err error) bool {
	if l.now || !errors.Is(err, kerr.InvalidTimestamp) {
		return false
	}
	l.now = true
	return true
}

// to is the letter as it is produced.
func (l *letter) to(d DeadLetters, flow string) *kgo.Record {
	r := l.record
	out := &kgo.Record{Topic: d.Topic, Partition: r.Partition % max(d.Partitions, 1), Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
	if l.now {
		out.Timestamp = time.Now()
	}
	header := func(key, value string) kgo.RecordHeader {
		return kgo.RecordHeader{Key: key, Value: []byte(value)}
	}
	out.Headers = append(slices.Clone(r.Headers),
		header(letterTopic, r.Topic), header(letterPartition, strconv.Itoa(int(r.Partition))),
		header(letterOffset, strconv.FormatInt(r.Offset, 10)), header(letterTimestamp, strconv.FormatInt(r.Timestamp.UnixMilli(), 10)),
		header(letterError, l.err.Error()), header(letterFlow, flow))
	return out
}

// send puts the letter of a finding into a batch, or nothing if it has none.
func (s *PartitionSource) send(ctx context.Context, a Assigned, f *finding, b *pipeline.Batch) error {
	if f.letter == nil {
		return nil
	}
	if s.cfg.DeadLetters == nil {
		return fmt.Errorf("%w; there is no dead letter topic", f.letter.err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	d, err := s.cfg.DeadLetters(ctx)
	if err != nil {
		return fmt.Errorf("%w; and there is no dead letter topic: %w", f.letter.err, err)
	}
	r := f.letter.to(d, s.cfg.Flow)
	b.To = pipeline.Partition{Topic: r.Topic, Partition: r.Partition}
	b.Bytes, b.ValueBytes = pipeline.Size(r), int64(len(r.Value))
	b.Times.Add(r.Timestamp)
	// It has no source offset: the copy does not have it.
	b.SetRecords([]pipeline.Record{{Record: r, From: -1}})
	return nil
}

// DeadLetters is a dead letter topic.
type DeadLetters struct {
	Topic      string
	Partitions int32
	MaxBytes   int32 // of a batch
}

// letterBytes is max.message.bytes of a dead letter topic: what is too large for
// a copy has to fit. Brokers take it whatever their own limit is.
const letterBytes = 64 << 20

// EnsureDeadLetters makes the dead letter topic if it is not there. Its records
// are kept until a person deletes them.
func EnsureDeadLetters(ctx context.Context, adm *kadm.Client, topic string, replicationFactor int16) (DeadLetters, error) {
	configs := map[string]*string{"max.message.bytes": new(strconv.Itoa(letterBytes)), "retention.ms": new("-1")}
	found, err := lookUpTopic(ctx, adm, topic)
	if err == nil && found.missing {
		_, cerr := adm.CreateTopic(ctx, 1, replicationFactor, configs, topic)
		if cerr != nil && !errors.Is(cerr, kerr.TopicAlreadyExists) && !errors.Is(cerr, kerr.RequestTimedOut) {
			return DeadLetters{}, CreateRefusal{Topic: topic, ReplicationFactor: replicationFactor, Err: cerr}.Explain()
		}
		found, err = awaitTopicLeaders(ctx, adm, topic)
	}
	if err != nil {
		return DeadLetters{}, fmt.Errorf("ensure dead letter topic %s: %w", topic, err)
	}
	// What an operator made keeps its own limit, as far as we may read it.
	return DeadLetters{Topic: topic, Partitions: int32(len(found.detail.Partitions)), MaxBytes: topicMaxBytes(ctx, adm, topic)}, nil
}

func topicMaxBytes(ctx context.Context, adm *kadm.Client, topic string) int32 {
	configs, err := adm.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return letterBytes
	}
	for _, c := range configs {
		for _, e := range c.Configs {
			if n, err := strconv.ParseInt(e.MaybeValue(), 10, 32); e.Key == "max.message.bytes" && err == nil {
				return int32(n)
			}
		}
	}
	return letterBytes
}
