package task_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mm2/streams/internal/task"
)

// tick gives times of stream or wall clock to a schedule and tells the calls.
type tick struct {
	*rig
	kind  task.Punctuation
	calls []string
	next  int64 // offset
}

func (c *tick) at(ms int64) {
	c.t.Helper()
	var err error
	if c.kind == task.WallClock {
		c.now = time.UnixMilli(ms)
		_, err = c.task.PunctuateWallClock()
	} else {
		c.add(left, c.next, ms)
		c.next++
		c.mustAll()
		_, err = c.task.PunctuateStreamTime()
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *tick) note(now time.Time) error {
	c.calls = append(c.calls, fmt.Sprint(now.UnixMilli()))
	return nil
}

func TestPunctuate(t *testing.T) {
	tests := []struct {
		name   string
		kind   task.Punctuation
		before int64 // the time when it is scheduled
		start  time.Time
		times  []int64
		want   string // of calls every 10 ms
	}{
		{"with the first record", task.StreamTime, -1, time.Time{}, []int64{3}, "3"},
		{"aligned to 0", task.StreamTime, -1, time.Time{}, []int64{3, 9, 10, 19, 20}, "3 10 20"},
		{"missed ones are one", task.StreamTime, -1, time.Time{}, []int64{3, 47, 49, 50}, "3 47 50"},
		{"missed ones up to a multiple", task.StreamTime, -1, time.Time{}, []int64{0, 40, 49, 50}, "0 40 50"},
		{"missed ones up to now", task.StreamTime, -1, time.Time{}, []int64{0, 20, 29, 30}, "0 20 30"},
		{"late records move nothing", task.StreamTime, -1, time.Time{}, []int64{25, 12, 29, 30}, "25 30"},
		{"in the middle of a stream", task.StreamTime, 1003, time.Time{}, []int64{1004, 1009, 1010}, "1004 1010"},
		{"start", task.StreamTime, -1, time.UnixMilli(15), []int64{14, 15, 24, 25}, "15 25"},
		{"start in the past", task.StreamTime, 31, time.UnixMilli(15), []int64{34, 35, 44, 45}, "35 45"},
		{"start in the past, due now", task.StreamTime, 35, time.UnixMilli(15), []int64{36, 44, 45}, "36 45"},
		{"start missed", task.StreamTime, -1, time.UnixMilli(15), []int64{47, 54, 55}, "47 55"},
		{"wall clock after the interval", task.WallClock, 1003, time.Time{}, []int64{1012, 1013, 1022, 1023}, "1013 1023"},
		{"wall clock missed", task.WallClock, 1003, time.Time{}, []int64{1050, 1052, 1053}, "1050 1053"},
		{"wall clock from a start", task.WallClock, 1003, time.UnixMilli(1), []int64{1010, 1011, 1021}, "1011 1021"},
		{"wall clock from a start to come", task.WallClock, 1003, time.UnixMilli(2000), []int64{1999, 2000, 2010}, "2000 2010"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &tick{rig: newRig(t), kind: tt.kind}
			if tt.before >= 0 {
				c.at(tt.before)
			}
			c.task.Schedule("node", 10*time.Millisecond, tt.kind, tt.start, c.note)
			for _, at := range tt.times {
				c.at(at)
			}
			if got := strings.Join(c.calls, " "); got != tt.want {
				t.Errorf("called at %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNoStreamTimeNoCall(t *testing.T) {
	c := &tick{rig: newRig(t)}
	c.task.Schedule("node", time.Second, task.StreamTime, time.Time{}, c.note)
	c.now = c.now.Add(time.Hour)
	if called, err := c.task.PunctuateStreamTime(); called || err != nil || len(c.calls) > 0 {
		t.Errorf("called %q before the first record, %v", c.calls, err)
	}
}

func TestCancel(t *testing.T) {
	for _, kind := range []task.Punctuation{task.StreamTime, task.WallClock} {
		c := &tick{rig: newRig(t), kind: kind}
		c.at(1_000_000)
		var cancel func()
		cancel = c.task.Schedule("inside", 10*time.Millisecond, kind, time.Time{}, func(now time.Time) error {
			cancel()
			return c.note(now)
		})
		c.task.Schedule("before", 10*time.Millisecond, kind, time.Time{}, func(time.Time) error {
			t.Error("called after it was cancelled")
			return nil
		})()
		c.at(1_000_010)
		c.at(1_000_030)
		if got := strings.Join(c.calls, " "); got != "1000010" {
			t.Errorf("clock %d: called at %q, want once", kind, got)
		}
	}
}

// A function may schedule others, also such that are due at once.
func TestScheduleInside(t *testing.T) {
	c := &tick{rig: newRig(t), kind: task.StreamTime}
	again := false
	c.task.Schedule("outer", 10*time.Millisecond, task.StreamTime, time.Time{}, func(time.Time) error {
		if !again {
			again = true
			c.task.Schedule("inner", 10*time.Millisecond, task.StreamTime, time.Time{}, c.note)
		}
		return nil
	})
	c.at(25)
	c.at(30)
	if got := strings.Join(c.calls, " "); got != "25 30" {
		t.Errorf("the inner one is called at %q", got)
	}
}

func TestNextWallClock(t *testing.T) {
	r := newRig(t)
	if _, ok := r.task.NextWallClock(); ok {
		t.Error("something is due without a schedule")
	}
	fn := func(time.Time) error { return nil }
	r.task.Schedule("a", 20*time.Millisecond, task.WallClock, time.Time{}, fn)
	r.task.Schedule("b", 10*time.Millisecond, task.WallClock, time.Time{}, fn)
	if at, ok := r.task.NextWallClock(); !ok || at.UnixMilli() != 1_000_010 {
		t.Errorf("due at %v, %v", at.UnixMilli(), ok)
	}
}

// In a punctuator there is no source record, and errors name the node only.
func TestPunctuatorFails(t *testing.T) {
	tests := []struct {
		name string
		fn   func() error
		want string
	}{
		{"error", func() error { return errIt }, `process in node "node" of task 1_0: it broke`},
		{"panic", func() error { panic(errIt) }, `process in node "node" of task 1_0: panic: it broke`},
		{"panic with a text", func() error { panic("odd") }, `process in node "node" of task 1_0: panic: odd`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &tick{rig: newRig(t)}
			c.at(1)
			c.task.Schedule("node", time.Second, task.StreamTime, time.Time{}, func(time.Time) error {
				if m, ok := c.task.Metadata(); ok {
					t.Errorf("the source record is %+v", m)
				}
				return tt.fn()
			})
			_, err := c.task.PunctuateStreamTime()
			check(t, err, tt.want)
			full, ok := errors.AsType[*task.Error](err)
			if !ok || full.Topic != "" || full.Node != "node" {
				t.Errorf("the error is %+v", full)
			}
			if strings.HasPrefix(tt.name, "panic") != (full.Stack != "") {
				t.Errorf("the stack is %q", full.Stack)
			}
		})
	}
}

// A punctuator that goes on after an error is called again.
func TestPunctuatorContinues(t *testing.T) {
	r := newRig(t, handle(task.Process, answer(task.Response{Action: task.Continue, DeadLetter: true})), deadLetters())
	c := &tick{rig: r}
	calls := 0
	c.task.Schedule("node", 10*time.Millisecond, task.StreamTime, time.Time{}, func(time.Time) error {
		calls++
		return errIt
	})
	c.at(1)
	c.at(10)
	if calls != 2 || len(c.dropped) != 2 {
		t.Errorf("%d calls, dropped %q", calls, c.dropped)
	}
	l := c.sent[1]
	if l.Key != nil || l.Value != nil || l.Time != 10 || len(l.Headers) != 3 {
		t.Errorf("the dead letter has no source record, but is %+v", l)
	}
}
