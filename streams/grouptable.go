package streams

import (
	"fmt"
	"reflect"
	"strings"

	"mm2/streams/internal/graph"
	"mm2/streams/serde"
)

// GroupedTable is a table whose rows are grouped, ready to be aggregated.
type GroupedTable[K, V any] struct {
	b      *Builder
	node   string // that gives the changes by group
	o      *options
	placed string // the source behind the repartition, once a named grouping has one
}

// GroupTable groups the rows of a table: fn makes the group and the value of each
// row. A row is in one group at a time. When it changes, its old value is taken out
// of the group that it was in, and the new one is put into the group that it is in
// now; if that is another group, a reader may for a moment see it in neither of
// them. Where the types can be nil, a row for which fn gives a nil group or a nil
// value is in no group.
//
// fn is not called for deletions. It must give the same group and value each time
// that it is called with the same row. The changes pass through a repartition
// topic, which has the name of the grouping, or else of the store that they are
// for. The table keeps a store, if it has had none.
func GroupTable[K, V, K2, V2 any](t *KTable[K, V], fn func(K, V) (K2, V2), opts ...Option) *GroupedTable[K2, V2] {
	o := t.b.read("GroupTable", opts, optNamed|optKeySerde|optValueSerde|optPartitions)
	if o.has(optPartitions) && o.partitions < 1 {
		t.b.fail(fmt.Errorf("GroupTable: %d partitions: give at least 1", o.partitions))
	}
	t.rows.sendOld(true)
	node := t.b.name("KTABLE-SELECT-", o)
	addProcessor(t.b, node, func() Processor[K, change[V], K2, change[V2]] {
		return &regroup[K, V, K2, V2]{fn: fn, nulls: nullsOf[K2, V2](), same: equality[K2]()}
	}, t.node)
	return &GroupedTable[K2, V2]{b: t.b, node: node, o: o}
}

// regroup turns changes of rows into changes of groups.
type regroup[K, V, K2, V2 any] struct {
	ctx   ProcessorContext[K2, change[V2]]
	fn    func(K, V) (K2, V2)
	nulls nulls[K2, V2]
	same  func(a, b K2) bool
}

func (p *regroup[K, V, K2, V2]) Init(ctx ProcessorContext[K2, change[V2]]) error {
	p.ctx = ctx
	return nil
}

func (p *regroup[K, V, K2, V2]) Close() error { return nil }

func (p *regroup[K, V, K2, V2]) Process(r Record[K, change[V]]) error {
	var before, now K2
	var c change[V2]
	if r.Value.HasOld {
		before, c.Old, c.HasOld = p.place(r.Key, r.Value.Old)
	}
	if r.Value.HasNew {
		now, c.New, c.HasNew = p.place(r.Key, r.Value.New)
	}
	if c.HasOld && c.HasNew && p.same(before, now) {
		p.forward(r, now, c)
		return nil
	}
	if c.HasOld {
		p.forward(r, before, change[V2]{Old: c.Old, HasOld: true})
	}
	if c.HasNew {
		p.forward(r, now, change[V2]{New: c.New, HasNew: true})
	}
	return nil
}

// place is the group of a row and its value there; false if it is in none.
func (p *regroup[K, V, K2, V2]) place(k K, v V) (k2 K2, v2 V2, ok bool) {
	k2, v2 = p.fn(k, v)
	ok = (p.nulls.key == nil || !p.nulls.key(k2)) && (p.nulls.value == nil || !p.nulls.value(v2))
	return k2, v2, ok
}

func (p *regroup[K, V, K2, V2]) forward(r Record[K, change[V]], group K2, c change[V2]) {
	p.ctx.Forward(Record[K2, change[V2]]{Key: group, Value: c, Time: r.Time, Headers: r.Headers})
}

// equality compares values. Two that are equal and are not found to be cost a
// second record, no more.
func equality[T any]() func(a, b T) bool {
	if holdsItself[T]() {
		return func(a, b T) bool { return any(a) == any(b) }
	}
	return func(a, b T) bool { return reflect.DeepEqual(a, b) }
}

// place adds the repartition for an aggregation and gives the source behind it.
// The numbers of its nodes are used up also when an earlier aggregation of the same
// named grouping has made it, as in Kafka.
func (g *GroupedTable[K, V]) place(operator, store string, storeGiven bool) string {
	b := g.b
	sink, source := b.next("KSTREAM-SINK-"), b.next("KSTREAM-SOURCE-")
	if g.placed != "" {
		return g.placed
	}
	base := store
	if g.o.has(optNamed) {
		base = g.o.name
		g.placed = source
	}
	topic := base
	if !strings.HasSuffix(topic, repartitionSuffix) {
		topic += repartitionSuffix
	}
	if !storeGiven && !g.o.has(optNamed) {
		b.internal(topic)
	}
	changes := &changeSerde[V]{}
	b.add(func(*graph.Graph) error {
		changes.of = serdeOf[V](b, operator, g.o.value)
		return nil
	})
	serdes := &options{key: g.o.key, value: serde.Serde[change[V]](changes)}
	to := (&KStream[K, change[V]]{b: b, key: serdes.key, value: serdes.value}).makeSink(operator, &options{})
	from := makeSource[K, change[V]](b, operator, serdes)
	b.add(func(gr *graph.Graph) error {
		if err := gr.AddRepartition(&graph.Repartition{Topic: topic, Partitions: g.o.partitions}); err != nil {
			return err
		}
		if err := gr.Add(&graph.Node{Name: sink, Kind: graph.Sink, Topic: topic, Internal: true, Impl: to}, g.node); err != nil {
			return err
		}
		return gr.Add(&graph.Node{Name: source, Kind: graph.Source, Topics: []string{topic}, Internal: true, Impl: from})
	})
	return source
}
