package streams

import (
	"errors"
	"fmt"
	"time"

	"mm2/streams/state"
)

// JoinWindow says which records of two streams belong together: a record of the
// left stream at t and those of the right one from t-Before to t+After, both
// included. All durations count in whole milliseconds. Before or After may be
// negative, as long as their sum is not: then the right record must come so much
// later, or earlier.
type JoinWindow struct {
	Before, After time.Duration
	// Grace is how long after the end of its window a record may still come late and
	// find the others. A left or outer join waits for so long before it gives a
	// record without a match.
	Grace time.Duration
}

// Within is the window of records whose times are at most d apart, without grace.
func Within(d time.Duration) JoinWindow { return JoinWindow{Before: d, After: d} }

// WithGrace is the window with that grace.
func (w JoinWindow) WithGrace(d time.Duration) JoinWindow {
	w.Grace = d
	return w
}

// maxWindow keeps sums of a window's durations from overflowing.
const maxWindow = 50 * 365 * 24 * time.Hour

func (w JoinWindow) check() error {
	for _, d := range []time.Duration{w.Before, w.After, w.Grace} {
		if d > maxWindow || d < -maxWindow {
			return fmt.Errorf("the window %+v: %v is too long, want at most %v", w, d, maxWindow)
		}
	}
	switch {
	case w.Before+w.After < 0:
		return fmt.Errorf("the window %+v is empty: Before+After is %v, want at least 0", w, w.Before+w.After)
	case w.Grace < 0:
		return fmt.Errorf("the window %+v has the negative Grace %v, want at least 0", w, w.Grace)
	}
	return nil
}

// size and retention are those of the stores of both sides. A store cannot have
// less than a millisecond of either.
func (w JoinWindow) size() time.Duration {
	return max(w.Before, 0) + max(w.After, 0) + w.least()
}

func (w JoinWindow) retention() time.Duration { return w.size() + w.Grace }

// least is what a window of no length is made longer by.
func (w JoinWindow) least() time.Duration {
	if w.Before.Milliseconds() <= 0 && w.After.Milliseconds() <= 0 {
		return time.Millisecond
	}
	return 0
}

// JoinStores names the stores of a join of streams, which else have generated
// names: the name is the first part of those of all three. The options InMemory,
// NoChangelog and ChangelogConfig hold for all of them. With options alone the
// name may be empty.
func JoinStores(name string, opts ...state.Option) Option {
	return Option{optStoreName, func(o *options) { o.joinStores, o.storeOpts = name, opts }}
}

func checkJoinStores(o *options) error {
	switch {
	case !o.has(optStoreName):
		return nil
	case o.joinStores != "":
		return checkName(o.joinStores)
	case len(o.storeOpts) == 0:
		return errors.New("the name is empty")
	}
	return nil
}
