package streams

import (
	"slices"

	"mm2/streams/state"
)

// slidingNode aggregates sliding windows. A record at t has a window that ends with
// it, called its left one, and one that begins at t+1, its right one, once that
// holds a record. All windows there can be are windows of some record.
//
// Rows are made of other rows, as the records are not kept. So that this gives what
// the records would give, a record that is not late for all its windows is put into
// those too that are closed for it, and those are not sent on: a later record may
// have its window, which is open, made of one of them.
type slidingNode[K, V, A any] struct {
	timeNode[K, V, A]
	starts []int64 // of the windows that hold the record
}

// Process implements Processor.
func (n *slidingNode[K, V, A]) Process(r Record[K, V]) error {
	switch {
	case r.NullKey:
		dropped(n.ctx, "null key")
		return nil
	case r.NullValue:
		dropped(n.ctx, "null value")
		return nil
	}
	at := r.Time.UnixMilli()
	n.see(at)
	closeTime := n.w.closeTime(n.streamTime)
	// Windows that are closed for the record are given before it changes them.
	n.closeWindows(r, !n.w.open(at, closeTime))
	if !n.w.open(at+n.w.size.Milliseconds(), closeTime) {
		n.late(r)
		return nil
	}
	return n.take(r, at)
}

// around is what the windows near a record say of its neighbours.
type around[A any] struct {
	before    state.Timestamped[A] // the newest window that ends before the record
	hasBefore bool
	previous  int64 // the record before it; -1 if none of the windows knows it
	left      bool  // its left window exists
	right     bool  // its right window exists
}

// take puts a record into all windows that hold its time, and makes those that are
// missing.
func (n *slidingNode[K, V, A]) take(r Record[K, V], at int64) error {
	size := n.w.size.Milliseconds()
	left := max(0, at-size)
	a := around[A]{previous: -1}
	n.starts = n.starts[:0]
	// A window that begins earlier ends before any record which could be in a window
	// with this one.
	for begin, row := range n.store.FetchReverse(r.Key, millis(max(0, at-2*size)), millis(at+1)) {
		start, last := begin.UnixMilli(), row.Time.UnixMilli()
		if start > at {
			a.right = true
			continue
		}
		if start+size < at {
			a.before, a.hasBefore = row, true
			if last >= left {
				a.previous = last
			}
			break
		}
		// The newest window that holds the record has, of the records that are there,
		// those behind it, up to the end of its right window: if there were earlier
		// ones, a right window of one of these would be newer.
		if len(n.starts) == 0 && last > at && !a.right {
			if err := n.copyRight(r, at+1, row); err != nil {
				return err
			}
			a.right = true
		}
		n.starts = append(n.starts, start)
		if start == left {
			a.left = true
			if last < at {
				a.previous = last
			}
		}
		if err := n.put(r, start, row, true, true); err != nil {
			return err
		}
		if start == left {
			break
		}
	}
	return n.makeMissing(r, left, a)
}

// copyRight makes the right window of a record of a row that has its records.
func (n *slidingNode[K, V, A]) copyRight(r Record[K, V], start int64, row state.Timestamped[A]) error {
	if err := n.store.Put(r.Key, row, millis(start)); err != nil {
		return err
	}
	// A copy is sent on, as the user's function may change row in place next.
	again, ok, err := n.store.Get(r.Key, millis(start))
	if err != nil {
		return err
	}
	if end := start + n.w.size.Milliseconds(); n.w.open(end, n.w.closeTime(n.streamTime)) {
		n.update(r, start, end, row.Time, change[A]{New: again.Value, HasNew: ok})
	}
	return nil
}

// makeMissing makes the right window of the record before, which up to now held
// nothing, and the left window of this one.
func (n *slidingNode[K, V, A]) makeMissing(r Record[K, V], left int64, a around[A]) error {
	if right := a.previous + 1; a.previous >= 0 && !slices.Contains(n.starts, right) {
		if err := n.put(r, right, state.Timestamped[A]{}, false, false); err != nil {
			return err
		}
	}
	if a.left {
		return nil
	}
	// With no window between, the newest one that ends before this record has just
	// those earlier records that are in the left window, or none of them.
	return n.put(r, left, a.before, a.hasBefore && a.previous >= 0, false)
}
