package streams

import (
	"fmt"
	"time"

	"mm2/streams/internal/buffer"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/task"
)

// Suppress holds changes of the table back until s lets them pass, and then only
// the last one of each key. The time is that of the records which this table gets:
// nothing passes while no record comes, and a wall clock does not help.
//
// What is held survives a restart. It is kept in a store, whose name is that of the
// operator with "-store" behind it, and in its changelog. A change that passes has
// the time, the headers and the metadata of the record that made it. Those behind
// see as the old row the one that they were given before, where Kafka gives them
// one that it has held back from them.
func (t *KTable[K, V]) Suppress(s Suppression, opts ...Option) *KTable[K, V] {
	b := t.b
	o := b.read("Suppress", opts, optNamed|optKeySerde|optValueSerde)
	if err := s.check(t.closes != nil); err != nil {
		b.fail(fmt.Errorf("Suppress: %w", err))
	}
	node, name := o.name, o.name+"-store"
	if !o.has(optNamed) {
		node = b.next("KTABLE-SUPPRESS-")
		name = b.internal(b.next("KTABLE-SUPPRESS-STATE-STORE-"))
	}
	t.rows.sendOld(true)
	key, value := firstOf(o.key, t.key), firstOf(o.value, t.value)
	d := &suppressed[K, V]{parent: t.rows, s: s, node: node, store: name, closes: t.closes, grace: t.grace}
	addProcessor(b, node, func() Processor[K, change[V], K, change[V]] { return &suppressor[K, V]{d: d} }, t.node)
	b.add(func(g *graph.Graph) error {
		store := &bufferStore[K, V]{name: name, buffer: s.buffer, givenKey: key, givenValue: value}
		return addStore(b, g, &graph.Store{Name: name, Builder: store}, node)
	})
	return &KTable[K, V]{b: b, node: node, key: key, value: value, rows: d, closes: t.closes, grace: t.grace}
}

// suppressed is a table that is behind another one by what is held back.
type suppressed[K, V any] struct {
	parent rows[K, V]
	s      Suppression
	node   string
	store  string
	closes func(K) (time.Time, bool)
	grace  time.Duration
	old    bool
}

// sendOld implements rows: the buffer knows the old rows.
func (d *suppressed[K, V]) sendOld(bool) bool {
	d.old = true
	return true
}

// view looks a row up as those behind have been given it: what was before the
// changes that are held, or else the row of the table before.
func (d *suppressed[K, V]) view() view[K, V] {
	parent := d.parent.view()
	stores := append([]string{d.store}, parent.stores...)
	return view[K, V]{stores: stores, open: func(ctx BaseContext) (lookup[K, V], error) {
		held, err := GetStore[*changeBuffer[K, V]](ctx, d.store)
		if err != nil {
			return nil, err
		}
		look, err := parent.open(ctx)
		if err != nil {
			return nil, err
		}
		return func(k K) (v V, at time.Time, ok bool, err error) {
			v, ok, isHeld, err := held.prior(k)
			if err != nil || isHeld {
				return v, millis(-1), ok, err // nobody has kept its time
			}
			return look(k)
		}, nil
	}}
}

// suppressor holds changes back.
type suppressor[K, V any] struct {
	ctx  ProcessorContext[K, change[V]]
	d    *suppressed[K, V]
	held *changeBuffer[K, V]
	now  int64 // largest time of a record so far, ms
	as   func(m RecordMetadata, fn func())
}

func (p *suppressor[K, V]) Init(ctx ProcessorContext[K, change[V]]) (err error) {
	p.ctx, p.now = ctx, -1
	p.as = ctx.(interface {
		as(m RecordMetadata, fn func())
	}).as
	p.held, err = GetStore[*changeBuffer[K, V]](ctx, p.d.store)
	return err
}

func (p *suppressor[K, V]) Close() error { return nil }

func (p *suppressor[K, V]) Process(r Record[K, change[V]]) error {
	p.now = max(p.now, r.Time.UnixMilli())
	order, wait := r.Time.UnixMilli(), p.d.s.limit.Milliseconds()
	if p.d.s.final {
		closes, ok := p.d.closes(r.Key)
		if !ok {
			return fmt.Errorf("hold back the window of key %v until it closes: it never does", r.Key)
		}
		// Kafka orders windows by their ends. The grace is the same for all.
		order, wait = closes.Add(-p.d.grace).UnixMilli(), p.d.grace.Milliseconds()
	}
	at, _ := p.ctx.Metadata()
	if err := p.held.put(order, at, r); err != nil {
		return err
	}
	due := func() bool {
		first, ok := p.held.rows.First()
		return ok && first <= p.now-wait
	}
	err := p.held.rows.Take(due, p.emit)
	if err != nil || !p.full() {
		return err
	}
	if p.d.s.buffer.shutDown {
		return &ProcessingError{
			Stage: task.Process, Node: p.d.node, Task: p.ctx.TaskID(), Topic: at.Topic, Partition: at.Partition, Offset: at.Offset,
			Err: fmt.Errorf("the buffer %q has %d keys and %d bytes, more than its limit of %v: give it a larger one, or let it emit early",
				p.d.store, p.held.rows.Len(), p.held.rows.Size(), p.d.s.buffer.limit),
		}
	}
	return p.held.rows.Take(p.full, p.emit)
}

func (p *suppressor[K, V]) full() bool {
	return p.d.s.buffer.limit.over(p.held.rows.Len(), p.held.rows.Size())
}

// emit passes on what was taken out of the buffer.
func (p *suppressor[K, V]) emit(key []byte, v buffer.Value) error {
	if p.d.s.final && v.New == nil {
		return nil // nobody has seen this window
	}
	r, err := p.held.record(key, v, p.d.old)
	if err != nil {
		return err
	}
	from := RecordMetadata{Topic: v.Topic, Partition: v.Partition, Offset: v.Offset}
	emitted(p.ctx)
	p.as(from, func() { p.ctx.Forward(r) })
	return nil
}
