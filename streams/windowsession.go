package streams

import (
	"mm2/streams/state"
)

// sessionNode aggregates sessions.
type sessionNode[K, V, A any] struct {
	windowNode[K, V, A]
	w       SessionWindow
	store   state.Session[K, A]
	nextEnd int64 // the first end of sessions whose results may still have to be given
	found   []sessionRow[A]
}

type sessionRow[A any] struct {
	state.Span
	value A
}

// Init implements Processor.
func (n *sessionNode[K, V, A]) Init(ctx ProcessorContext[Windowed[K], change[A]]) (err error) {
	if err := n.start(ctx); err != nil {
		return err
	}
	if closed, ok := n.task.kept(n.closeKey()); ok {
		n.nextEnd = max(0, closed)
	}
	n.store, err = GetStore[state.Session[K, A]](ctx, n.op.store)
	return err
}

// Process implements Processor.
func (n *sessionNode[K, V, A]) Process(r Record[K, V]) error {
	if r.NullKey {
		dropped(n.ctx, "null key")
		return nil
	}
	at := r.Time.UnixMilli()
	n.see(at)
	n.closeSessions(r)
	switch {
	case r.NullValue && n.op.fold.skipNull:
		dropped(n.ctx, "null value")
		return nil
	default:
		return n.take(r, at)
	}
}

// closeTime is the first end of sessions that are open.
func (n *sessionNode[K, V, A]) closeTime() int64 { return n.streamTime - n.w.needs().Milliseconds() }

// closeSessions gives the results of the sessions that are closed now, if results
// wait for that. It comes before the record is put into the store, which by that
// may hide old sessions.
func (n *sessionNode[K, V, A]) closeSessions(cause Record[K, V]) {
	if !n.op.onClose {
		return
	}
	closeTime := n.closeTime()
	if closeTime <= n.nextEnd {
		return
	}
	hidden := n.streamTime - n.op.retention.Milliseconds() - 1
	if n.rests() && hidden < n.nextEnd {
		return
	}
	for at, v := range n.store.FetchAll(millis(n.nextEnd), millis(closeTime-1)) {
		k := Windowed[K]{Key: at.Key, Start: at.Start.UTC(), End: at.End.UTC()}
		emitted(n.ctx)
		n.send(cause, k, k.End, change[A]{New: v, HasNew: true})
	}
	n.nextEnd = closeTime
	n.task.keep(n.closeKey(), closeTime)
}

// take joins a record with the sessions near it, if they are not closed.
func (n *sessionNode[K, V, A]) take(r Record[K, V], at int64) error {
	gap, closeTime := n.w.gap.Milliseconds(), n.closeTime()
	start, end := at, at
	// Kafka Streams takes a record right at the close time, but does not see sessions
	// there, as its store hides them. So they are not continued; only where the record
	// lies there itself, it joins what it else would replace.
	first := closeTime + 1
	if at == closeTime {
		first = at
	}
	agg, ok := n.op.fold.start()
	n.found = n.found[:0]
	for span, v := range n.store.Find(r.Key, millis(max(at-gap, first)), millis(at+gap)) {
		n.found = append(n.found, sessionRow[A]{span, v})
		start, end = min(start, span.Start.UnixMilli()), max(end, span.End.UnixMilli())
	}
	if end < closeTime {
		n.late(r)
		return nil
	}
	var c change[A]
	for _, s := range n.found {
		old, err := n.old(r.Key, s)
		if err != nil {
			return err
		}
		if s.Start.UnixMilli() == start && s.End.UnixMilli() == end {
			c = old // it is changed in its place
			continue
		}
		if err := n.store.Delete(r.Key, s.Span); err != nil {
			return err
		}
		n.update(r, s.Start.UnixMilli(), s.End.UnixMilli(), s.End, old)
	}
	for _, s := range n.found {
		agg, ok = n.op.fold.merge(r.Key, agg, ok, s.value)
	}
	c.New, c.HasNew = n.op.fold.add(r.Key, r.Value, agg, ok)
	clear(n.found)
	whole := state.Span{Start: millis(start), End: millis(end)}
	var err error
	if c.HasNew {
		err = n.store.Put(r.Key, whole, c.New)
	} else {
		err = n.store.Delete(r.Key, whole)
	}
	if err == nil {
		n.update(r, start, end, whole.End, c)
	}
	return err
}

// old is the change that deletes a session. Its old row is read again, as the
// user's functions may change the other one in place.
func (n *sessionNode[K, V, A]) old(k K, s sessionRow[A]) (c change[A], err error) {
	if n.op.old {
		c.Old, c.HasOld, err = n.store.Get(k, s.Span)
	}
	return c, err
}
