package checkpoint

import (
	"errors"
	"fmt"

	"mm2/internal/javawire"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// ErrMalformed is wrapped by every error of [DecodeOffsetSync] and
// [DecodeCheckpoint].
var ErrMalformed = errors.New("malformed record")

// OffsetSync says where one record of a source partition is on the target. It
// is one record of an offset syncs topic.
type OffsetSync struct {
	Topic      string // as named on the source
	Partition  int32
	Upstream   int64 // offset of the record on the source
	Downstream int64 // offset of the same record on the target
}

// OffsetSyncsTopic is the topic of the flow's offset syncs. It lives on the
// source unless onTarget says otherwise, and is named after the other cluster.
func OffsetSyncsTopic(f topology.Flow, onTarget bool) string {
	if onTarget {
		return f.Policy.OffsetSyncsTopic(f.ID.Source)
	}
	return f.Policy.OffsetSyncsTopic(f.ID.Target)
}

// Source is the source partition that the sync is about.
func (s OffsetSync) Source() pipeline.Partition {
	return pipeline.Partition{Topic: s.Topic, Partition: s.Partition}
}

// EncodeKey returns the record key: STRING topic, INT32 partition. A topic of
// more than 32767 bytes is an error.
func (s OffsetSync) EncodeKey() ([]byte, error) {
	key, err := javawire.AppendString(make([]byte, 0, 6+len(s.Topic)), s.Topic)
	if err != nil {
		return nil, fmt.Errorf("encode offset sync: topic: %w", err)
	}
	return javawire.AppendInt32(key, s.Partition), nil
}

// EncodeValue returns the record value: INT64 upstream, INT64 downstream. It
// has no version.
func (s OffsetSync) EncodeValue() []byte {
	return javawire.AppendInt64(javawire.AppendInt64(make([]byte, 0, 16), s.Upstream), s.Downstream)
}

// String is what Java's OffsetSyncFormatter prints.
func (s OffsetSync) String() string {
	return fmt.Sprintf("OffsetSync{topicPartition=%s-%d, upstreamOffset=%d, downstreamOffset=%d}", s.Topic, s.Partition, s.Upstream, s.Downstream)
}

// DecodeOffsetSync reads what EncodeKey and EncodeValue write. Like Java it
// ignores bytes after the fields. Tombstones, null keys and anything too short
// are errors that wrap [ErrMalformed].
func DecodeOffsetSync(key, value []byte) (OffsetSync, error) {
	s, err := decodeOffsetSync(key, value)
	if err != nil {
		return OffsetSync{}, fmt.Errorf("offset sync: %w: %w", ErrMalformed, err)
	}
	return s, nil
}

func decodeOffsetSync(key, value []byte) (s OffsetSync, err error) {
	if s.Topic, key, err = javawire.CutString(key); err != nil {
		return s, fmt.Errorf("topic: %w", err)
	}
	if s.Partition, _, err = javawire.CutInt32(key); err != nil {
		return s, fmt.Errorf("partition: %w", err)
	}
	if s.Upstream, value, err = javawire.CutInt64(value); err != nil {
		return s, fmt.Errorf("upstream offset: %w", err)
	}
	if s.Downstream, _, err = javawire.CutInt64(value); err != nil {
		return s, fmt.Errorf("downstream offset: %w", err)
	}
	return s, nil
}
