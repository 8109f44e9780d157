package streams

import (
	"fmt"
	"strings"

	"mm2/streams/internal/graph"
	"mm2/streams/serde"
	"mm2/streams/state"
)

// streamJoin is a join of two streams. The records of each side are kept in a
// window store for the other side to find.
type streamJoin[K, L, R, O any] struct {
	operator     string
	window       JoinWindow
	keepL, keepR bool // a record of this side without a match gives a result too
	fn           func(K, maybe[L], maybe[R]) O
	names        joinNames
}

// joinNames are the names of a join's nodes and stores.
type joinNames struct {
	windowL, windowR, joinL, joinR, merge string
	storeL, storeR, waiting               string
}

func (j *streamJoin[K, L, R, O]) nameAll(b *Builder, o *options) {
	thisPrefix, thisSuffix, otherPrefix, otherSuffix := "KSTREAM-JOINTHIS-", "-this-join", "KSTREAM-JOINOTHER-", "-other-join"
	if j.keepR {
		thisPrefix, thisSuffix = "KSTREAM-OUTERTHIS-", "-outer-this-join"
	}
	if j.keepL {
		otherPrefix, otherSuffix = "KSTREAM-OUTEROTHER-", "-outer-other-join"
	}
	n := &j.names
	n.windowL, n.windowR = b.next("KSTREAM-WINDOWED-"), b.next("KSTREAM-WINDOWED-")
	n.joinL, n.joinR, n.merge = b.next(thisPrefix), b.next(otherPrefix), b.next("KSTREAM-MERGE-")
	if s := o.joinStores; s != "" {
		n.storeL, n.storeR, n.waiting = s+thisSuffix+"-store", s+otherSuffix+"-store", s+"-left-shared-join-store"
		if j.keepR {
			n.waiting = s + "-outer-shared-join-store"
		}
	} else {
		n.storeL, n.storeR = b.internal(n.joinL+"-store"), b.internal(n.joinR+"-store")
		if j.keepL {
			n.waiting = b.internal("KSTREAM-OUTERSHARED-" + strings.TrimPrefix(n.joinL, thisPrefix) + "-store")
		}
	}
	if s := o.name; s != "" {
		n.windowL, n.windowR = s+"-this-windowed", s+"-other-windowed"
		n.joinL, n.joinR, n.merge = s+thisSuffix, s+otherSuffix, s+"-merge"
	}
}

// joinStreams adds a join of two streams.
func joinStreams[K, L, R, O any](l *KStream[K, L], r *KStream[K, R], j *streamJoin[K, L, R, O], opts []Option) *KStream[K, O] {
	b := l.b
	o := b.read(j.operator, opts, optNamed|optKeySerde|optStoreName)
	sameBuilder(j.operator, b, r.b)
	checkSerde[K](b, j.operator, o.key)
	if err := j.window.check(); err != nil {
		b.fail(fmt.Errorf("%s: %w", j.operator, err))
	}
	if err := checkJoinStores(o); err != nil {
		b.fail(fmt.Errorf("%s: JoinStores: %w", j.operator, err))
	}
	baseL, baseR := "", ""
	if o.has(optNamed) {
		baseL, baseR = o.name+"-left", o.name+"-right"
	}
	l = l.placedForJoin(j.operator, baseL, j.keepL, o)
	r = r.placedForJoin(j.operator, baseR, j.keepL, o)
	j.nameAll(b, o)
	n := &j.names
	addProcessor(b, n.windowL, func() Processor[K, L, K, L] { return &joinStore[K, L]{name: n.storeL} }, l.node)
	addProcessor(b, n.windowR, func() Processor[K, R, K, R] { return &joinStore[K, R]{name: n.storeR} }, r.node)
	addProcessor(b, n.joinL, j.leftSide, n.windowL)
	addProcessor(b, n.joinR, j.rightSide, n.windowR)
	addProcessor(b, n.merge, func() Processor[K, O, K, O] { return &step[K, O, K, O]{fn: pass[K, O]} }, n.joinL, n.joinR)
	key := firstOf(o.key, firstOf(l.key, r.key))
	b.add(func(g *graph.Graph) error { return j.addStores(b, g, key, l.value, r.value, o.storeOpts) })
	copartition(b, n.merge, l.node, r.node)
	d := &KStream[K, O]{b: b, node: n.merge}
	if k, ok := key.(serde.Serde[K]); ok {
		d.key = k
	}
	return d
}

// addStores puts the stores of both sides into the graph, and that of the records
// that wait if there are any.
func (j *streamJoin[K, L, R, O]) addStores(b *Builder, g *graph.Graph, key, left, right any, opts []state.Option) error {
	keys, valuesL, valuesR := serdeOf[K](b, j.operator, key), serdeOf[L](b, j.operator, left), serdeOf[R](b, j.operator, right)
	if keys == nil || valuesL == nil || valuesR == nil {
		return nil // noted by serdeOf
	}
	n, w := &j.names, j.window
	if w.check() != nil {
		return nil // noted before
	}
	storeL := joinStoreBuilder(n.storeL, w, keys, valuesL, opts)
	if err := addStore(b, g, &graph.Store{Name: n.storeL, Builder: storeL}, n.windowL, n.joinR); err != nil {
		return err
	}
	storeR := joinStoreBuilder(n.storeR, w, keys, valuesR, opts)
	if err := addStore(b, g, &graph.Store{Name: n.storeR, Builder: storeR}, n.windowR, n.joinL); err != nil {
		return err
	}
	if !j.keepL {
		return nil
	}
	// What the options say is the same for all three stores.
	spec := storeL.Spec()
	waits := &waitingBuilder[K, L, R]{
		name: n.waiting, key: keys, left: valuesL, right: valuesR,
		spec: state.Spec{Kind: state.KindRaw, InMemory: spec.InMemory, Changelog: spec.Changelog, ChangelogConfig: spec.ChangelogConfig},
	}
	return addStore(b, g, &graph.Store{Name: n.waiting, Builder: waits}, n.joinL, n.joinR)
}

func (j *streamJoin[K, L, R, O]) leftSide() Processor[K, L, K, O] {
	return &streamSide[K, L, R, O, L, R]{
		join: j, left: true, keep: j.keepL, before: j.window.Before, after: j.window.After, otherStore: j.names.storeR,
		sides: func(a maybe[L], b maybe[R]) (maybe[L], maybe[R]) { return a, b },
	}
}

func (j *streamJoin[K, L, R, O]) rightSide() Processor[K, R, K, O] {
	return &streamSide[K, L, R, O, R, L]{
		join: j, keep: j.keepR, before: j.window.After, after: j.window.Before, otherStore: j.names.storeL,
		sides: func(a maybe[R], b maybe[L]) (maybe[L], maybe[R]) { return b, a },
	}
}
