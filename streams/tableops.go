package streams

import (
	"time"

	"mm2/streams/internal/graph"
)

// derived is a table that is computed row by row from another one. It has rows of
// its own only if they are kept in a store.
type derived[K, V, V2 any] struct {
	parent  rows[K, V]
	compute func(k K, v V) (V2, bool) // the row, and whether there is one
	store   *kept[K, V2]
	given   bool // the store was asked for
	old     bool
	skip    bool // a row that was not there and is not there is no news
}

func (d *derived[K, V, V2]) view() view[K, V2] {
	if d.given {
		return d.store.view()
	}
	parent := d.parent.view()
	return view[K, V2]{stores: parent.stores, open: func(ctx BaseContext) (lookup[K, V2], error) {
		look, err := parent.open(ctx)
		if err != nil {
			return nil, err
		}
		return func(k K) (v2 V2, at time.Time, ok bool, err error) {
			v, at, ok, err := look(k)
			if err != nil || !ok {
				return v2, at, false, err
			}
			v2, ok = d.compute(k, v)
			return v2, at, ok, nil
		}, nil
	}}
}

func (d *derived[K, V, V2]) sendOld(force bool) bool {
	if d.given || d.parent.sendOld(force) {
		d.old = true
	}
	return d.old
}

// derive adds a table that is computed from another one.
func deriveTable[K, V, V2 any](t *KTable[K, V], operator, prefix string, opts []Option, value any, skip bool, compute func(K, V) (V2, bool)) *KTable[K, V2] {
	o := t.b.read(operator, opts, optNamed|optStore|optValueSerde)
	value = firstOf(o.value, value)
	d := &derived[K, V, V2]{parent: t.rows, compute: compute, given: o.has(optStore), skip: skip}
	if d.given {
		d.store = keep[K, V2](t.b, o, prefix+"STATE-STORE-", t.key, value)
	}
	node := t.b.name(prefix, o)
	if skip {
		d.sendOld(false) // known without asking for more
	}
	addProcessor(t.b, node, func() Processor[K, change[V], K, change[V2]] { return &derivation[K, V, V2]{d: d} }, t.node)
	if d.given {
		t.b.add(func(g *graph.Graph) error { return d.store.addTo(t.b, g, node) })
	}
	return &KTable[K, V2]{b: t.b, node: node, key: t.key, value: value, rows: d, closes: t.closes, grace: t.grace}
}

// derivation computes the changes of a derived table.
type derivation[K, V, V2 any] struct {
	ctx ProcessorContext[K, change[V2]]
	d   *derived[K, V, V2]
	kv  timestamped[K, V2]
}

func (p *derivation[K, V, V2]) Init(ctx ProcessorContext[K, change[V2]]) (err error) {
	p.ctx = ctx
	if p.d.given {
		p.kv, err = GetStore[timestamped[K, V2]](ctx, p.d.store.name)
	}
	return err
}

func (p *derivation[K, V, V2]) Close() error { return nil }

func (p *derivation[K, V, V2]) Process(r Record[K, change[V]]) error {
	var c change[V2]
	if r.Value.HasNew {
		c.New, c.HasNew = p.d.compute(r.Key, r.Value.New)
	}
	if p.d.old {
		switch {
		case p.kv != nil:
			row, ok, err := p.kv.Get(r.Key)
			if err != nil {
				return err
			}
			c.Old, c.HasOld = row.Value, ok
		case r.Value.HasOld:
			c.Old, c.HasOld = p.d.compute(r.Key, r.Value.Old)
		}
	}
	if p.d.skip && p.d.old && !c.HasNew && !c.HasOld {
		return nil
	}
	if p.kv != nil {
		if err := putRow(p.kv, r.Key, c, r.Time); err != nil {
			return err
		}
	}
	p.ctx.Forward(changed(r, c))
	return nil
}

// Filter is the table of the rows for which fn is true; it is not called for
// deletions. Where no store says what a row was before, a row that does not pass
// is sent on as a deletion each time.
func (t *KTable[K, V]) Filter(fn func(K, V) bool, opts ...Option) *KTable[K, V] {
	return deriveTable(t, "Filter", "KTABLE-FILTER-", opts, t.value, true, func(k K, v V) (V, bool) { return v, fn(k, v) })
}

// FilterNot is the table of the rows for which fn is false.
func (t *KTable[K, V]) FilterNot(fn func(K, V) bool, opts ...Option) *KTable[K, V] {
	return deriveTable(t, "FilterNot", "KTABLE-FILTER-", opts, t.value, true, func(k K, v V) (V, bool) { return v, !fn(k, v) })
}

// MapTable is the table with other values. fn is not called for deletions; a nil
// that it gives deletes the row.
func MapTable[K, V, V2 any](t *KTable[K, V], fn func(K, V) V2, opts ...Option) *KTable[K, V2] {
	isNil := nullsOf[K, V2]().value
	return deriveTable(t, "MapTable", "KTABLE-MAPVALUES-", opts, nil, false, func(k K, v V) (V2, bool) {
		v2 := fn(k, v)
		return v2, isNil == nil || !isNil(v2)
	})
}

// ToStream is the stream of the table's updates; a deletion is a null value.
func (t *KTable[K, V]) ToStream(opts ...Option) *KStream[K, V] {
	node := t.b.name("KTABLE-TOSTREAM-", t.b.read("ToStream", opts, optNamed))
	addProcessor(t.b, node, func() Processor[K, change[V], K, V] {
		return &step[K, change[V], K, V]{fn: func(ctx ProcessorContext[K, V], r Record[K, change[V]]) error {
			ctx.Forward(Record[K, V]{Key: r.Key, Value: r.Value.New, Time: r.Time, Headers: r.Headers, NullValue: !r.Value.HasNew})
			return nil
		}}
	}, t.node)
	return &KStream[K, V]{b: t.b, node: node, key: t.key, value: t.value}
}
