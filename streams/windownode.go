package streams

import (
	"fmt"
	"log/slog"
	"time"

	"mm2/streams/state"
)

// windowStore is the store of windows of fixed length.
type windowStore[K, A any] = state.Window[K, state.Timestamped[A]]

// windowNode is what the processors of all kinds of windows have in common.
type windowNode[K, V, A any] struct {
	op         *windowOperator[K, V, A]
	ctx        ProcessorContext[Windowed[K], change[A]]
	task       keeper
	log        *slog.Logger
	streamTime int64 // the largest time seen, in ms; -1 before the first record
	looked     time.Time
}

// keeper is a context that carries numbers over a restart, with the committed
// offsets.
type keeper interface {
	keep(key string, value int64)
	kept(key string) (int64, bool)
	throttle() time.Duration
}

func (n *windowNode[K, V, A]) start(ctx ProcessorContext[Windowed[K], change[A]]) error {
	task, ok := ctx.(keeper)
	if !ok {
		return fmt.Errorf("the context is a %T, which keeps nothing over a restart", ctx)
	}
	n.ctx, n.task, n.log, n.streamTime = ctx, task, ctx.Logger(), -1
	// A store may be ahead of the committed offsets, and what is processed again must
	// not be late for that: the time is the one of the offsets.
	if at, ok := task.kept(n.timeKey()); ok {
		n.streamTime = at
	}
	return nil
}

// timeKey and closeKey are where the stream time and the last close time whose
// windows were given are kept. The second is where Kafka Streams has it.
func (n *windowNode[K, V, A]) timeKey() string  { return n.op.store + "-stream-time" }
func (n *windowNode[K, V, A]) closeKey() string { return n.op.store }

// Close implements Processor.
func (n *windowNode[K, V, A]) Close() error { return nil }

// see takes note of the time of a record.
func (n *windowNode[K, V, A]) see(at int64) {
	if at > n.streamTime {
		n.streamTime = at
		n.task.keep(n.timeKey(), at)
	}
}

// rests is whether it is too early to look for closed windows again.
func (n *windowNode[K, V, A]) rests() bool {
	now := n.ctx.WallClock()
	since := now.Sub(n.looked)
	// A clock that was set back does not make us wait for longer.
	if !n.looked.IsZero() && since >= 0 && since < n.task.throttle() {
		return true
	}
	n.looked = now
	return false
}

// update sends the change of a window on, unless results wait for its end.
func (n *windowNode[K, V, A]) update(r Record[K, V], start, end int64, at time.Time, c change[A]) {
	if !n.op.onClose {
		n.send(r, Windowed[K]{Key: r.Key, Start: millis(start), End: millis(end)}, at, c)
	}
}

func (n *windowNode[K, V, A]) send(cause Record[K, V], k Windowed[K], at time.Time, c change[A]) {
	n.ctx.Forward(Record[Windowed[K], change[A]]{Key: k, Value: c, Time: at.UTC(), Headers: cause.Headers})
}

// late drops a record all whose windows are closed.
func (n *windowNode[K, V, A]) late(r Record[K, V]) {
	dropped(n.ctx, "late")
	at, _ := n.ctx.Metadata()
	n.log.Debug("record dropped: its windows are closed", "topic", at.Topic, "partition", at.Partition,
		"offset", at.Offset, "time", r.Time, "stream_time", millis(n.streamTime))
}

// timeNode is a windowNode for windows of fixed length.
type timeNode[K, V, A any] struct {
	windowNode[K, V, A]
	w         TimeWindow
	store     windowStore[K, A]
	nextStart int64 // the first window whose result may still have to be given
}

// Init implements Processor.
func (n *timeNode[K, V, A]) Init(ctx ProcessorContext[Windowed[K], change[A]]) (err error) {
	if err := n.start(ctx); err != nil {
		return err
	}
	if closed, ok := n.task.kept(n.closeKey()); ok {
		n.nextStart = max(0, n.w.closedStart(closed)+1)
	}
	n.store, err = GetStore[windowStore[K, A]](ctx, n.op.store)
	return err
}

// closeWindows gives the results of the windows that are closed now, if results
// wait for that. now has it done even if the last time is not long ago. It comes
// before the record is put into the store, which by that may hide old windows.
func (n *timeNode[K, V, A]) closeWindows(cause Record[K, V], now bool) {
	if !n.op.onClose {
		return
	}
	closeTime := n.w.closeTime(n.streamTime)
	last := n.w.closedStart(closeTime)
	if last < n.nextStart {
		return
	}
	hidden := n.w.lastStart(n.streamTime) - n.op.retention.Milliseconds()
	if n.rests() && !now && hidden < n.nextStart {
		return
	}
	size := n.w.size.Milliseconds()
	for at, row := range n.store.FetchAll(millis(n.nextStart), millis(last)) {
		start := at.Time.UnixMilli()
		emitted(n.ctx)
		n.send(cause, Windowed[K]{Key: at.Key, Start: millis(start), End: millis(start + size)}, row.Time, change[A]{New: row.Value, HasNew: true})
	}
	n.nextStart = last + 1
	n.task.keep(n.closeKey(), closeTime)
}

// put makes a new row of a window: of base, if it is one, and of the record. was
// is whether base is the window's own row.
func (n *timeNode[K, V, A]) put(r Record[K, V], start int64, base state.Timestamped[A], ok, was bool) error {
	var c change[A]
	if was && n.op.old {
		// Read again, as the user's function may change base in place.
		old, found, err := n.store.Get(r.Key, millis(start))
		if err != nil {
			return err
		}
		c.Old, c.HasOld = old.Value, found
	}
	at, agg := r.Time, base.Value
	switch {
	case !ok:
		agg, ok = n.op.fold.start()
	case base.Time.After(at):
		at = base.Time
	}
	c.New, c.HasNew = n.op.fold.add(r.Key, r.Value, agg, ok)
	return n.write(r, start, at, c)
}

// write puts a row and sends the change on, if the window is open.
func (n *timeNode[K, V, A]) write(r Record[K, V], start int64, at time.Time, c change[A]) error {
	var err error
	if c.HasNew {
		err = n.store.Put(r.Key, state.Timestamped[A]{Value: c.New, Time: at}, millis(start))
	} else {
		err = n.store.Delete(r.Key, millis(start))
	}
	if err != nil {
		return err
	}
	if end := start + n.w.size.Milliseconds(); n.w.open(end, n.w.closeTime(n.streamTime)) {
		n.update(r, start, end, at, c)
	}
	return nil
}
