package streams

import (
	"fmt"
	"time"

	"mm2/streams/internal/graph"
	"mm2/streams/serde"
	"mm2/streams/state"
)

// KTable is a table of rows by key: a record replaces the row of its key, and a
// null value deletes it. Rows are kept by arrival: an older record that comes
// later replaces a newer row.
type KTable[K, V any] struct {
	b     *Builder
	node  string // whose updates these are
	key   any    // serde.Serde[K] if one was given, else nil
	value any    // serde.Serde[V]
	rows  rows[K, V]
	// closes is the time at which the window of a key takes no records any more:
	// its end, and grace after it. It is false for a window that stays open. It is
	// nil if the keys have no windows.
	closes func(k K) (time.Time, bool)
	grace  time.Duration
}

// change is an update of a table as it travels between the nodes of tables: the
// row as it is now, and as it was before if somebody behind has asked for that.
type change[V any] struct {
	New, Old       V
	HasNew, HasOld bool
}

// rows is what an operator can ask of a table that it works on. It asks while
// the topology is declared; by the time it is built the answers hold.
type rows[K, V any] interface {
	// view has the table looked up by key, and so keeps a store of it somewhere.
	view() view[K, V]
	// sendOld has the table's changes carry the old row; false if it cannot,
	// because there is no store and force does not allow to make one.
	sendOld(force bool) bool
}

// view is how a table is looked up.
type view[K, V any] struct {
	stores []string // that the node which looks must be connected to
	open   func(ctx BaseContext) (lookup[K, V], error)
}

// lookup is the row of a key with the time that it is of, and whether there is
// one.
type lookup[K, V any] func(k K) (v V, at time.Time, ok bool, err error)

// timestamped is the store of a table.
type timestamped[K, V any] = state.KeyValue[K, state.Timestamped[V]]

// kept is the store that an operator may keep of its rows.
type kept[K, V any] struct {
	name    string
	builder state.Builder
	used    bool // somebody needs it
	old     bool // changes carry the old row
}

// keep makes the store of an operator from its options. It is used at once if the
// options name it or say anything of it.
func keep[K, V any](b *Builder, o *options, prefix string, key, value any) *kept[K, V] {
	s := &kept[K, V]{name: o.store, used: o.has(optStore)}
	if s.name == "" {
		s.name = b.next(prefix)
	}
	if o.store == "" {
		// Counted as a generated name only if the store comes to be.
		b.add(func(*graph.Graph) error {
			if s.used {
				b.internal(s.name)
			}
			return nil
		})
	}
	opts := o.storeOpts
	if k, ok := key.(serde.Serde[K]); ok {
		opts = append([]state.Option{state.WithKeySerde(k)}, opts...)
	}
	if v, ok := value.(serde.Serde[V]); ok {
		opts = append([]state.Option{state.WithValueSerde(v)}, opts...)
	}
	s.builder = state.NewTimestampedKeyValue[K, V](s.name, opts...)
	return s
}

// addTo puts the store into the graph, if anybody needs it.
func (s *kept[K, V]) addTo(b *Builder, g *graph.Graph, users ...string) error {
	if !s.used {
		return nil
	}
	return addStore(b, g, &graph.Store{Name: s.name, Builder: s.builder}, users...)
}

// view is the look-up in the store.
func (s *kept[K, V]) view() view[K, V] {
	s.used = true
	return view[K, V]{stores: []string{s.name}, open: func(ctx BaseContext) (lookup[K, V], error) {
		kv, err := GetStore[timestamped[K, V]](ctx, s.name)
		if err != nil {
			return nil, err
		}
		return func(k K) (V, time.Time, bool, error) {
			row, ok, err := kv.Get(k)
			return row.Value, row.Time, ok, err
		}, nil
	}}
}

// sendOld implements rows for operators whose only source of old rows is the
// store.
func (s *kept[K, V]) sendOld(force bool) bool {
	if force || s.used {
		s.used, s.old = true, true
	}
	return s.old
}

