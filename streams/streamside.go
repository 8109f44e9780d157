package streams

import (
	"time"

	"mm2/streams/state"
)

// streamSide joins the records of one side of a join of streams, with values of A,
// with those of the other side, of B. L and R are A and B, or the other way round.
type streamSide[K, L, R, O, A, B any] struct {
	ctx           ProcessorContext[K, O]
	join          *streamJoin[K, L, R, O]
	left          bool          // this is the left side
	keep          bool          // a record without a match gives a result too
	before, after time.Duration // the window as seen from this side
	sides         func(maybe[A], maybe[B]) (maybe[L], maybe[R])
	otherStore    string
	other         state.Window[K, *B]
	waits         *waiting[K, L, R] // nil in an inner join
	throttle      time.Duration
}

func (p *streamSide[K, L, R, O, A, B]) Init(ctx ProcessorContext[K, O]) (err error) {
	p.ctx = ctx
	p.throttle = throttleOf(ctx)
	if p.other, err = GetStore[state.Window[K, *B]](ctx, p.otherStore); err != nil || !p.join.keepL {
		return err
	}
	p.waits, err = GetStore[*waiting[K, L, R]](ctx, p.join.names.waiting)
	return err
}

func (p *streamSide[K, L, R, O, A, B]) Close() error { return nil }

func (p *streamSide[K, L, R, O, A, B]) Process(r Record[K, A]) error {
	at := r.Time.UnixMilli()
	if p.waits != nil {
		p.waits.streamTime = max(p.waits.streamTime, at)
	}
	switch {
	case r.NullValue:
		dropped(p.ctx, "null value")
		return nil
	case r.NullKey && p.keep:
		p.alone(r)
		return nil
	case r.NullKey:
		dropped(p.ctx, "null key")
		return nil
	}
	if p.waits != nil && at == p.waits.streamTime {
		if err := p.giveUp(r); err != nil {
			return err
		}
	}
	matched, err := p.match(r)
	if err != nil || matched || !p.keep {
		return err
	}
	if at+p.after.Milliseconds() < p.waits.streamTime {
		p.alone(r)
		return nil
	}
	l, right := p.sides(some(r.Value), maybe[B]{})
	return p.waits.add(r.Key, at, l, right)
}

// match gives a result for each record of the other side that is in the window.
func (p *streamSide[K, L, R, O, A, B]) match(r Record[K, A]) (matched bool, err error) {
	for at, v := range p.other.Fetch(r.Key, r.Time.Add(-p.before), r.Time.Add(p.after)) {
		matched = true
		if p.waits != nil {
			if err := p.waits.remove(r.Key, at.UnixMilli(), !p.left); err != nil {
				return true, err
			}
		}
		l, right := p.sides(some(r.Value), some(*v))
		out := WithValue(r, p.join.fn(r.Key, l, right))
		out.Time = millis(max(r.Time.UnixMilli(), at.UnixMilli()))
		p.ctx.Forward(out)
	}
	return matched, nil
}

// alone gives the result of a record without a match.
func (p *streamSide[K, L, R, O, A, B]) alone(r Record[K, A]) {
	l, right := p.sides(some(r.Value), maybe[B]{})
	p.ctx.Forward(WithValue(r, p.join.fn(r.Key, l, right)))
}

// giveUp gives the results of the records of both sides whose windows are closed.
// They have the headers of r, which moved the time, as in Kafka.
func (p *streamSide[K, L, R, O, A, B]) giveUp(r Record[K, A]) error {
	w, now := p.join.window, p.waits.streamTime
	closedL := now - w.After.Milliseconds() - w.Grace.Milliseconds()
	closedR := now - w.Before.Milliseconds() - w.Grace.Milliseconds()
	if p.waits.first >= max(closedL, closedR) || !p.due() {
		return nil
	}
	return p.waits.takeDue(closedL, closedR, func(k K, at int64, l maybe[L], right maybe[R]) {
		p.ctx.Forward(Record[K, O]{Key: k, Value: p.join.fn(k, l, right), Time: millis(at), Headers: r.Headers})
	})
}

// due keeps the store from being read for each record. The clock may have been
// set back since the last time, which must not stop the join.
func (p *streamSide[K, L, R, O, A, B]) due() bool {
	now := p.ctx.WallClock()
	if wait := p.waits.nextLook.Sub(now); wait > 0 && wait <= p.throttle {
		return false
	}
	p.waits.nextLook = now.Add(p.throttle)
	return true
}

// throttleOf is how often a node looks for what is due by time.
func throttleOf(ctx BaseContext) time.Duration {
	if t, ok := ctx.(interface{ throttle() time.Duration }); ok {
		return t.throttle()
	}
	return 0
}
