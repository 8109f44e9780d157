package streams

import (
	"fmt"
	"strings"

	"mm2/streams/internal/graph"
)

const repartitionSuffix = "-repartition"

// repartition is a passage through an internal topic that places records by their
// keys.
type repartition struct {
	operator   string
	base       string // of the topic's name and, if given, of the nodes' names
	given      bool   // the base was given
	partitions int32
	configs    map[string]string
	keepNulls  bool // null keys pass: what follows wants them
	// alsoNulls says it too, for operators that may learn of it later.
	alsoNulls *bool
}

// Repartition passes the stream through an internal topic, where records are
// placed by their keys, or by PartitionBy. With Partitions the topic has that many
// partitions; else as many as the topics that the stream comes from.
func (s *KStream[K, V]) Repartition(opts ...Option) *KStream[K, V] {
	o := s.b.read("Repartition", opts, optNamed|optPartitions|optPartitionBy|optKeySerde|optValueSerde|optTopicConfig)
	if o.has(optPartitions) && o.partitions < 1 {
		s.b.fail(fmt.Errorf("Repartition: %d partitions: give at least 1", o.partitions))
	}
	r := repartition{operator: "Repartition", base: o.name, given: o.has(optNamed), partitions: o.partitions, configs: o.configs, keepNulls: true}
	if !r.given {
		r.base = s.b.internal(s.b.next("KSTREAM-REPARTITION-"))
	}
	return s.through(r, o)
}

// through inserts a repartition.
func (s *KStream[K, V]) through(r repartition, o *options) *KStream[K, V] {
	b := s.b
	sink, filter, source := b.next("KSTREAM-SINK-"), b.next("KSTREAM-FILTER-"), b.next("KSTREAM-SOURCE-")
	topic := r.base
	if !strings.HasSuffix(topic, repartitionSuffix) {
		topic += repartitionSuffix
	}
	if r.given {
		sink, filter, source = topic+"-sink", topic+"-filter", topic+"-source"
	}
	keep := func(ctx ProcessorContext[K, V], rec Record[K, V]) error {
		if !rec.NullKey || r.keepNulls || r.alsoNulls != nil && *r.alsoNulls {
			ctx.Forward(rec)
		}
		return nil
	}
	addProcessor(b, filter, func() Processor[K, V, K, V] { return &step[K, V, K, V]{fn: keep} }, s.node)
	to := s.makeSink(r.operator, o)
	from := makeSource[K, V](b, r.operator, &options{key: firstOf(o.key, s.key), value: firstOf(o.value, s.value)})
	b.add(func(g *graph.Graph) error {
		if err := g.AddRepartition(&graph.Repartition{Topic: topic, Partitions: r.partitions, Configs: r.configs}); err != nil {
			return err
		}
		if err := g.Add(&graph.Node{Name: sink, Kind: graph.Sink, Topic: topic, Internal: true, Impl: to}, filter); err != nil {
			return err
		}
		return g.Add(&graph.Node{Name: source, Kind: graph.Source, Topics: []string{topic}, Internal: true, Impl: from})
	})
	d := derive[K, V, K, V](s, source)
	d.key, d.value = firstOf(o.key, s.key), firstOf(o.value, s.value)
	d.rekeyed = false
	return d
}

func firstOf(a, b any) any {
	if a != nil {
		return a
	}
	return b
}
