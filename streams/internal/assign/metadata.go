package assign

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// TaskState is what a member says of one task that its process has state of, or
// that it runs.
type TaskState struct {
	ID TaskID
	// Offsets is the sum of the next offsets of the task's changelog partitions in
	// the local store, or [Running].
	Offsets int64
	// Active is true if this member has the task as active, restored or not;
	// Standby if it holds it as standby or warm-up. Of a task that only lies in the
	// state directory neither is.
	Active, Standby bool
}

// Metadata is what a member tells the leader when it joins. Of the threads of a
// process only one need list the state that lies in the state directory.
type Metadata struct {
	// Version is what the member wrote; set by [DecodeMetadata], ignored by Encode.
	Version  uint8
	Process  ProcessID
	Topology Fingerprint
	Tasks    []TaskState
	// EndPoint is application.server, host:port, or empty.
	EndPoint string
	// Tags are client.tag.<key>.
	Tags map[string]string
	// Code other than [CodeNone] makes the leader answer all members with it.
	Code Code
	// Nonce has no meaning. A member changes it to make a coordinator start a
	// rebalance that would otherwise find nothing new in its metadata.
	Nonce uint32
}

const (
	stateStandby = 1 << iota
	stateRunning
	stateActive
)

// Encode writes the metadata. Equal values give equal bytes, whatever the order of
// Tasks and Tags; coordinators compare them.
func (m Metadata) Encode() []byte {
	b := []byte{Version, lowestReader}
	b = append(b, m.Process[:]...)
	b = append(b, m.Topology[:]...)
	b = append(b, byte(m.Code))
	b = binary.AppendUvarint(b, uint64(m.Nonce))
	b = appendString(b, m.EndPoint)
	b = binary.AppendUvarint(b, uint64(len(m.Tags)))
	for _, k := range slices.Sorted(maps.Keys(m.Tags)) {
		b = appendString(appendString(b, k), m.Tags[k])
	}
	tasks := slices.SortedStableFunc(slices.Values(m.Tasks), func(x, y TaskState) int { return x.ID.Compare(y.ID) })
	b = binary.AppendUvarint(b, uint64(len(tasks)))
	for _, t := range tasks {
		var flags byte
		if t.Standby {
			flags |= stateStandby
		}
		if t.Offsets == Running {
			flags |= stateRunning
		}
		if t.Active {
			flags |= stateActive
		}
		b = append(appendTask(b, t.ID), flags)
		if t.Offsets != Running {
			b = binary.AppendUvarint(b, uint64(max(t.Offsets, 0)))
		}
	}
	return b
}

// DecodeMetadata reads what Encode of this or a newer version wrote. Data that
// only a newer version can read gives an error that is [ErrVersion].
func DecodeMetadata(data []byte) (Metadata, error) {
	r := reader{buf: data}
	var m Metadata
	m.Version = r.version()
	copy(m.Process[:], r.bytes(len(m.Process)))
	copy(m.Topology[:], r.bytes(len(m.Topology)))
	m.Code = Code(r.byte())
	m.Nonce = uint32(r.uvarint(math.MaxUint32))
	m.EndPoint = r.string()
	if n := r.count(2); n > 0 {
		m.Tags = make(map[string]string, n)
		for range n {
			k := r.string()
			m.Tags[k] = r.string()
		}
	}
	if n := r.count(3); n > 0 {
		m.Tasks = make([]TaskState, 0, n)
		for range n {
			t := TaskState{ID: r.task()}
			flags := r.byte()
			t.Standby, t.Active = flags&stateStandby != 0, flags&stateActive != 0
			if flags&stateRunning != 0 {
				t.Offsets = Running
			} else {
				t.Offsets = int64(r.uvarint(math.MaxInt64))
			}
			m.Tasks = append(m.Tasks, t)
		}
	}
	if err := r.end(m.Version); err != nil {
		return Metadata{}, fmt.Errorf("decode metadata of a streams member: %w", err)
	}
	return m, nil
}
