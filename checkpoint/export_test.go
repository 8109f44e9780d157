package checkpoint

import (
	"time"

	"mm2/internal/pipeline"
)

// Slots are the 64 syncs that the store keeps of p, and for each whether it is
// the very same as the one before it.
func (s *SyncStore) Slots(p pipeline.Partition) (syncs []OffsetSync, same []bool) {
	kept := s.slots[p]
	for i, sync := range kept {
		syncs = append(syncs, OffsetSync{Topic: p.Topic, Partition: p.Partition, Upstream: sync.up, Downstream: sync.down})
		same = append(same, i > 0 && sync == kept[i-1])
	}
	return syncs, same
}

// Take is the number of syncs that would be written at now.
func (w *SyncWriter) Take(now time.Time) int {
	n := 0
	batches, _, _ := w.take(now, nil)
	for _, b := range batches {
		n += len(b.syncs)
	}
	return n
}

// Tracked is the number of partitions that the writer knows of.
func (w *SyncWriter) Tracked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tracks)
}
