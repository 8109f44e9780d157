package pipeline

import "time"

// Times sums up the timestamps of records. Records without a timestamp, which
// Kafka writes as -1, are left out. The zero value is ready to use.
type Times struct {
	Stamped        int64     // how many records have a timestamp
	Oldest, Newest time.Time // zero while Stamped is 0, as is Last
	Last           time.Time // of the record added last

	first int64   // in milliseconds
	after float64 // sum of milliseconds after first; a float does not overflow
}

// Add counts one more timestamp.
func (t *Times) Add(at time.Time) {
	ms := at.UnixMilli()
	switch {
	case ms < 0:
		return
	case t.Stamped == 0:
		t.first, t.Oldest, t.Newest = ms, at, at
	case at.After(t.Newest):
		t.Newest = at
	case at.Before(t.Oldest):
		t.Oldest = at
	}
	t.Last = at
	t.after += float64(ms - t.first)
	t.Stamped++
}

// Mean is the average of the timestamps; zero while Stamped is 0.
func (t *Times) Mean() time.Time {
	if t.Stamped == 0 {
		return time.Time{}
	}
	return time.UnixMilli(t.first).Add(time.Duration(t.after / float64(t.Stamped) * float64(time.Millisecond)))
}
