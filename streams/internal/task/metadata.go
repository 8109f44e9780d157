package task

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// Committed is what a committed offset carries beside itself, in the form of
// Kafka Streams (version 2): how far the partition's time is, and values that
// operators keep.
type Committed struct {
	PartitionTime int64 // ms; -1 before the first record
	Kept          map[string]int64
}

// Encode is the metadata text of a committed offset.
func (c Committed) Encode() string {
	b := []byte{2}
	b = binary.BigEndian.AppendUint64(b, uint64(c.PartitionTime))
	if len(c.Kept) > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(c.Kept)))
		for _, key := range slices.Sorted(maps.Keys(c.Kept)) {
			b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
			b = append(b, key...)
			b = binary.BigEndian.AppendUint64(b, uint64(c.Kept[key]))
		}
	}
	return base64.StdEncoding.EncodeToString(b)
}

// DecodeCommitted reads the metadata text of a committed offset. An empty text,
// or one of a version that is not known, says nothing: PartitionTime is -1.
func DecodeCommitted(text string) (Committed, error) {
	none := Committed{PartitionTime: -1}
	if text == "" {
		return none, nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return none, fmt.Errorf("metadata of a committed offset: %w", err)
	}
	if len(b) == 0 || b[0] != 1 && b[0] != 2 {
		return none, nil
	}
	version, b := b[0], b[1:]
	if len(b) < 8 {
		return none, fmt.Errorf("metadata of a committed offset: %d bytes, want 8 for the partition time", len(b))
	}
	c := Committed{PartitionTime: int64(binary.BigEndian.Uint64(b))}
	b = b[8:]
	if version == 1 || len(b) == 0 {
		return c, nil
	}
	if len(b) < 4 {
		return none, fmt.Errorf("metadata of a committed offset: %d bytes, want 4 for the number of values", len(b))
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	if uint64(n)*12 > uint64(len(b)) {
		return none, fmt.Errorf("metadata of a committed offset: %d values in %d bytes", n, len(b))
	}
	c.Kept = make(map[string]int64, n)
	for range n {
		if len(b) < 4 {
			return none, fmt.Errorf("metadata of a committed offset ends in the length of a key")
		}
		size := binary.BigEndian.Uint32(b)
		b = b[4:]
		if uint64(size)+8 > uint64(len(b)) {
			return none, fmt.Errorf("metadata of a committed offset ends in a value")
		}
		c.Kept[string(b[:size])] = int64(binary.BigEndian.Uint64(b[size:]))
		b = b[size+8:]
	}
	return c, nil
}
