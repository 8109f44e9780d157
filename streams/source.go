package streams

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/serde"
)

// sourceMaker makes sourceNodes.
type sourceMaker[K, V any] struct {
	key        serde.Serde[K]
	value      serde.Serde[V]
	timestamps func(Record[K, V], time.Time) time.Time
}

// Make implements task.Maker.
func (m *sourceMaker[K, V]) Make(t *task.Task, n *graph.Node) (task.Node, error) {
	return &sourceNode[K, V]{name: n.Name, task: t, sourceMaker: m, nulls: nullsOf[K, V]()}, nil
}

// sourceNode decodes the records of its topics.
type sourceNode[K, V any] struct {
	outlet[K, V]
	*sourceMaker[K, V]
	name  string
	task  *task.Task
	nulls nulls[K, V]
}

// Init implements task.Node.
func (n *sourceNode[K, V]) Init() error { return nil }

// Close implements task.Node.
func (n *sourceNode[K, V]) Close() error { return nil }

// NewHead implements task.Source.
func (n *sourceNode[K, V]) NewHead(task.Partition) task.Head { return &head[K, V]{node: n} }

// head is the first record of a partition's queue.
type head[K, V any] struct {
	node *sourceNode[K, V]
	r    Record[K, V]
}

// Decode implements task.Head.
func (h *head[K, V]) Decode(raw *kgo.Record, partitionTime int64) (int64, error) {
	var err error
	n := h.node
	h.r = Record[K, V]{Time: raw.Timestamp, Headers: headersOf(raw.Headers), NullKey: raw.Key == nil, NullValue: raw.Value == nil}
	if !h.r.NullKey {
		if h.r.Key, err = serde.Read(n.key, serde.Meta{Topic: raw.Topic, IsKey: true}, raw.Key); err != nil {
			return 0, fmt.Errorf("decode the key of %s partition %d offset %d as %s: %w", raw.Topic, raw.Partition, raw.Offset, typeName[K](), err)
		}
	}
	if !h.r.NullValue {
		if h.r.Value, err = serde.Read(n.value, serde.Meta{Topic: raw.Topic}, raw.Value); err != nil {
			return 0, fmt.Errorf("decode the value of %s partition %d offset %d as %s: %w", raw.Topic, raw.Partition, raw.Offset, typeName[V](), err)
		}
	}
	n.nulls.settle(&h.r)
	at := raw.Timestamp.UnixMilli()
	if n.timestamps != nil {
		var before time.Time
		if partitionTime >= 0 {
			before = millis(partitionTime)
		}
		at = n.timestamps(h.r, before).UnixMilli()
	} else if at < 0 {
		return 0, fmt.Errorf("%s partition %d offset %d has the negative timestamp %d: give the source another time with the option Timestamps", raw.Topic, raw.Partition, raw.Offset, at)
	}
	h.r.Time = millis(at)
	return at, nil
}

// Process implements task.Head.
func (h *head[K, V]) Process() error {
	r := h.r
	h.r = Record[K, V]{}
	return h.node.forward(r)
}
