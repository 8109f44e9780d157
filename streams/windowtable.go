package streams

import (
	"fmt"
	"time"

	"mm2/streams/internal/graph"
	"mm2/streams/serde"
	"mm2/streams/state"
)

const optWindowed = optNamed | optStore | optKeySerde | optValueSerde | optRetention | optEmit

// windowOperator is an aggregation of windows as it is declared.
type windowOperator[K, V, A any] struct {
	b          *Builder
	name       string // of the node
	store      string
	storeOpts  []state.Option
	key, value any // serde.Serde[K] and serde.Serde[A], or nil
	parent     string
	fold       fold[K, V, A]
	retention  time.Duration // of the store
	onClose    bool          // results are given when windows are closed
	old        bool          // changes carry the old row
	look       func(BaseContext) (lookup[Windowed[K], A], error)
}

// newWindowOperator reads the options of an aggregation whose windows must be kept
// for as long as needs. value is the serde of its rows if no option gives one. The
// store is numbered before the node, and the repartition after it.
func newWindowOperator[K, V, A any](g *Grouped[K, V], operator, prefix string, opts []Option, needs time.Duration, value any, f fold[K, V, A]) *windowOperator[K, V, A] {
	b := g.s.b
	o := b.read(operator, opts, optWindowed)
	op := &windowOperator[K, V, A]{b: b, store: o.store, fold: f, retention: needs, onClose: o.emitOnClose}
	if o.store == "" {
		op.store = b.internal(b.next(prefix + "STATE-STORE-"))
	}
	op.name = b.name(prefix, o)
	operator = fmt.Sprintf("%s %q", operator, op.name)
	if o.has(optRetention) {
		if err := checkRetention(o.retention, needs); err != nil {
			b.fail(fmt.Errorf("%s: %w", operator, err))
		} else {
			op.retention = o.retention
		}
	}
	if op.onClose {
		// What is closed and not given yet must be given before the store hides it.
		// With room to spare, that does not happen at each record.
		op.retention += max(op.retention/2, time.Minute)
	}
	op.key, op.value = firstOf(o.key, firstOf(g.o.key, g.s.key)), firstOf(o.value, value)
	op.storeOpts = o.storeOpts
	if k, ok := op.key.(serde.Serde[K]); ok {
		op.storeOpts = append([]state.Option{state.WithKeySerde(k)}, op.storeOpts...)
	}
	if v, ok := op.value.(serde.Serde[A]); ok {
		op.storeOpts = append([]state.Option{state.WithValueSerde(v)}, op.storeOpts...)
	}
	op.parent = g.byKey(operator, op.store, o.store != "").node
	return op
}

func checkRetention(d, needs time.Duration) error {
	if err := checkLength("retention", d, time.Millisecond); err != nil {
		return err
	}
	if d < needs {
		return fmt.Errorf("the retention is %v, but the windows are needed for %v: give at least that, or leave it out", d, needs)
	}
	return nil
}

// table adds the node and its store. closesAfter is how long after its end a window
// is closed for good.
func (op *windowOperator[K, V, A]) table(key *windowedSerde[K], closesAfter time.Duration, store state.Builder, supply func() Processor[K, V, Windowed[K], change[A]]) *KTable[Windowed[K], A] {
	b := op.b
	addProcessor(b, op.name, supply, op.parent)
	b.add(func(g *graph.Graph) error {
		// Serdes may be registered after the operator. If there is none, the store
		// says so.
		key.inner, _ = op.key.(serde.Serde[K])
		if key.inner == nil {
			key.inner, _ = findSerde[K](&b.serdes)
		}
		return addStore(b, g, &graph.Store{Name: op.store, Builder: store}, op.name)
	})
	return &KTable[Windowed[K], A]{
		b: b, node: op.name, key: key, value: op.value, rows: op,
		closes: func(k Windowed[K]) (time.Time, bool) { return k.End.Add(closesAfter), true }, grace: closesAfter,
	}
}

// view implements rows.
func (op *windowOperator[K, V, A]) view() view[Windowed[K], A] {
	return view[Windowed[K], A]{stores: []string{op.store}, open: op.look}
}

// sendOld implements rows. There is always a store.
func (op *windowOperator[K, V, A]) sendOld(bool) bool {
	op.old = true
	return true
}
