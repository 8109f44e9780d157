package assign

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Host is one end point and what can be queried there.
type Host struct {
	EndPoint string
	Active   []TaskID
	Standby  []TaskID
}

// Assignment is what the leader tells one member beside its topic partitions.
// The source partitions of a task follow from its id: its partition number of
// each source topic of its sub-topology that has one.
type Assignment struct {
	// Version is what the leader wrote; set by [DecodeAssignment].
	Version uint8
	Active  []TaskID
	Standby []TaskID
	// WarmUp tasks are held like standbys and will become active here.
	WarmUp []TaskID
	// Hosts says where each task runs after this answer, for look-ups. Processes
	// without an end point are not in it.
	Hosts []Host
	// Unseen lists topics that tasks of this member read and that its client has
	// not found yet. It gets those tasks when it has: finding a topic makes the
	// client join again.
	Unseen []string
	// Code other than [CodeNone] means that nothing is assigned: the lists are
	// empty, and the member keeps its partitions until it leaves. Text says why.
	Code Code
	Text string
	// FollowUp is how long after this answer the member must ask for another
	// rebalance; zero if it need not. Whole milliseconds, at most about 24 days.
	FollowUp time.Duration
}

// Err is the refusal that the assignment carries, an [*Error], or nil.
func (a Assignment) Err() error {
	if a.Code == CodeNone {
		return nil
	}
	return &Error{Code: a.Code, Text: a.Text}
}

// Encode writes the assignment in a version that all members read: the lowest one
// that any of them wrote. It fails if that version does not exist.
func (a Assignment) Encode(version uint8) ([]byte, error) {
	if version == 0 || version > Version {
		return nil, fmt.Errorf("encode assignment: version %d does not exist; want 1 to %d", version, Version)
	}
	b := []byte{version, lowestReader, byte(a.Code)}
	b = appendString(b, a.Text)
	b = binary.AppendUvarint(b, uint64(min(max(a.FollowUp.Milliseconds(), 0), math.MaxInt32)))
	b = appendTasks(b, a.Active)
	b = appendTasks(b, a.Standby)
	b = appendTasks(b, a.WarmUp)
	b = binary.AppendUvarint(b, uint64(len(a.Unseen)))
	for _, topic := range a.Unseen {
		b = appendString(b, topic)
	}
	b = binary.AppendUvarint(b, uint64(len(a.Hosts)))
	for _, h := range a.Hosts {
		b = appendString(b, h.EndPoint)
		b = appendTasks(b, h.Active)
		b = appendTasks(b, h.Standby)
	}
	return b, nil
}

// DecodeAssignment reads what Encode of this or a newer version wrote. Data that
// only a newer version can read gives an error that is [ErrVersion].
func DecodeAssignment(data []byte) (Assignment, error) {
	r := reader{buf: data}
	var a Assignment
	a.Version = r.version()
	a.Code = Code(r.byte())
	a.Text = r.string()
	a.FollowUp = time.Duration(r.uvarint(math.MaxInt32)) * time.Millisecond
	a.Active, a.Standby, a.WarmUp = r.tasks(), r.tasks(), r.tasks()
	if n := r.count(1); n > 0 {
		a.Unseen = make([]string, 0, n)
		for range n {
			a.Unseen = append(a.Unseen, r.string())
		}
	}
	if n := r.count(3); n > 0 {
		a.Hosts = make([]Host, 0, n)
		for range n {
			a.Hosts = append(a.Hosts, Host{EndPoint: r.string(), Active: r.tasks(), Standby: r.tasks()})
		}
	}
	if err := r.end(a.Version); err != nil {
		return Assignment{}, fmt.Errorf("decode assignment of a streams member: %w", err)
	}
	return a, nil
}
