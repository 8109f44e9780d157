package checkpoint

import (
	"fmt"

	"mm2/internal/javawire"
	"mm2/internal/pipeline"
)

// Version is the version of a checkpoint's value. Java writes 0 and checks
// nothing when it reads, so every version is read as 0.
const Version = 0

// Checkpoint says where on the target a group of the source would go on. It is
// one record of a checkpoints topic.
type Checkpoint struct {
	Group      string
	Topic      string // as named on the target
	Partition  int32
	Upstream   int64  // the group's committed offset on the source
	Downstream int64  // its translation
	Metadata   string // of the group's commit; empty for none
}

// Target is the target partition that the checkpoint is about.
func (c Checkpoint) Target() pipeline.Partition {
	return pipeline.Partition{Topic: c.Topic, Partition: c.Partition}
}

// EncodeKey returns the record key: STRING group, STRING topic, INT32
// partition. Strings of more than 32767 bytes are an error.
func (c Checkpoint) EncodeKey() ([]byte, error) {
	key, err := javawire.AppendString(make([]byte, 0, 8+len(c.Group)+len(c.Topic)), c.Group)
	if err != nil {
		return nil, fmt.Errorf("encode checkpoint: group: %w", err)
	}
	if key, err = javawire.AppendString(key, c.Topic); err != nil {
		return nil, fmt.Errorf("encode checkpoint: topic: %w", err)
	}
	return javawire.AppendInt32(key, c.Partition), nil
}

// EncodeValue returns the record value: INT16 version, INT64 upstream, INT64
// downstream, STRING metadata. Metadata of more than 32767 bytes is an error.
func (c Checkpoint) EncodeValue() ([]byte, error) {
	value := javawire.AppendInt16(make([]byte, 0, 20+len(c.Metadata)), Version)
	value = javawire.AppendInt64(javawire.AppendInt64(value, c.Upstream), c.Downstream)
	value, err := javawire.AppendString(value, c.Metadata)
	if err != nil {
		return nil, fmt.Errorf("encode checkpoint: metadata: %w", err)
	}
	return value, nil
}

// String is what Java's CheckpointFormatter prints.
func (c Checkpoint) String() string {
	return fmt.Sprintf("Checkpoint{consumerGroupId=%s, topicPartition=%s-%d, upstreamOffset=%d, downstreamOffset=%d, metadata=%s}",
		c.Group, c.Topic, c.Partition, c.Upstream, c.Downstream, c.Metadata)
}

// DecodeCheckpoint reads what EncodeKey and EncodeValue write. Like Java it
// takes any version for version 0 and ignores bytes after the fields.
// Tombstones, null keys and anything too short are errors that wrap
// [ErrMalformed].
func DecodeCheckpoint(key, value []byte) (Checkpoint, error) {
	c, err := decodeCheckpoint(key, value)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: %w", ErrMalformed, err)
	}
	return c, nil
}

func decodeCheckpoint(key, value []byte) (c Checkpoint, err error) {
	if c.Group, key, err = javawire.CutString(key); err != nil {
		return c, fmt.Errorf("group: %w", err)
	}
	if c.Topic, key, err = javawire.CutString(key); err != nil {
		return c, fmt.Errorf("topic: %w", err)
	}
	if c.Partition, _, err = javawire.CutInt32(key); err != nil {
		return c, fmt.Errorf("partition: %w", err)
	}
	if _, value, err = javawire.CutInt16(value); err != nil {
		return c, fmt.Errorf("version: %w", err)
	}
	if c.Upstream, value, err = javawire.CutInt64(value); err != nil {
		return c, fmt.Errorf("upstream offset: %w", err)
	}
	if c.Downstream, value, err = javawire.CutInt64(value); err != nil {
		return c, fmt.Errorf("downstream offset: %w", err)
	}
	if c.Metadata, _, err = javawire.CutString(value); err != nil {
		return c, fmt.Errorf("metadata: %w", err)
	}
	return c, nil
}
