package pipeline_test

import (
	"math"
	"testing"
	"time"

	"mm2/internal/pipeline"
)

func TestTimes(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	tests := []struct {
		name                       string
		ms                         []int64
		stamped                    int64
		oldest, newest, last, mean int64
	}{
		{"one", []int64{5}, 1, 5, 5, 5, 5},
		{"in order", []int64{10, 20, 60}, 3, 10, 60, 60, 30},
		{"out of order", []int64{20, 10, 60, 30}, 4, 10, 60, 30, 30},
		{"without a timestamp", []int64{-1, 20, -1, 40, -1}, 2, 20, 40, 40, 30},
		{"the epoch", []int64{0, 10}, 2, 0, 10, 10, 5},
		{"far apart", []int64{0, 40000 * day, 20000 * day}, 3, 0, 40000 * day, 20000 * day, 20000 * day},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got pipeline.Times
			for _, ms := range tt.ms {
				got.Add(time.UnixMilli(ms))
			}
			if got.Stamped != tt.stamped || got.Oldest.UnixMilli() != tt.oldest || got.Newest.UnixMilli() != tt.newest ||
				got.Last.UnixMilli() != tt.last || got.Mean().UnixMilli() != tt.mean {
				t.Errorf("got %+v with mean %v", got, got.Mean())
			}
		})
	}
}

func TestTimesOfNothing(t *testing.T) {
	var got pipeline.Times
	got.Add(time.UnixMilli(-1))
	if got.Stamped != 0 || !got.Oldest.IsZero() || !got.Newest.IsZero() || !got.Last.IsZero() || !got.Mean().IsZero() {
		t.Errorf("got %+v with mean %v, want zeros", got, got.Mean())
	}
}

// A full batch of the most absurd timestamps does not overflow the sum.
func TestTimesDoNotOverflow(t *testing.T) {
	const latest = math.MaxInt64 / 1000000 // what nanoseconds can hold
	var got pipeline.Times
	got.Add(time.UnixMilli(0))
	for range 1 << 16 {
		got.Add(time.UnixMilli(latest))
	}
	if mean := got.Mean(); mean.Before(time.UnixMilli(latest-latest/1000)) || mean.After(got.Newest) {
		t.Errorf("the mean is %v, want near %v", mean, got.Newest)
	}
}

func TestTimesAllocateNothing(t *testing.T) {
	var got pipeline.Times
	at := time.UnixMilli(1700000000000)
	if n := testing.AllocsPerRun(100, func() { got.Add(at) }); n != 0 {
		t.Errorf("%v allocations for a record", n)
	}
}
