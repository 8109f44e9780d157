package streams

import (
	"mm2/streams/internal/graph"
)

// Count is the table of how many rows each group has. A group that has become
// empty stays, with 0.
func (g *GroupedTable[K, V]) Count(opts ...Option) *KTable[K, int64] {
	o := g.b.read("Count", opts, optAggregate)
	return aggregateTable(g, "Count", "KTABLE-AGGREGATE-", o, nil,
		func(_ K, _ V, n int64, _ bool) int64 { return n + 1 },
		func(_ K, _ V, n int64) int64 { return n - 1 })
}

// Reduce folds the rows of each group into one of the same type: the first row is
// taken as it is; then adder puts a row into the aggregate and subtractor takes one
// out. When a row changes within its group, subtractor is called before adder.
// Where V can be nil, a nil result deletes the group, and the next row is the first
// again.
func (g *GroupedTable[K, V]) Reduce(adder, subtractor func(agg, v V) V, opts ...Option) *KTable[K, V] {
	o := g.b.read("Reduce", opts, optAggregate)
	return aggregateTable(g, "Reduce", "KTABLE-REDUCE-", o, g.o.value,
		func(_ K, v, agg V, ok bool) V {
			if !ok {
				return v
			}
			return adder(agg, v)
		},
		func(_ K, v, agg V) V { return subtractor(agg, v) })
}

// AggregateTable folds the rows of each group into a row of another type: add puts
// a row into the aggregate, which at first is what init gives, and sub takes one
// out. When a row changes within its group, sub is called before add. sub is only
// called for a group that exists. The time of the result is the largest of its
// records' times. Where A can be nil, a nil result deletes the group, and the next
// row starts from init again.
//
// add and sub may change the aggregate that they are given and return it.
func AggregateTable[K, V, A any](g *GroupedTable[K, V], init func() A, add, sub func(k K, v V, agg A) A, opts ...Option) *KTable[K, A] {
	o := g.b.read("AggregateTable", opts, optAggregate)
	return aggregateTable(g, "AggregateTable", "KTABLE-AGGREGATE-", o, nil,
		func(k K, v V, agg A, ok bool) A {
			if !ok {
				agg = init()
			}
			return add(k, v, agg)
		}, sub)
}

// aggregateTable adds an aggregation; value is the serde of its rows if no option
// gives one. The store is numbered first, then the repartition, then the node.
func aggregateTable[K, V, A any](g *GroupedTable[K, V], operator, prefix string, o *options, value any,
	add func(k K, v V, agg A, ok bool) A, sub func(k K, v V, agg A) A,
) *KTable[K, A] {
	b := g.b
	key, value := firstOf(o.key, g.o.key), firstOf(o.value, value)
	store := keep[K, A](b, o, prefix+"STATE-STORE-", key, value)
	store.used = true
	from := g.place(operator, store.name, o.store != "")
	node := b.name(prefix, o)
	addProcessor(b, node, func() Processor[K, change[V], K, change[A]] {
		return &tableAggregation[K, V, A]{aggregateStore[K, A]{keep: store, isNil: nullsOf[K, A]().value}, add, sub}
	}, from)
	b.add(func(gr *graph.Graph) error { return store.addTo(b, gr, node) })
	return &KTable[K, A]{b: b, node: node, key: key, value: value, rows: store}
}

// tableAggregation folds the changes of rows into their groups.
type tableAggregation[K, V, A any] struct {
	aggregateStore[K, A]
	add func(k K, v V, agg A, ok bool) A // ok: there is a group
	sub func(k K, v V, agg A) A
}

func (p *tableAggregation[K, V, A]) Process(r Record[K, change[V]]) error {
	switch {
	case r.NullKey:
		dropped(p.ctx, "null key")
		return nil
	case r.NullValue:
		dropped(p.ctx, "null value")
		return nil
	}
	row, ok, err := p.kv.Get(r.Key)
	if err != nil {
		return err
	}
	c, err := p.oldRow(r.Key, row.Value, ok)
	if err != nil {
		return err
	}
	if ok {
		r.Time = later(r.Time, row.Time)
		c.New, c.HasNew = row.Value, true
	}
	if r.Value.HasOld && ok {
		p.setNew(&c, p.sub(r.Key, r.Value.Old, c.New))
	}
	if r.Value.HasNew {
		p.setNew(&c, p.add(r.Key, r.Value.New, c.New, c.HasNew))
	}
	if err := putRow(p.kv, r.Key, c, r.Time); err != nil {
		return err
	}
	p.ctx.Forward(changed(r, c))
	return nil
}
