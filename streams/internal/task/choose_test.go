package task_test

import (
	"testing"
	"time"

	"mm2/streams/internal/task"
)

// The earliest record goes first; within a partition the offset decides.
func TestSmallestTimeFirst(t *testing.T) {
	r := newRig(t)
	r.add(left, 0, 10, 40, 20)
	r.add(right, 0, 5, 15, 50)
	r.mustAll()
	if got, want := r.takeSeen(), "r0 l0 r1 l1 l2 r2"; got != want {
		t.Errorf("processed %q, want %q", got, want)
	}
	if got := r.task.StreamTime(); got != 50 {
		t.Errorf("stream time %d, want 50", got)
	}
}

// Each row: left has records, right is empty. Times are counted from the first
// try.
func TestIdle(t *testing.T) {
	type try struct {
		after time.Duration
		end   int64 // of right, told before the try; -1 tells nothing
		want  string
	}
	const second = time.Second
	tests := []struct {
		name string
		idle time.Duration
		fill []int64 // a record of right at the start
		try  []try
	}{
		{"never waits", -1, nil, []try{{0, -1, "l0 l1"}}},
		{"waits while the end is unknown", 0, nil, []try{{0, -1, ""}, {time.Hour, -1, ""}}},
		{"waits while there is more", 0, nil, []try{{0, 7, ""}, {time.Hour, -1, ""}}},
		{"goes on at the end", 0, nil, []try{{0, -1, ""}, {0, 0, "l0 l1"}}},
		{"goes on after the other's last record", 0, []int64{1}, []try{{0, 1, "r0 l0 l1"}}},
		{"holds after the other's last record", 0, []int64{1}, []try{{0, 2, "r0"}}},
		{"waits for a while", second, nil, []try{{0, 0, ""}, {second - 1, -1, ""}, {1, -1, "l0 l1"}}},
		{"waits for ever for what is known to come", second, nil, []try{{0, 3, ""}, {time.Hour, -1, ""}}},
		{"unknown ends never time out", second, nil, []try{{0, -1, ""}, {time.Hour, -1, ""}, {0, 0, ""}, {second, -1, "l0 l1"}}},
		{"news ends the wait", second, nil, []try{{0, 0, ""}, {second - 1, 1, ""}, {second, -1, ""}}},
		{"waits from when it became empty", second, []int64{1}, []try{{0, 1, "r0"}, {second, -1, "l0 l1"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, maxIdle(tt.idle))
			r.add(left, 0, 10, 20)
			r.task.SetEnd(left, 2, 2)
			r.add(right, 0, tt.fill...)
			for i, try := range tt.try {
				r.now = r.now.Add(try.after)
				if try.end >= 0 {
					r.task.SetEnd(right, 0, try.end)
				}
				r.mustAll()
				if got := r.takeSeen(); got != try.want {
					t.Fatalf("try %d processed %q, want %q", i, got, try.want)
				}
			}
		})
	}
}

// A record that comes during the wait ends it, and the next wait is a full one.
func TestIdleBeginsAnew(t *testing.T) {
	r := newRig(t, maxIdle(time.Second))
	step := func(after time.Duration, want string) {
		t.Helper()
		r.now = r.now.Add(after)
		r.mustAll()
		if got := r.takeSeen(); got != want {
			t.Fatalf("processed %q, want %q", got, want)
		}
	}
	r.add(left, 0, 10, 20)
	r.task.SetEnd(left, 2, 2)
	r.task.SetEnd(right, 0, 0)
	step(0, "")
	step(900*time.Millisecond, "")
	r.add(right, 0, 5)
	r.task.SetEnd(right, 1, 1)
	step(0, "r0")
	step(900*time.Millisecond, "")
	step(100*time.Millisecond, "l0 l1")
	// It stays empty: there is no new wait.
	r.add(left, 2, 30)
	r.task.SetEnd(left, 3, 3)
	step(0, "l2")
}

// Partition time is the largest time of the partition, kept by commits, and does
// not go back.
func TestPartitionTime(t *testing.T) {
	r := newRig(t)
	third := task.Partition{Topic: "left", Partition: 1}
	r.input(third, "from-left", 9, task.Committed{PartitionTime: 77})
	r.add(left, 0, 10, 30, 20)
	r.mustAll()
	want := map[task.Partition]int64{left: 30, right: -1, third: 77}
	for p, at := range r.task.Positions() {
		if at.PartitionTime != want[p] {
			t.Errorf("the time of %v is %d, want %d", p, at.PartitionTime, want[p])
		}
	}
	// A record that takes its time from the partition has it.
	asks := record(third, 9, 0)
	asks.Value = []byte("partition time")
	if err := r.task.Add(third, records(asks)); err != nil {
		t.Fatal(err)
	}
	r.mustAll()
	if got := r.task.StreamTime(); got != 77 {
		t.Errorf("stream time %d, want 77", got)
	}
}
