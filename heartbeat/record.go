package heartbeat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"mm2/topology"
)

// Version is the version of the record value. Java writes 0 and checks nothing
// when it reads, so every version is read as 0.
const Version = 0

// ErrMalformed is wrapped by every error of [Decode].
var ErrMalformed = errors.New("not a heartbeat")

// Heartbeat is one record of a heartbeats topic. The record format keeps the
// timestamp in milliseconds.
type Heartbeat struct {
	Source, Target topology.Alias
	Timestamp      time.Time
}

// EncodeKey returns the record key: both aliases, each after its length in
// bytes as INT16. An alias of more than 32767 bytes is an error.
func (h Heartbeat) EncodeKey() ([]byte, error) {
	key := make([]byte, 0, 4+len(h.Source)+len(h.Target))
	for _, alias := range []topology.Alias{h.Source, h.Target} {
		if len(alias) > math.MaxInt16 {
			return nil, fmt.Errorf("encode heartbeat: alias of %d bytes, at most %d fit", len(alias), math.MaxInt16)
		}
		key = binary.BigEndian.AppendUint16(key, uint16(len(alias)))
		key = append(key, alias...)
	}
	return key, nil
}

// EncodeValue returns the record value: INT16 version, INT64 milliseconds since
// the epoch.
func (h Heartbeat) EncodeValue() []byte {
	value := binary.BigEndian.AppendUint16(make([]byte, 0, 10), Version)
	return binary.BigEndian.AppendUint64(value, uint64(h.Timestamp.UnixMilli()))
}

// Decode reads what EncodeKey and EncodeValue write. Like Java it takes any
// version for version 0 and ignores bytes after the fields. Tombstones, null
// keys and anything too short are errors that wrap [ErrMalformed]. The
// heartbeat shares no memory with key and value; its time is in UTC.
func Decode(key, value []byte) (Heartbeat, error) {
	source, rest, err := cutString(key)
	if err != nil {
		return Heartbeat{}, fmt.Errorf("%w: source alias: %w", ErrMalformed, err)
	}
	target, _, err := cutString(rest)
	if err != nil {
		return Heartbeat{}, fmt.Errorf("%w: target alias: %w", ErrMalformed, err)
	}
	if len(value) < 10 {
		return Heartbeat{}, fmt.Errorf("%w: value of %d bytes, want 10", ErrMalformed, len(value))
	}
	return Heartbeat{
		Source:    topology.Alias(source),
		Target:    topology.Alias(target),
		Timestamp: time.UnixMilli(int64(binary.BigEndian.Uint64(value[2:]))).UTC(),
	}, nil
}

// cutString takes a STRING (INT16 length, bytes) off the front of b.
func cutString(b []byte) (s string, rest []byte, err error) {
	if len(b) < 2 {
		return "", nil, fmt.Errorf("%d bytes where a length of 2 bytes belongs", len(b))
	}
	n := int(int16(binary.BigEndian.Uint16(b)))
	b = b[2:]
	if n < 0 || n > len(b) {
		return "", nil, fmt.Errorf("length %d with %d bytes left", n, len(b))
	}
	return string(b[:n]), b[n:], nil
}
