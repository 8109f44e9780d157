package checkpoint

import (
	"encoding/binary"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/pipeline"
)

const (
	// Keys of version 0 and 1 are positions; all other versions are what the
	// coordinator remembers of groups and their members.
	maxOffsetCommitKey = 1
	// Version 4 carries the topic id (KAFKA-19141). A later one may mean
	// something else by the same bytes.
	maxOffsetCommitValue = 4
)

// decodeCommit reads one record of __consumer_offsets. It reports false for
// records that are not about positions. An error says that the format is not
// one we know.
func decodeCommit(r *kgo.Record) (Change, bool, error) {
	if len(r.Key) < 2 || binary.BigEndian.Uint16(r.Key) > maxOffsetCommitKey {
		return Change{}, false, nil
	}
	var key kmsg.OffsetCommitKey
	if err := key.ReadFrom(r.Key); err != nil {
		return Change{}, false, unreadable("key at %s/%d offset %d: %v", r.Topic, r.Partition, r.Offset, err)
	}
	c := Change{Group: key.Group, Partition: pipeline.Partition{Topic: key.Topic, Partition: key.Partition}, LeaderEpoch: -1}
	if r.Value == nil {
		c.Deleted = true
		return c, true, nil
	}
	if len(r.Value) < 2 {
		return Change{}, false, unreadable("value of %d bytes at %s/%d offset %d", len(r.Value), r.Topic, r.Partition, r.Offset)
	}
	version := int16(binary.BigEndian.Uint16(r.Value))
	if version < 0 || version > maxOffsetCommitValue {
		return Change{}, false, unreadable("value version %d at %s/%d offset %d", version, r.Topic, r.Partition, r.Offset)
	}
	var value kmsg.OffsetCommitValue
	if err := value.ReadFrom(r.Value); err != nil {
		return Change{}, false, unreadable("value at %s/%d offset %d: %v", r.Topic, r.Partition, r.Offset, err)
	}
	c.Offset, c.Metadata, c.Committed = value.Offset, value.Metadata, time.UnixMilli(value.CommitTimestamp)
	if version >= 3 {
		c.LeaderEpoch = value.LeaderEpoch
	}
	// Some clients reset a position to -1, which is none.
	c.Deleted = c.Offset < 0
	return c, true, nil
}