// Table reads a topic as a table. A store is kept of it when one is named, or when
// an operator needs to look rows up.
func Table[K, V any](b *Builder, topic string, opts ...Option) *KTable[K, V] {
	o := b.read("Table", opts, optNamed|optStore|optKeySerde|optValueSerde|optTimestamps|optReset|optCluster)
	store := keep[K, V](b, o, topic+"-STATE-STORE-", o.key, o.value)
	source, node := b.next("KSTREAM-SOURCE-"), b.next("KTABLE-SOURCE-")
	if o.has(optNamed) {
		source, node = o.name+"-source", o.name
	}
	m := makeSource[K, V](b, fmt.Sprintf("Table %q", node), o)
	b.add(func(g *graph.Graph) error {
		return g.Add(&graph.Node{Name: source, Kind: graph.Source, Topics: []string{topic}, Cluster: o.cluster, Reset: o.reset, Impl: m})
	})
	return tableFrom(b, node, source, store, o.key, o.value)
}

// tableFrom makes a table of the records of a node.
func tableFrom[K, V any](b *Builder, node, parent string, store *kept[K, V], key, value any) *KTable[K, V] {
	addProcessor(b, node, func() Processor[K, V, K, change[V]] { return &tableSource[K, V]{keep: store} }, parent)
	b.add(func(g *graph.Graph) error { return store.addTo(b, g, node) })
	return &KTable[K, V]{b: b, node: node, key: key, value: value, rows: store}
}

// ToTable makes a table of the stream: each record replaces the row of its key.
// If the key was changed before, the stream is repartitioned first.
func (s *KStream[K, V]) ToTable(opts ...Option) *KTable[K, V] {
	o := s.b.read("ToTable", opts, optNamed|optStore|optKeySerde|optValueSerde)
	key, value := firstOf(o.key, s.key), firstOf(o.value, s.value)
	store := keep[K, V](s.b, o, "KSTREAM-TOTABLE-STATE-STORE-", key, value)
	node := s.b.name("KSTREAM-TOTABLE-", o)
	from := s
	if s.rekeyed {
		from = s.through(repartition{operator: "ToTable", base: node, given: o.has(optNamed)}, o)
		if !o.has(optNamed) {
			s.b.internal(node + repartitionSuffix)
		}
	}
	return tableFrom(s.b, node, from.node, store, key, value)
}

// tableSource applies records to the rows of a table.
type tableSource[K, V any] struct {
	ctx  ProcessorContext[K, change[V]]
	keep *kept[K, V]
	kv   timestamped[K, V]
}

func (p *tableSource[K, V]) Init(ctx ProcessorContext[K, change[V]]) (err error) {
	p.ctx = ctx
	if p.keep.used {
		p.kv, err = GetStore[timestamped[K, V]](ctx, p.keep.name)
	}
	return err
}

func (p *tableSource[K, V]) Close() error { return nil }

func (p *tableSource[K, V]) Process(r Record[K, V]) error {
	if r.NullKey {
		dropped(p.ctx, "null key")
		return nil
	}
	c := change[V]{New: r.Value, HasNew: !r.NullValue}
	if p.kv != nil {
		old, ok, err := p.kv.Get(r.Key)
		if err != nil {
			return err
		}
		if ok && old.Time.After(r.Time) {
			at, _ := p.ctx.Metadata()
			p.ctx.Logger().Warn("a row of a table is replaced by an older record", "store", p.keep.name,
				"topic", at.Topic, "partition", at.Partition, "offset", at.Offset, "time", r.Time, "row_time", old.Time)
		}
		if err := putRow(p.kv, r.Key, c, r.Time); err != nil {
			return err
		}
		if p.keep.old {
			c.Old, c.HasOld = old.Value, ok
		}
	}
	p.ctx.Forward(changed(r, c))
	return nil
}

// putRow writes what a change has made of a row.
func putRow[K, V any](kv timestamped[K, V], k K, c change[V], at time.Time) error {
	if !c.HasNew {
		_, _, err := kv.Delete(k)
		return err
	}
	return kv.Put(k, state.Timestamped[V]{Value: c.New, Time: at})
}

// changed is a record that carries a change of a table.
func changed[K, V, V2 any](r Record[K, V], c change[V2]) Record[K, change[V2]] {
	return Record[K, change[V2]]{Key: r.Key, Value: c, Time: r.Time, Headers: r.Headers}
}

// emitted counts a result that a node of ours held back before.
func emitted(ctx BaseContext) {
	if e, ok := ctx.(interface{ emitted() }); ok {
		e.emitted()
	}
}

// dropped counts a record that a node of ours drops.
func dropped(ctx BaseContext, why string) {
	if d, ok := ctx.(interface{ dropped(why string) }); ok {
		d.dropped(why)
	}
}
