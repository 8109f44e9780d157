package task_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/task"
)

func records(r ...*kgo.Record) []*kgo.Record { return r }

// A negative time drops a record; it counts as consumed.
func TestNegativeTime(t *testing.T) {
	r := newRig(t)
	r.add(left, 0, -1, 10, -5, -6)
	r.mustAll()
	if got := r.takeSeen(); got != "l1" {
		t.Errorf("processed %q", got)
	}
	want := []string{"from-left: negative time", "from-left: negative time", "from-left: negative time"}
	if !slices.Equal(r.dropped, want) {
		t.Errorf("dropped %q", r.dropped)
	}
	if at := r.task.Positions()[left]; at.Offset != 4 || at.PartitionTime != 10 {
		t.Errorf("position %+v, want offset 4 at the time 10", at)
	}
	if !strings.Contains(r.log.String(), "topic=left partition=0 offset=2 time=-5") {
		t.Errorf("the log does not tell which record: %s", &r.log)
	}
}

// Positions are the offsets of the next records that are not processed, also over
// gaps, and never those that were fetched.
func TestPositions(t *testing.T) {
	r := newRig(t)
	position := func(p task.Partition, want int64) {
		t.Helper()
		at, ok := r.task.Positions()[p]
		if !ok {
			at.Offset = -1
		}
		if at.Offset != want {
			t.Errorf("position %d of %v, want %d", at.Offset, p, want)
		}
	}
	unknown := task.Partition{Topic: "right", Partition: 1}
	r.input(unknown, "from-right", -1, task.Committed{PartitionTime: -1})
	position(unknown, -1)
	position(left, 0)
	r.add(left, 3, 10, 20) // the offsets below were compacted
	r.add(left, 8, 30)
	position(left, 3)
	for i, want := range []int64{4, 8, 9} {
		if did, err := r.task.Process(r.now); err != nil || !did {
			t.Fatalf("record %d: %v, %v", i, did, err)
		}
		position(left, want)
	}
	r.task.SetEnd(left, 12, 12) // control records at the end
	position(left, 12)
	r.task.SetEnd(left, 5, 5) // an old answer
	position(left, 12)
	position(right, 0)
}

func TestBuffered(t *testing.T) {
	r := newRig(t)
	r.add(left, 0, 10, 20, 30)
	for want := 3; want >= 0; want-- {
		if got := r.task.Buffered(left); got != want {
			t.Errorf("%d wait, want %d", got, want)
		}
		if _, err := r.task.Process(r.now); err != nil {
			t.Fatal(err)
		}
	}
	other := task.Partition{Topic: "other", Partition: 2}
	if got := r.task.Buffered(other); got != 0 {
		t.Errorf("%d of another partition", got)
	}
	err := r.task.Add(other, nil)
	if err == nil || err.Error() != "task 1_0 has no input other-2" {
		t.Errorf("add to another partition: %v", err)
	}
	err = r.task.AddInput(task.Partition{Cluster: "west", Topic: "x"}, "nobody", 0, task.Committed{})
	if err == nil || err.Error() != `task 1_0 has no source "nobody" for x-0 on west` {
		t.Errorf("an input of no source: %v", err)
	}
}

// What operators keep goes with the positions of all inputs, and of what comes
// from several the largest holds, below zero too.
func TestKept(t *testing.T) {
	r := newRig(t)
	for i, v := range []int64{-30, -10, -20} {
		p := task.Partition{Topic: "left", Partition: int32(i + 1)}
		r.input(p, "from-left", 0, task.Committed{PartitionTime: -1, Kept: map[string]int64{"low": v, "high": -v}})
	}
	for key, want := range map[string]int64{"low": -10, "high": 30} {
		if got, ok := r.task.Kept(key); !ok || got != want {
			t.Errorf("%s is %d, want %d", key, got, want)
		}
	}
	if _, ok := r.task.Kept("none"); ok {
		t.Error("something was kept that nobody kept")
	}
	before := r.task.Positions()
	r.task.Keep("low", 5)
	if before[left].Kept["low"] != -10 {
		t.Error("positions that were taken change")
	}
	for p, at := range r.task.Positions() {
		if at.Kept["low"] != 5 || at.Kept["high"] != 30 {
			t.Errorf("%v has %v", p, at.Kept)
		}
	}
}
