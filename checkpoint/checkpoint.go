package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrMalformed is wrapped by every error of [DecodeCheckpoint].
var ErrMalformed = errors.New("not a checkpoint")

// Checkpoint says that group stood at Upstream on the source, which is
// Downstream in the copy.
type Checkpoint struct {
	Group                string
	Topic                string // downstream
	Partition            int32
	Upstream, Downstream int64
	Metadata             string
}

// EncodeKey returns the record key. A group or topic of more than 32767 bytes
// is an error.
func (c Checkpoint) EncodeKey() ([]byte, error) {
	key := make([]byte, 0, 8+len(c.Group)+len(c.Topic))
	for _, s := range []string{c.Group, c.Topic} {
		var err error
		if key, err = appendString(key, s); err != nil {
			return nil, err
		}
	}
	return binary.BigEndian.AppendUint32(key, uint32(c.Partition)), nil
}

// EncodeValue returns the record value. Metadata of more than 32767 bytes is
// an error.
func (c Checkpoint) EncodeValue() ([]byte, error) {
	value := binary.BigEndian.AppendUint16(make([]byte, 0, 20+len(c.Metadata)), 0)
	value = binary.BigEndian.AppendUint64(value, uint64(c.Upstream))
	value = binary.BigEndian.AppendUint64(value, uint64(c.Downstream))
	return appendString(value, c.Metadata)
}

func appendString(b []byte, s string) ([]byte, error) {
	if len(s) > math.MaxInt16 {
		return nil, fmt.Errorf("encode checkpoint: text of %d bytes, at most %d fit", len(s), math.MaxInt16)
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...), nil
}

// DecodeCheckpoint reads what EncodeKey and EncodeValue write.
func DecodeCheckpoint(key, value []byte) (Checkpoint, error) {
	var c Checkpoint
	var ok bool
	if c.Group, key, ok = cutString(key); !ok {
		return Checkpoint{}, fmt.Errorf("%w: group", ErrMalformed)
	}
	if c.Topic, key, ok = cutString(key); !ok || len(key) < 4 {
		return Checkpoint{}, fmt.Errorf("%w: topic or partition", ErrMalformed)
	}
	c.Partition = int32(binary.BigEndian.Uint32(key))
	if len(value) < 18 {
		return Checkpoint{}, fmt.Errorf("%w: value of %d bytes", ErrMalformed, len(value))
	}
	c.Upstream = int64(binary.BigEndian.Uint64(value[2:]))
	c.Downstream = int64(binary.BigEndian.Uint64(value[10:]))
	if c.Metadata, _, ok = cutString(value[18:]); !ok {
		return Checkpoint{}, fmt.Errorf("%w: metadata", ErrMalformed)
	}
	return c, nil
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 2 {
		return "", nil, false
	}
	n := int(int16(binary.BigEndian.Uint16(b)))
	b = b[2:]
	if n < 0 || n > len(b) {
		return "", nil, false
	}
	return string(b[:n]), b[n:], true
}
