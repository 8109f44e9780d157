package checkpoint

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
)

// bounds are the offsets that a target partition can be read at.
type bounds struct {
	start, end int64 // end is the last stable offset
	known      bool
}

// clamp moves an offset into the bounds.
func (b bounds) clamp(offset int64) int64 {
	if !b.known {
		return offset
	}
	return max(min(offset, b.end), b.start)
}

// syncVerdict is what is to be done about one position on the target.
type syncVerdict int

const (
	writeIt syncVerdict = iota
	keepIt              // the target has it
	isAhead             // the target is further
)

// noPosition is the committed offset of a group that has none.
const noPosition = -1

// judge compares what a group should have on the target with what it has there:
// it is written if there is none or a lower one, and never moved back, except
// where the group was reset on the source and the target is not beyond what we
// wrote there.
func judge(w want, committed int64, b bounds) (offset int64, v syncVerdict) {
	offset = b.clamp(w.offset)
	switch {
	case committed < offset: // also noPosition, and the -1 that some clients reset to
		return offset, writeIt
	case committed == offset:
		return offset, keepIt
	case w.rewound && committed <= b.clamp(w.ceiling):
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
