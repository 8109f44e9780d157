package runtime

import "github.com/twmb/franz-go/pkg/kgo"

// partitioner places records as Kafka's producer does, and takes an order from
// the task: the field Partition of a record that is to be produced holds the
// partition itself, or the complement of the hash of what places it. A record
// without a key and without a partition goes where others of its batch go.
type partitioner struct{ sticky kgo.Partitioner }

func newPartitioner() kgo.Partitioner { return partitioner{kgo.StickyPartitioner()} }

// byKey is the Partition of a record that is placed by these bytes.
func byKey(key []byte) int32 { return ^int32(murmur2(key) & 0x7fffffff) }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{p.sticky.ForTopic(topic)}
}

type topicPartitioner struct{ sticky kgo.TopicPartitioner }

func anywhere(r *kgo.Record) bool { return r.Partition < 0 && r.Key == nil }

func (p *topicPartitioner) RequiresConsistency(r *kgo.Record) bool { return !anywhere(r) }

func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	switch {
	case anywhere(r):
		return p.sticky.Partition(r, n)
	case r.Partition >= 0:
		return int(r.Partition)
	default:
		return int(^r.Partition) % n
	}
}

// OnNewBatch implements kgo.TopicPartitionerOnNewBatch.
func (p *topicPartitioner) OnNewBatch() {
	if s, ok := p.sticky.(kgo.TopicPartitionerOnNewBatch); ok {
		s.OnNewBatch()
	}
}

// murmur2 is the hash of Kafka's default partitioner.
func murmur2(b []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := uint32(seed) ^ uint32(len(b))
	for len(b) >= 4 {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h = h*m ^ k
		b = b[4:]
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
