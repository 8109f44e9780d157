package streams

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// TimeWindow says into which windows of fixed length a record falls. All lengths
// count in whole milliseconds; what is wrong with them is an error of the topology.
type TimeWindow struct {
	kind        windowKind
	size, every time.Duration // size is the difference of sliding windows
	grace       time.Duration
}

type windowKind int

const (
	tumbling windowKind = iota
	hopping
	sliding
)

// Tumbling are windows one behind the other, beginning with 1970: a window holds
// the times from its start to before start+size.
func Tumbling(size time.Duration) TimeWindow {
	return TimeWindow{kind: tumbling, size: size, every: size}
}

// Hopping are windows that overlap: each is as long as size, and one begins every
// so often, counted from 1970. A record falls into all that hold its time.
func Hopping(size, every time.Duration) TimeWindow {
	return TimeWindow{kind: hopping, size: size, every: every}
}

// Sliding are the windows that one sees when a window of this length slides over
// the records of a key: one that ends with each record, and one that begins right
// after it if there are others in that one. Both ends are part of a window, so it
// holds the records whose times differ by difference or less. Records before
// 1970+difference share the window that begins with 1970.
func Sliding(difference time.Duration) TimeWindow {
	return TimeWindow{kind: sliding, size: difference}
}

// WithGrace has windows take late records too. A tumbling or hopping window is
// closed once the largest time that the operator has seen of any key is d behind its
// end, a sliding window once it is more than that. Without this d is 0.
func (w TimeWindow) WithGrace(d time.Duration) TimeWindow {
	w.grace = d
	return w
}

// SessionWindow says which records of a key are a session.
type SessionWindow struct{ gap, grace time.Duration }

// Session are windows of activity: records of a key that are no farther from each
// other than gap are one session, from the first to the last of them. A record may
// so join two sessions.
func Session(gap time.Duration) SessionWindow { return SessionWindow{gap: gap} }

// WithGrace has sessions take late records too. A session is not continued any more
// once the largest time that the operator has seen of any key is gap+d behind its
// end, and once it is more than that no record is taken at that end. Without this d
// is 0.
func (w SessionWindow) WithGrace(d time.Duration) SessionWindow {
	w.grace = d
	return w
}

func (w TimeWindow) check() error {
	var errs []error
	switch w.kind {
	case tumbling:
		errs = append(errs, checkLength("size", w.size, time.Millisecond))
	case hopping:
		errs = append(errs, checkLength("size", w.size, time.Millisecond), checkLength("advance", w.every, time.Millisecond))
		if w.every > w.size {
			errs = append(errs, fmt.Errorf("the advance %v is more than the size %v: records in between would be in no window", w.every, w.size))
		}
	case sliding:
		errs = append(errs, checkLength("difference", w.size, 0))
	}
	return errors.Join(append(errs, checkLength("grace", w.grace, 0))...)
}

func (w SessionWindow) check() error {
	return errors.Join(checkLength("gap", w.gap, time.Millisecond), checkLength("grace", w.grace, 0))
}

// longest is far less than a time.Duration can be, so that a few of them can be
// added.
const longest = math.MaxInt64 / 16

func checkLength(what string, d, least time.Duration) error {
	switch {
	case d < least:
		return fmt.Errorf("the %s is %v, want at least %v", what, d, least)
	case d%time.Millisecond != 0:
		return fmt.Errorf("the %s is %v, want whole milliseconds", what, d)
	case d > longest:
		return fmt.Errorf("the %s is %v, want at most %v", what, d, time.Duration(longest))
	}
	return nil
}

// needs is how long the store must show a window so that records which are in time
// find it.
func (w TimeWindow) needs() time.Duration {
	if w.kind == sliding {
		// The earliest record in time is difference+grace behind; what it makes new
		// windows of lies up to twice the difference before it, and a store does not
		// show what is exactly as old as its retention.
		return 3*w.size + w.grace + time.Millisecond
	}
	return w.size + w.grace
}

func (w SessionWindow) needs() time.Duration { return w.gap + w.grace }

// starts are the windows of a tumbling or hopping kind that hold a time, the
// earliest first, all in milliseconds.
func (w TimeWindow) starts(at int64) iter.Seq[int64] {
	size, every := w.size.Milliseconds(), w.every.Milliseconds()
	first := max(0, at-size+every) / every * every
	return func(yield func(int64) bool) {
		for start := first; start <= at && start >= 0; start += every {
			if !yield(start) {
				return
			}
		}
	}
}

// lastStart is the last window that a record of this time may be put into, or, for
// sliding windows, one that begins later.
func (w TimeWindow) lastStart(at int64) int64 {
	if w.kind == sliding {
		return at + 1
	}
	return at - at%w.every.Milliseconds()
}

// closeTime is what divides closed windows from open ones by their ends, when
// streamTime is the largest time seen. It may be negative.
func (w TimeWindow) closeTime(streamTime int64) int64 { return streamTime - w.grace.Milliseconds() }

// open is whether a window with this end takes records.
func (w TimeWindow) open(end, closeTime int64) bool {
	if w.kind == sliding {
		return end >= closeTime
	}
	return end > closeTime
}

// closedStart is the last start of a closed window; it is negative when there is
// none.
func (w TimeWindow) closedStart(closeTime int64) int64 {
	last := closeTime - w.size.Milliseconds()
	switch {
	case w.kind == sliding:
		return last - 1
	case last < 0:
		return -1
	}
	return last - last%w.every.Milliseconds()
}
