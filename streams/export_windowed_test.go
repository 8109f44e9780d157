package streams

import "time"

// Look has fn called with what the table gives for the keys that probe makes of its
// changes, and with the old rows of these changes.
func Look[K, V any](t *KTable[K, V], name string, fn func(key K, old *V, now V, at time.Time, ok bool)) {
	t.rows.sendOld(true)
	v := t.rows.view()
	addProcessor(t.b, name, func() Processor[K, change[V], K, V] { return &looker[K, V]{view: v, fn: fn} }, t.node)
	connect(t.b, name, v.stores)
}

type looker[K, V any] struct {
	view view[K, V]
	look lookup[K, V]
	fn   func(key K, old *V, now V, at time.Time, ok bool)
}

func (l *looker[K, V]) Init(ctx ProcessorContext[K, V]) (err error) {
	l.look, err = l.view.open(ctx)
	return err
}

func (l *looker[K, V]) Process(r Record[K, change[V]]) error {
	now, at, ok, err := l.look(r.Key)
	var old *V
	if r.Value.HasOld {
		old = &r.Value.Old
	}
	l.fn(r.Key, old, now, at, ok)
	return err
}

func (l *looker[K, V]) Close() error { return nil }

// Closes is when the window of a key of the table is closed.
func Closes[K, V any](t *KTable[K, V], k K) (time.Time, bool) { return t.closes(k) }
