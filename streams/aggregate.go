package streams

import (
	"reflect"
	"time"

	"mm2/streams/internal/graph"
)

const optAggregate = optNamed | optStore | optKeySerde | optValueSerde

// Count is the table of how many records each key has had. Records with a null
// key or a null value are not counted; they are counted as dropped.
func (g *Grouped[K, V]) Count(opts ...Option) *KTable[K, int64] {
	o := g.s.b.read("Count", opts, optAggregate)
	return aggregate(g, "Count", "KSTREAM-AGGREGATE-", o, nil, func(_ K, _ V, n int64, _ bool) int64 { return n + 1 })
}

// Reduce folds the values of each key into one of the same type: the first value
// is taken as it is, then fn makes a new aggregate of the one before and a value.
// Records with a null key or a null value are dropped. Where V can be nil, a nil
// result deletes the row, and the next value is the first again.
func (g *Grouped[K, V]) Reduce(fn func(agg, v V) V, opts ...Option) *KTable[K, V] {
	o := g.s.b.read("Reduce", opts, optAggregate)
	return aggregate(g, "Reduce", "KSTREAM-REDUCE-", o, firstOf(g.o.value, g.s.value), func(_ K, v, agg V, ok bool) V {
		if !ok {
			return v
		}
		return fn(agg, v)
	})
}

// Aggregate folds the values of each key into a row of another type: fn makes a
// new row of the one before, which at first is what init gives. The time of a row
// is the largest of its records' times. Records with a null key or a null value
// are dropped. Where A can be nil, a nil result deletes the row, and the next
// value starts from init again.
//
// fn may change the row that it is given and return it: it is its own copy.
func Aggregate[K, V, A any](g *Grouped[K, V], init func() A, fn func(k K, v V, agg A) A, opts ...Option) *KTable[K, A] {
	o := g.s.b.read("Aggregate", opts, optAggregate)
	return aggregate(g, "Aggregate", "KSTREAM-AGGREGATE-", o, nil, func(k K, v V, agg A, ok bool) A {
		if !ok {
			agg = init()
		}
		return fn(k, v, agg)
	})
}

// aggregate adds an aggregation; value is the serde of its rows if no option gives
// one. The store is numbered before the node, and the repartition after it.
func aggregate[K, V, A any](g *Grouped[K, V], operator, prefix string, o *options, value any, fold func(k K, v V, agg A, ok bool) A) *KTable[K, A] {
	b := g.s.b
	key, value := firstOf(o.key, firstOf(g.o.key, g.s.key)), firstOf(o.value, value)
	store := keep[K, A](b, o, prefix+"STATE-STORE-", key, value)
	store.used = true
	node := b.name(prefix, o)
	from := g.byKey(operator, store.name, o.store != "")
	addProcessor(b, node, func() Processor[K, V, K, change[A]] {
		return &aggregation[K, V, A]{aggregateStore[K, A]{keep: store, isNil: nullsOf[K, A]().value}, fold}
	}, from.node)
	b.add(func(gr *graph.Graph) error { return store.addTo(b, gr, node) })
	return &KTable[K, A]{b: b, node: node, key: key, value: value, rows: store}
}

// aggregation folds records into the rows of a table.
type aggregation[K, V, A any] struct {
	aggregateStore[K, A]
	fold func(k K, v V, agg A, ok bool) A // ok: there is a row
}

func (p *aggregation[K, V, A]) Process(r Record[K, V]) error {
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
	if ok {
		r.Time = later(r.Time, row.Time)
	}
	c, err := p.oldRow(r.Key, row.Value, ok)
	if err != nil {
		return err
	}
	p.setNew(&c, p.fold(r.Key, r.Value, row.Value, ok))
	if err := putRow(p.kv, r.Key, c, r.Time); err != nil {
		return err
	}
	p.ctx.Forward(changed(r, c))
	return nil
}

// aggregateStore are the rows of an aggregation, and what makes changes of them.
type aggregateStore[K, A any] struct {
	ctx   ProcessorContext[K, change[A]]
	keep  *kept[K, A]
	kv    timestamped[K, A]
	isNil func(A) bool // nil when no A can be
}

func (p *aggregateStore[K, A]) Init(ctx ProcessorContext[K, change[A]]) (err error) {
	p.ctx = ctx
	p.kv, err = GetStore[timestamped[K, A]](ctx, p.keep.name)
	return err
}

func (p *aggregateStore[K, A]) Close() error { return nil }

// oldRow is a change with the old row in it, if somebody behind wants it. What the
// user's function may change in place is read a second time, so that the old row
// stays as it was.
func (p *aggregateStore[K, A]) oldRow(k K, row A, ok bool) (c change[A], err error) {
	if !p.keep.old || !ok {
		return c, nil
	}
	if !holdsItself[A]() {
		again, _, err := p.kv.Get(k)
		if err != nil {
			return c, err
		}
		row = again.Value
	}
	c.Old, c.HasOld = row, true
	return c, nil
}

func (p *aggregateStore[K, A]) setNew(c *change[A], row A) {
	c.New, c.HasNew = row, p.isNil == nil || !p.isNil(row)
}

// holdsItself is whether a copy of a T shares nothing with it that could change.
func holdsItself[T any]() bool {
	switch k := reflect.TypeFor[T]().Kind(); k {
	case reflect.Bool, reflect.String:
		return true
	default:
		return k >= reflect.Int && k <= reflect.Complex128
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
