package task

import (
	"container/heap"
	"time"
)

// Punctuation is what drives a scheduled function.
type Punctuation int

// The two clocks there are.
const (
	StreamTime Punctuation = iota // moves with the records
	WallClock
)

// schedule is one function that is called again and again.
type schedule struct {
	node  string
	next  int64 // ms
	every int64 // ms
	fn    func(now time.Time) error
	off   bool
}

// schedules is a heap by the next time.
type schedules []*schedule

func (s schedules) Len() int           { return len(s) }
func (s schedules) Less(i, j int) bool { return s[i].next < s[j].next }
func (s schedules) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *schedules) Push(x any)        { *s = append(*s, x.(*schedule)) }
func (s *schedules) Pop() any {
	old := *s
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	return last
}

// Schedule has fn called by the clock. By stream time the first call comes with
// the first record, later ones at multiples of every; by the wall clock the first
// call comes after every. A start time, if it is not zero, aligns the calls to
// itself. The function that is returned ends the calls, also from within fn.
func (t *Task) Schedule(node string, every time.Duration, kind Punctuation, start time.Time, fn func(now time.Time) error) (cancel func()) {
	s := &schedule{node: node, every: every.Milliseconds(), fn: fn}
	list := &t.byStream
	now := t.streamTime
	if kind == WallClock {
		list, now = &t.byWall, t.cfg.Now().UnixMilli()
	}
	switch {
	case !start.IsZero():
		s.next = start.UnixMilli()
		if late := now - s.next; late > 0 {
			s.next += (late + s.every - 1) / s.every * s.every
		}
	case kind == WallClock:
		s.next = now + s.every
	}
	heap.Push(list, s)
	return func() { s.off = true }
}

// punctuate calls what is due at now, each once however long it is overdue.
func (t *Task) punctuate(list *schedules, now int64) (called bool, err error) {
	for len(*list) > 0 && (*list)[0].next <= now {
		s := heap.Pop(list).(*schedule)
		if s.off {
			continue
		}
		t.at = now
		t.current = nil
		if err := t.call(s, now); err != nil {
			return true, err
		}
		called = true
		if s.off {
			continue
		}
		s.next += s.every
		if s.next <= now {
			s.next += (now - s.next + s.every) / s.every * s.every
		}
		heap.Push(list, s)
	}
	return called, nil
}

func (t *Task) call(s *schedule, now int64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.Panicked(s.node, p)
		}
	}()
	if err := s.fn(time.UnixMilli(now).UTC()); err != nil {
		return t.Failed(s.node, err)
	}
	// An iteration in fn may have failed, which fn was not told.
	return t.takeBroken()
}

// PunctuateStreamTime calls what is due by stream time.
func (t *Task) PunctuateStreamTime() (called bool, err error) {
	if t.streamTime < 0 {
		return false, nil
	}
	return t.punctuate(&t.byStream, t.streamTime)
}

// PunctuateWallClock calls what is due by the wall clock.
func (t *Task) PunctuateWallClock() (called bool, err error) {
	t.now = t.cfg.Now().UnixMilli()
	return t.punctuate(&t.byWall, t.now)
}

// NextWallClock is when the next function is due by the wall clock; false if
// there is none.
func (t *Task) NextWallClock() (time.Time, bool) {
	if len(t.byWall) == 0 {
		return time.Time{}, false
	}
	return time.UnixMilli(t.byWall[0].next), true
}
