package checkpoint

import "mm2/internal/pipeline"

// TooOld is what [SyncStore.Translate] returns for a position before the
// oldest offset sync that it may use. Java calls it -1 as well; it never
// appears in a topic.
const TooOld = -1

// SyncStoreConfig says how a [SyncStore] treats what it is fed. Its zero value
// is Java's behaviour after a good start.
type SyncStoreConfig struct {
	// OnlyLast keeps nothing but the newest sync of each partition while the
	// topic is loaded. Java does so when it could not read its earlier
	// checkpoints: translating by older syncs might move groups back.
	OnlyLast bool
	// ForgetRewound forgets the syncs of a partition when the downstream
	// offset goes back, which happens when the target topic was deleted and
	// made again, or truncated. Java keeps them, and translates positions to
	// where the old copy had them, behind the end of the new one.
	ForgetRewound bool
}

// SyncStore translates positions by offset syncs exactly as the checkpoint task
// of Java MirrorMaker 2 does: within 64 syncs of each partition, kept dense
// near the newest and sparse towards the oldest.
//
// Feed it every record of partition 0 of an offset syncs topic, in order; call
// Loaded where the topic ended when the reading began, and go on. It is a pure
// value of its input, about a kilobyte for each partition, and not safe for
// concurrent use.
type SyncStore struct {
	cfg    SyncStoreConfig
	loaded bool
	slots  map[pipeline.Partition]*slots
}

// NewSyncStore returns an empty store that is not loaded.
func NewSyncStore(cfg SyncStoreConfig) *SyncStore {
	return &SyncStore{cfg: cfg, slots: make(map[pipeline.Partition]*slots)}
}

// Loaded tells the store that the topic was read to its end. Until then
// nothing is translated.
func (s *SyncStore) Loaded() { s.loaded = true }

// Add takes the next record of the topic.
func (s *SyncStore) Add(sync OffsetSync) {
	n := &offsetPair{up: sync.Upstream, down: sync.Downstream}
	kept, known := s.slots[sync.Source()]
	switch {
	case !known:
		kept = new(slots)
		s.slots[sync.Source()] = kept
		kept.fill(n)
	case n.up < kept[0].up, s.cfg.OnlyLast && !s.loaded, s.cfg.ForgetRewound && n.down < kept[0].down:
		kept.fill(n)
	default:
		kept.add(n)
	}
}

// Translate returns where on the target a reader of source partition p goes on
// that has read everything before offset upstream. It reports false while the
// store is not loaded, and where nothing is known of the partition.
//
// The result is [TooOld] before the oldest usable sync, exact at a sync, and
// everywhere else one past the newest sync before it: nobody knows whether what
// follows a sync upstream has a copy, so anything further might skip records.
func (s *SyncStore) Translate(p pipeline.Partition, upstream int64) (downstream int64, ok bool) {
	kept, known := s.slots[p]
	if !known || !s.loaded {
		return 0, false
	}
	sync := kept.before(upstream)
	switch {
	case sync.up > upstream:
		return TooOld, true
	case sync.up == upstream:
		return sync.down, true
	default:
		return sync.down + 1, true
	}
}

// offsetPair is one sync of a partition. Slots compare pairs by identity: two
// syncs with the same offsets are two.
type offsetPair struct{ up, down int64 }

// slots are the syncs that are kept of one partition. Many slots may hold the
// same one. For i < j with different syncs:
//
//	A: slots[0] is the latest sync
//	B: slots[i].up <= slots[j].up + 2^j - 2^i   (not too old for its slot)
//	C: slots[i].up >= slots[j].up + 2^max(i-2,0) (far enough apart)
//	D: slots[63] is the earliest sync that may be used
//
// B bounds how far a translation is off, C keeps more syncs distinct than the
// exponential spacing alone would.
type slots [64]*offsetPair

func (s *slots) fill(n *offsetPair) {
	for i := range s {
		s[i] = n
	}
}

// before is the newest kept sync at or before upstream, or else the earliest.
func (s *slots) before(upstream int64) *offsetPair {
	for _, sync := range s {
		if sync.up <= upstream {
			return sync
		}
	}
	return s[len(s)-1]
}

// add puts the latest sync into slot 0 and repairs the slots behind it, each
// with the oldest candidate of the former slots that fits. It stops where a
// slot is still good, for then all that follow are.
func (s *slots) add(n *offsetPair) {
	old := *s
	s[0] = n
	candidate, from := n, 0 // the next of old to look at
	for k := 1; k < len(s); k++ {
		for {
			o := old[from]
			separated := apart(s[k-1], o, k-1)
			fits := recent(s[k-1], o, k-1, k) && separated && (k == len(s)-1 || apart(o, s[k+1], k))
			skip := o == old[from+1] || !separated
			if fits {
				candidate = o
			}
			if fits || skip {
				from++
			}
			if from >= k || !skip {
				break
			}
		}
		if recent(s[k-1], s[k], k-1, k) {
			return
		}
		s[k] = candidate
	}
}

// recent is invariant B. A bound beyond the largest offset bounds nothing.
func recent(newer, older *offsetPair, i, j int) bool {
	bound := older.up + int64(1)<<j - int64(1)<<i
	return newer == older || bound < 0 || newer.up <= bound
}

// apart is invariant C. A bound beyond the largest offset is never reached.
func apart(newer, older *offsetPair, i int) bool {
	bound := older.up + int64(1)<<max(i-2, 0)
	return newer == older || (bound >= 0 && newer.up >= bound)
}
