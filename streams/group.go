package streams

// Grouped is a stream grouped by key, ready to be aggregated.
type Grouped[K, V any] struct {
	s      *KStream[K, V]
	o      *options
	placed *KStream[K, V] // by key, once a named grouping has been
}

const optGrouping = optNamed | optKeySerde | optValueSerde | optPartitions | optPartitionBy

// GroupByKey groups the records by their key. If the key was changed before, the
// stream is repartitioned first. The name is that of the repartition topic.
func (s *KStream[K, V]) GroupByKey(opts ...Option) *Grouped[K, V] {
	o := s.b.read("GroupByKey", opts, optGrouping)
	return &Grouped[K, V]{s: s, o: o}
}

// GroupBy groups the records by a key that fn makes. The stream is repartitioned;
// the name is that of the repartition topic.
func GroupBy[K, V, K2 any](s *KStream[K, V], fn func(K, V) K2, opts ...Option) *Grouped[K2, V] {
	o := s.b.read("GroupBy", opts, optGrouping)
	name := s.b.next("KSTREAM-KEY-SELECT-")
	if o.has(optNamed) {
		name = o.name
	}
	addProcessor(s.b, name, func() Processor[K, V, K2, V] {
		return &step[K, V, K2, V]{fn: func(ctx ProcessorContext[K2, V], r Record[K, V]) error {
			ctx.Forward(WithKey(r, fn(r.Key, r.Value)))
			return nil
		}}
	}, s.node)
	m := derive[K, V, K2, V](s, name)
	m.rekeyed = true
	return &Grouped[K2, V]{s: m, o: o}
}

// byKey is the stream placed by key: itself, or what comes back from a repartition
// topic. The topic is named for the grouping, or else for the store that the
// records are for.
func (g *Grouped[K, V]) byKey(operator, store string, storeGiven bool) *KStream[K, V] {
	key, value := firstOf(g.o.key, g.s.key), firstOf(g.o.value, g.s.value)
	if !g.s.rekeyed {
		s := *g.s
		s.key, s.value = key, value
		return &s
	}
	if g.placed != nil {
		return g.placed
	}
	r := repartition{operator: operator, base: store, partitions: g.o.partitions, given: storeGiven}
	if g.o.has(optNamed) {
		r.base, r.given = g.o.name, true
	}
	if !r.given {
		g.s.b.internal(r.base + repartitionSuffix)
	}
	placed := g.s.through(r, g.o)
	if g.o.has(optNamed) {
		g.placed = placed
	}
	return placed
}
