package takeover

import (
	"encoding/json"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

var _ kafka.Companion = (*TakeOver)(nil)

// writerHeader is on what mm2 writes into Java's topic. Java does not look at
// headers; mm2 tells by it who wrote an offset last.
const writerHeader = "mm2"

func writtenByUs(r *kgo.Record) bool {
	for i := range r.Headers {
		if r.Headers[i].Key == writerHeader {
			return true
		}
	}
	return false
}

// Partitions implements kafka.Companion.
func (t *TakeOver) Partitions() []pipeline.Partition {
	p := t.place.Load()
	if p == nil {
		return nil
	}
	out := make([]pipeline.Partition, p.partitions)
	for i := range out {
		out[i] = pipeline.Partition{Topic: p.topic, Partition: int32(i)}
	}
	return out
}

// Records implements kafka.Companion: each mark as Java would have written it,
// so that it can go on from there. A partition of which nothing was copied has
// no offset in Java's topic, and an offset that it had before is withdrawn.
func (t *TakeOver) Records(next pipeline.Marks, _ []pipeline.Segment) []*kgo.Record {
	place := t.place.Load()
	if place == nil || !place.writable {
		return nil
	}
	out := make([]*kgo.Record, 0, len(next))
	for key, mark := range next {
		var m kafka.Mark
		p, ok := kafka.MarkPartition(key)
		if !ok || json.Unmarshal([]byte(mark), &m) != nil {
			continue // a claim, or something else that says nothing of an offset
		}
		r := &kgo.Record{
			Topic:   place.topic,
			Key:     AppendKey(nil, SourcePartition{Connector: t.cfg.Connector, Cluster: string(t.cfg.Flow.Source), Topic: p.Topic, Partition: p.Partition}),
			Headers: []kgo.RecordHeader{{Key: writerHeader}},
		}
		if m.Offset > 0 {
			r.Value = Value(m.Offset - 1)
		}
		r.Partition = Place(r.Key, place.partitions)
		out = append(out, r)
	}
	return out
}
