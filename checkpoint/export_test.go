package checkpoint

import "mm2/internal/pipeline"

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
