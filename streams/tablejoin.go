package streams

import (
	"slices"
	"time"

	"mm2/streams/internal/graph"
)

// tableJoin is a table that is joined from two others.
type tableJoin[K, L, R, O any] struct {
	left         rows[K, L]
	right        rows[K, R]
	needL, needR bool // there is no result without a row of this side
	fn           func(K, maybe[L], maybe[R]) O
	isNil        func(O) bool
	store        *kept[K, O] // nil if none was asked for
	old          bool
}

// row is the result for two rows; it is missing if they give none.
func (j *tableJoin[K, L, R, O]) row(k K, l maybe[L], r maybe[R]) maybe[O] {
	if !l.ok && (j.needL || !r.ok) || !r.ok && j.needR {
		return maybe[O]{}
	}
	v := j.fn(k, l, r)
	return maybe[O]{v, j.isNil == nil || !j.isNil(v)}
}

// view implements rows: without a store, rows are joined when they are looked up.
func (j *tableJoin[K, L, R, O]) view() view[K, O] {
	if j.store != nil {
		return j.store.view()
	}
	left, right := j.left.view(), j.right.view()
	both := slices.Clone(left.stores)
	for _, s := range right.stores {
		if !slices.Contains(both, s) {
			both = append(both, s)
		}
	}
	return view[K, O]{stores: both, open: func(ctx BaseContext) (lookup[K, O], error) {
		lookL, err := left.open(ctx)
		if err != nil {
			return nil, err
		}
		lookR, err := right.open(ctx)
		if err != nil {
			return nil, err
		}
		return func(k K) (v O, at time.Time, ok bool, err error) {
			var l maybe[L]
			var r maybe[R]
			var atL, atR time.Time
			if l.v, atL, l.ok, err = lookL(k); err != nil {
				return v, at, false, err
			}
			if r.v, atR, r.ok, err = lookR(k); err != nil {
				return v, at, false, err
			}
			o := j.row(k, l, r)
			switch {
			case !r.ok:
				at = atL
			case !l.ok:
				at = atR
			default:
				at = later(atL, atR)
			}
			return o.v, at, o.ok, nil
		}, nil
	}}
}

// sendOld implements rows: an old result needs the old rows of both sides.
func (j *tableJoin[K, L, R, O]) sendOld(bool) bool {
	j.left.sendOld(true)
	j.right.sendOld(true)
	j.old = true
	return true
}

// joinTables adds a join of two tables.
func joinTables[K, L, R, O any](l *KTable[K, L], r *KTable[K, R], operator string, needL, needR bool, fn func(K, maybe[L], maybe[R]) O, opts []Option) *KTable[K, O] {
	b := l.b
	o := b.read(operator, opts, optNamed|optStore|optValueSerde)
	sameBuilder(operator, b, r.b)
	checkSerde[O](b, operator, o.value)
	key := firstOf(l.key, r.key)
	j := &tableJoin[K, L, R, O]{left: l.rows, right: r.rows, needL: needL, needR: needR, fn: fn, isNil: nullsOf[K, O]().value}
	// Where a side may be missing, whether the other one had a row decides if its
	// deletion is any news.
	if !needR {
		l.rows.sendOld(true)
	}
	if !needL {
		r.rows.sendOld(true)
	}
	if o.has(optStore) {
		j.store = keep[K, O](b, o, "KTABLE-MERGE-STATE-STORE-", key, o.value)
	}
	merge, this, other := b.next("KTABLE-MERGE-"), b.next("KTABLE-JOINTHIS-"), b.next("KTABLE-JOINOTHER-")
	if o.has(optNamed) {
		merge, this, other = o.name, o.name+"-join-this", o.name+"-join-other"
	}
	left, right := l.rows.view(), r.rows.view()
	addProcessor(b, this, func() Processor[K, change[L], K, change[O]] {
		return &tableSide[K, L, R, O]{open: right.open, need: needR, old: &j.old, row: j.row}
	}, l.node)
	addProcessor(b, other, func() Processor[K, change[R], K, change[O]] {
		return &tableSide[K, R, L, O]{open: left.open, need: needL, old: &j.old, row: func(k K, r maybe[R], l maybe[L]) maybe[O] { return j.row(k, l, r) }}
	}, r.node)
	addProcessor(b, merge, func() Processor[K, change[O], K, change[O]] { return &tableMerge[K, O]{store: j.store} }, this, other)
	connect(b, this, right.stores)
	connect(b, other, left.stores)
	if j.store != nil {
		b.add(func(g *graph.Graph) error { return j.store.addTo(b, g, merge) })
	}
	copartition(b, merge, l.node, r.node)
	closes, grace := laterClose(l, r)
	return &KTable[K, O]{b: b, node: merge, key: key, value: o.value, rows: j, closes: closes, grace: grace}
}

// laterClose is when the windows of a table of two others close: as late as those
// of either do. If one of them has windows that never close, so has the result.
func laterClose[K, L, R any](l *KTable[K, L], r *KTable[K, R]) (closes func(K) (time.Time, bool), grace time.Duration) {
	switch {
	case l.closes == nil || r.closes == nil:
		return nil, 0
	case l.grace >= r.grace:
		return l.closes, l.grace
	default:
		return r.closes, r.grace
	}
}

// tableSide joins the updates of one table, with rows of A, with the rows of the
// other, of B.
type tableSide[K, A, B, O any] struct {
	ctx  ProcessorContext[K, change[O]]
	look lookup[K, B]
	open func(ctx BaseContext) (lookup[K, B], error)
	need bool // an update without a row on the other side is no news
	old  *bool
	row  func(K, maybe[A], maybe[B]) maybe[O]
}

func (p *tableSide[K, A, B, O]) Init(ctx ProcessorContext[K, change[O]]) (err error) {
	p.ctx = ctx
	p.look, err = p.open(ctx)
	return err
}

func (p *tableSide[K, A, B, O]) Close() error { return nil }

func (p *tableSide[K, A, B, O]) Process(r Record[K, change[A]]) (err error) {
	var row maybe[B]
	var at time.Time
	if row.v, at, row.ok, err = p.look(r.Key); err != nil {
		return err
	}
	if !row.ok && (p.need || !r.Value.HasNew && !r.Value.HasOld) {
		return nil
	}
	joined := p.row(r.Key, r.Value.newRow(), row)
	c := change[O]{New: joined.v, HasNew: joined.ok}
	if *p.old {
		before := p.row(r.Key, r.Value.oldRow(), row)
		c.Old, c.HasOld = before.v, before.ok
	}
	out := changed(r, c)
	if row.ok {
		out.Time = later(r.Time, at)
	}
	p.ctx.Forward(out)
	return nil
}

// tableMerge brings the results of both sides together, and keeps them if a store
// was asked for.
type tableMerge[K, O any] struct {
	ctx   ProcessorContext[K, change[O]]
	kv    timestamped[K, O]
	store *kept[K, O]
}

func (p *tableMerge[K, O]) Init(ctx ProcessorContext[K, change[O]]) (err error) {
	p.ctx = ctx
	if p.store != nil {
		p.kv, err = GetStore[timestamped[K, O]](ctx, p.store.name)
	}
	return err
}

func (p *tableMerge[K, O]) Close() error { return nil }

func (p *tableMerge[K, O]) Process(r Record[K, change[O]]) error {
	if p.kv != nil {
		if err := putRow(p.kv, r.Key, r.Value, r.Time); err != nil {
			return err
		}
	}
	p.ctx.Forward(r)
	return nil
}
