package task

import "testing"

func TestLatencies(t *testing.T) {
	for ms, bucket := range map[int64]int{-5: 0, 0: 0, 1: 0, 2: 1, 4: 1, 5: 2, 16: 2, 17: 3, 64: 3, 1 << 22: 11, 1<<22 + 1: 12, 1 << 60: 12} {
		var l Latencies
		l.add(ms)
		if l.Buckets[bucket] != 1 || l.Millis != max(ms, 0) {
			t.Errorf("%d ms are in %v with the sum %d, want bucket %d", ms, l.Buckets, l.Millis, bucket)
		}
	}
}
