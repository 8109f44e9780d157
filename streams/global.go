package streams

import (
	"fmt"
	"time"

	"mm2/streams/internal/graph"
	"mm2/streams/state"
)

// GlobalKTable is a table of which every instance holds all rows, those of all
// partitions. It is full before the first record is processed, and then follows
// its topic without regard to the times of other records.
type GlobalKTable[K, V any] struct {
	b     *Builder
	store string
}

// GlobalTable reads a topic as a global table. The topic is also the table's
// changelog; it must not be read by a Stream or a Table of the same topology.
// Records with a null key are dropped, a null value deletes a row.
func GlobalTable[K, V any](b *Builder, topic string, opts ...Option) *GlobalKTable[K, V] {
	o := b.read("GlobalTable", opts, optNamed|optStore|optKeySerde|optValueSerde|optTimestamps|optCluster)
	store := keep[K, V](b, o, topic+"-STATE-STORE-", o.key, o.value)
	store.used = true
	addGlobal(b, "GlobalTable", topic, store.builder, o, func() Processor[K, V, K, change[V]] { return &tableSource[K, V]{keep: store} })
	return &GlobalKTable[K, V]{b: b, store: store.name}
}

// AddGlobalStore declares a store that every instance fills with the records of
// all partitions of a topic, by a processor, which alone may write to it. All
// processors of the topology may read it; Connect is not needed. The store has no
// changelog, as the topic can be read again: the processor then sees its records
// again, and must come to the same rows. It passes nothing on.
func AddGlobalStore[K, V any](b *Builder, s state.Builder, topic string, supply func() Processor[K, V, struct{}, struct{}], opts ...Option) {
	if err := checkName(s.Name()); err != nil {
		b.fail(fmt.Errorf("AddGlobalStore: store: %w", err))
	}
	o := b.read("AddGlobalStore", opts, optNamed|optKeySerde|optValueSerde|optTimestamps|optCluster)
	addGlobal(b, "AddGlobalStore", topic, s, o, supply)
}

// addGlobal adds source, processor and store of a global store.
func addGlobal[K, V, KO, VO any](b *Builder, operator, topic string, s state.Builder, o *options, supply func() Processor[K, V, KO, VO]) {
	if err := checkName(topic); err != nil {
		b.fail(fmt.Errorf("%s: topic: %w", operator, err))
	}
	source, node := b.next("KSTREAM-SOURCE-"), b.next("KTABLE-SOURCE-")
	if o.has(optNamed) {
		source, node = o.name+"-source", o.name
	}
	m := makeSource[K, V](b, fmt.Sprintf("%s %q", operator, node), o)
	b.add(func(g *graph.Graph) error {
		err := g.Add(&graph.Node{Name: source, Kind: graph.Source, Topics: []string{topic}, Cluster: o.cluster, Global: true, Impl: m})
		if err != nil {
			return err
		}
		err = g.Add(&graph.Node{Name: node, Kind: graph.Processor, Global: true, Impl: processorMaker[K, V, KO, VO]{supply}}, source)
		if err != nil {
			return err
		}
		return addStore(b, g, &graph.Store{Name: s.Name(), Builder: s, Global: true, SourceTopic: topic}, node)
	})
}

// open looks rows up in the table's store, which tasks only read.
func (t *GlobalKTable[K, V]) open(ctx BaseContext) (lookup[K, V], error) {
	kv, err := GetStore[state.ReadOnlyKeyValue[K, state.Timestamped[V]]](ctx, t.store)
	if err != nil {
		return nil, err
	}
	return func(k K) (V, time.Time, bool, error) {
		row, ok, err := kv.Get(k)
		return row.Value, row.Time, ok, err
	}, nil
}
