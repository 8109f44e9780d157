package heartbeat

import (
	"errors"
	"fmt"
	"time"

	"mm2/internal/javawire"
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

// EncodeKey returns the record key: both aliases as STRING. An alias of more
// than 32767 bytes is an error.
func (h Heartbeat) EncodeKey() ([]byte, error) {
	key := make([]byte, 0, 4+len(h.Source)+len(h.Target))
	for _, alias := range []topology.Alias{h.Source, h.Target} {
		var err error
		if key, err = javawire.AppendString(key, string(alias)); err != nil {
			return nil, fmt.Errorf("encode heartbeat: alias: %w", err)
		}
	}
	return key, nil
}

// EncodeValue returns the record value: INT16 version, INT64 milliseconds since
// the epoch.
func (h Heartbeat) EncodeValue() []byte {
	return javawire.AppendInt64(javawire.AppendInt16(make([]byte, 0, 10), Version), h.Timestamp.UnixMilli())
}

// String is what Java's HeartbeatFormatter prints.
func (h Heartbeat) String() string {
	return fmt.Sprintf("Heartbeat{sourceClusterAlias=%s, targetClusterAlias=%s, timestamp=%d}", h.Source, h.Target, h.Timestamp.UnixMilli())
}

// Decode reads what EncodeKey and EncodeValue write. Like Java it takes any
// version for version 0 and ignores bytes after the fields. Tombstones, null
// keys and anything too short are errors that wrap [ErrMalformed]. The
// heartbeat shares no memory with key and value; its time is in UTC.
func Decode(key, value []byte) (Heartbeat, error) {
	source, rest, err := javawire.CutString(key)
	if err != nil {
		return Heartbeat{}, fmt.Errorf("%w: source alias: %w", ErrMalformed, err)
	}
	target, _, err := javawire.CutString(rest)
	if err != nil {
		return Heartbeat{}, fmt.Errorf("%w: target alias: %w", ErrMalformed, err)
	}
	_, rest, err = javawire.CutInt16(value)
	if err != nil {
		return Heartbeat{}, fmt.Errorf("%w: version: %w", ErrMalformed, err)
	}
	millis, _, err := javawire.CutInt64(rest)
	if err != nil {
		return Heartbeat{}, fmt.Errorf("%w: timestamp: %w", ErrMalformed, err)
	}
	return Heartbeat{
		Source:    topology.Alias(source),
		Target:    topology.Alias(target),
		Timestamp: time.UnixMilli(millis).UTC(),
	}, nil
}
