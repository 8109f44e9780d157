package streams

import (
	"fmt"

	"mm2/streams/internal/graph"
	"mm2/streams/state"
)

// TopologyBuilder makes a topology node by node. Errors are collected and come
// with Build.
type TopologyBuilder struct{ b *Builder }

// NewTopology returns an empty topology.
func NewTopology(opts ...BuilderOption) *TopologyBuilder {
	return &TopologyBuilder{NewBuilder(opts...)}
}

// Build checks everything and gives the topology, or all errors at once.
func (t *TopologyBuilder) Build() (*Topology, error) { return t.b.Build() }

// Builder is the builder below, for RegisterSerde.
func (t *TopologyBuilder) Builder() *Builder { return t.b }

// Node is a node whose records have keys of K and values of V.
type Node[K, V any] struct {
	t    *TopologyBuilder
	name string
}

// AddSource adds a source that reads topics.
func AddSource[K, V any](t *TopologyBuilder, name string, topics []string, opts ...Option) Node[K, V] {
	operator := fmt.Sprintf("AddSource %q", name)
	o := t.b.read(operator, opts, optKeySerde|optValueSerde|optTimestamps|optReset|optCluster)
	m := makeSource[K, V](t.b, operator, o)
	t.b.add(func(g *graph.Graph) error {
		return g.Add(&graph.Node{Name: name, Kind: graph.Source, Topics: topics, Cluster: o.cluster, Reset: o.reset, Impl: m})
	})
	return Node[K, V]{t, name}
}

// AddProcessor adds a processor behind its parents. supply makes a new processor
// for each task.
func AddProcessor[KI, VI, KO, VO any](t *TopologyBuilder, name string, supply func() Processor[KI, VI, KO, VO], parents ...Node[KI, VI]) Node[KO, VO] {
	var names []string
	for _, p := range parents {
		if p.t != t {
			t.b.fail(fmt.Errorf("AddProcessor %q: the parent %q is a node of another topology", name, p.name))
			continue
		}
		names = append(names, p.name)
	}
	addProcessor(t.b, name, supply, names...)
	return Node[KO, VO]{t, name}
}

// AddSink adds a sink that writes what its parent gives to a topic.
func AddSink[K, V any](t *TopologyBuilder, name, topic string, parent Node[K, V], opts ...Option) {
	operator := fmt.Sprintf("AddSink %q", name)
	if parent.t != t {
		t.b.fail(fmt.Errorf("%s: the parent %q is a node of another topology", operator, parent.name))
	}
	if err := checkName(topic); err != nil {
		t.b.fail(fmt.Errorf("%s: topic: %w", operator, err))
	}
	o := t.b.read(operator, opts, optKeySerde|optValueSerde|optPartitionBy|optCluster|optDirect|optDuplicates)
	m := (&KStream[K, V]{b: t.b}).makeSink(operator, o)
	t.b.add(func(g *graph.Graph) error {
		return g.Add(&graph.Node{Name: name, Kind: graph.Sink, Topic: topic, Cluster: o.cluster, Direct: o.direct, Duplicates: o.duplicates, Impl: m}, parent.name)
	})
}

// AddStore adds a store for processors, which are named.
func AddStore(t *TopologyBuilder, s state.Builder, processors ...string) {
	if err := checkName(s.Name()); err != nil {
		t.b.fail(fmt.Errorf("AddStore: store: %w", err))
	}
	t.b.add(func(g *graph.Graph) error {
		return addStore(t.b, g, &graph.Store{Name: s.Name(), Builder: s}, processors...)
	})
}
