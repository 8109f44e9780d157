package checkpoint

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
)

// bounds are the offsets that a target partition can be read at.
type bounds struct {
	start, end int64  // end is the last stable offset
	high       int64  // the end of the log; transactions that are open lie between
	id         string // of the topic; empty on brokers without
	known      bool
}

// clamp moves an offset into the bounds.
func (b bounds) clamp(offset int64) int64 { return max(min(offset, b.end), b.start) }

// syncVerdict is what is to be done about one position on the target.
type syncVerdict int

const (
	writeIt syncVerdict = iota
	keepIt              // the target has it
	isAhead             // the target is further
	waitFor             // the copy is another one than the offset is of, or has no log now
)

// noPosition is the committed offset of a group that has none.
const noPosition = -1

// judge compares what a group should have on the target with what it has there:
// it is written if there is none or a lower one, and never moved back, except
// where the group was reset on the source, or the copy began anew, and the
// target is not beyond what we wrote there.
//
// A position beyond the end of the log is of a log that is no more: what the
// target has is not further then, and what we want is not written: cut to the
// end of the new log it would skip what arrives there. Where another topic has
// the name, its beginning skips nothing.
func judge(w want, committed int64, b bounds) (offset int64, v syncVerdict) {
	if !b.known {
		return w.offset, waitFor
	}
	stale := committed > b.high
	if !same(w.targetID, b.id) {
		if committed < b.start || stale {
			return b.start, writeIt
		}
		return b.start, waitFor
	}
	if w.offset > b.high {
		return w.offset, waitFor
	}
	offset = b.clamp(w.offset)
	switch {
	case committed < offset, stale: // also noPosition, and the -1 that some clients reset to
		return offset, writeIt
	case committed == offset:
		return offset, keepIt
	case w.rewound && committed <= max(w.ceiling, b.start):
		return offset, writeIt
	}
	return offset, isAhead
}

// free reports whether a group in this state has no members. "Dead" is what
// brokers call a group that does not exist.
func free(state string) bool { return state == "Empty" || state == "Dead" }

// raced reports whether a commit failed because the group got members, or
// vanished, after we looked.
func raced(err error) bool {
	for _, known := range []error{
		kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.StaleMemberEpoch, kerr.FencedInstanceID, kerr.GroupIDNotFound,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
