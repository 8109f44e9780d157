package streams

import (
	"errors"
	"fmt"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
	"mm2/streams/serde"
)

// sinkMaker makes sinkNodes.
type sinkMaker[K, V any] struct {
	key         serde.Serde[K]
	value       serde.Serde[V]
	topic       func(Record[K, V], RecordMetadata) string // nil: always the node's topic
	partitionBy func(topic string, k K, v V, n int32) int32
}

// Make implements task.Maker.
func (m *sinkMaker[K, V]) Make(t *task.Task, n *graph.Node) (task.Node, error) {
	s := &sinkNode[K, V]{sinkMaker: m, name: n.Name, cluster: n.Cluster, task: t, nulls: nullsOf[K, V]()}
	if m.topic == nil {
		s.fixed = t.Topic(n)
	}
	s.place, _ = m.key.(placer)
	return s, nil
}

// placer is a key serde whose keys are placed by a part of them only: windowed
// keys are, by the key without the window. It is asked for a part of the encoded
// key, since an inner serde may need the topic to encode it again.
type placer interface {
	place(encoded []byte) []byte
}

// sinkNode encodes records and sends them to a topic.
type sinkNode[K, V any] struct {
	*sinkMaker[K, V]
	name    string
	fixed   string
	cluster string
	task    *task.Task
	nulls   nulls[K, V]
	place   placer
	size    int // of the last record, as a hint
}

// Init implements task.Node.
func (n *sinkNode[K, V]) Init() error { return nil }

// Close implements task.Node.
func (n *sinkNode[K, V]) Close() error { return nil }

func (n *sinkNode[K, V]) receive(r Record[K, V]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = n.task.Panicked(n.name, p)
		}
	}()
	o := &task.Output{Cluster: n.cluster, Topic: n.fixed, Partition: -1, Time: r.Time.UnixMilli(), Headers: wireHeaders(r.Headers), Node: n.name}
	if n.topic != nil {
		at, _ := n.task.Metadata()
		if o.Topic = n.topic(r, at); o.Topic == "" {
			return n.task.Failed(n.name, errors.New("the function that chooses the topic gave an empty name"))
		}
	}
	if err := n.encode(o, r); err != nil {
		return n.task.NotSent(n.name, o, err)
	}
	if n.partitionBy != nil {
		count, err := n.task.Partitions(n.cluster, o.Topic)
		if err != nil {
			return err
		}
		if o.Partition = n.partitionBy(o.Topic, r.Key, r.Value, count); o.Partition < -1 || o.Partition >= count {
			return n.task.Failed(n.name, fmt.Errorf("PartitionBy chose the partition %d of %s, which has %d", o.Partition, o.Topic, count))
		}
	}
	return n.task.Send(o)
}

// encode writes key and value behind each other into one slice.
func (n *sinkNode[K, V]) encode(o *task.Output, r Record[K, V]) (err error) {
	buf := make([]byte, 0, max(n.size, 32))
	if !r.NullKey {
		if buf, err = serde.Append(n.key, serde.Meta{Topic: o.Topic, IsKey: true}, buf, r.Key); err != nil {
			return fmt.Errorf("encode the key as %s for %s: %w", typeName[K](), o.Topic, err)
		}
	}
	key := len(buf)
	if !r.NullValue {
		if buf, err = serde.Append(n.value, serde.Meta{Topic: o.Topic}, buf, r.Value); err != nil {
			return fmt.Errorf("encode the value as %s for %s: %w", typeName[V](), o.Topic, err)
		}
	}
	if !r.NullKey {
		o.Key = buf[:key:key]
		if n.place != nil {
			// Not nil, also where the key that is in the window has no bytes.
			o.PartitionKey = n.place.place(o.Key)
		}
	}
	if !r.NullValue {
		o.Value = buf[key:len(buf):len(buf)]
	}
	n.size = len(buf)
	return nil
}
