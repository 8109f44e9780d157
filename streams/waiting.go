package streams

import (
	"fmt"
	"math"
	"time"

	"mm2/streams/serde"
	"mm2/streams/state"
)

// waitingBuilder declares the store of the records that a left or outer join of
// streams has found no match for yet. A row has all waiting records of one key,
// time and side, and stands in the changelog as it stands in the store.
type waitingBuilder[K, L, R any] struct {
	name  string
	spec  state.Spec
	key   serde.Serde[K]
	left  serde.Serde[L]
	right serde.Serde[R]
}

// Name implements state.Builder.
func (d *waitingBuilder[K, L, R]) Name() string { return d.name }

// Spec implements state.Builder.
func (d *waitingBuilder[K, L, R]) Spec() state.Spec { return d.spec }

// Resolve implements state.Builder. The serdes were found before.
func (d *waitingBuilder[K, L, R]) Resolve(state.Finder) error { return nil }

// Open implements state.Builder.
func (d *waitingBuilder[K, L, R]) Open(env state.Env) (any, error) {
	w := &waiting[K, L, R]{waitingBuilder: d, env: env, streamTime: -1, first: math.MaxInt64}
	for row, err := range env.Rows.Scan(nil, nil, false) {
		if err != nil {
			return nil, err
		}
		id, err := waitingIDOf(row.Key)
		if err != nil {
			return nil, fmt.Errorf("open store %q: %w", d.name, err)
		}
		w.first = id.at
		break
	}
	return w, nil
}

// Restore implements state.Builder.
func (d *waitingBuilder[K, L, R]) Restore(rows state.Rows, key, value []byte, _ int64) error {
	_, err := waitingIDOf(key)
	switch {
	case err != nil:
	case value == nil:
		err = rows.Delete(key)
	default:
		if err = eachWaiting(value, func(bool, []byte) error { return nil }); err == nil {
			err = rows.Put(key, value)
		}
	}
	if err != nil {
		return fmt.Errorf("restore store %q, changelog key %x: %w", d.name, key, err)
	}
	return nil
}

// waiting is the store in a task, with the time that both sides of the join share.
type waiting[K, L, R any] struct {
	*waitingBuilder[K, L, R]
	env        state.Env
	streamTime int64     // ms, of both sides; -1 before the first record
	first      int64     // ms; no record that waits is earlier
	nextLook   time.Time // by the wall clock
	buf        []byte
}

func (w *waiting[K, L, R]) id(k K, at int64, left bool) ([]byte, error) {
	b, err := serde.Append(w.key, serde.Meta{Topic: w.env.Topic, IsKey: true}, waitingID{at, left, nil}.appendTo(w.buf[:0]), k)
	if err != nil {
		return nil, fmt.Errorf("store %q: encode key: %w", w.name, err)
	}
	w.buf = b
	return b, nil
}

// add has one more record wait: that of the side which is not missing.
func (w *waiting[K, L, R]) add(k K, at int64, l maybe[L], r maybe[R]) error {
	id, err := w.id(k, at, l.ok)
	if err != nil {
		return err
	}
	row, _, err := w.env.Rows.Get(id)
	if err != nil {
		return err
	}
	row, err = appendWaiting(row, l.ok, func(dst []byte) ([]byte, error) {
		m := serde.Meta{Topic: w.env.Topic}
		if l.ok {
			return serde.Append(w.left, m, dst, l.v)
		}
		return serde.Append(w.right, m, dst, r.v)
	})
	if err != nil {
		return fmt.Errorf("store %q: %w", w.name, err)
	}
	if err := w.env.Rows.Put(id, row); err != nil {
		return err
	}
	w.first = min(w.first, at)
	return w.log(id, row)
}

// remove takes out what waits of a key, a time and a side.
func (w *waiting[K, L, R]) remove(k K, at int64, left bool) error {
	id, err := w.id(k, at, left)
	if err != nil {
		return err
	}
	_, ok, err := w.env.Rows.Get(id)
	if err != nil || !ok {
		return err
	}
	return w.drop(id)
}

func (w *waiting[K, L, R]) drop(id []byte) error {
	if err := w.env.Rows.Delete(id); err != nil {
		return err
	}
	return w.log(id, nil)
}

func (w *waiting[K, L, R]) log(id, row []byte) error {
	if w.env.Log == nil {
		return nil
	}
	return w.env.Log(id, row, w.env.Time())
}

// takeDue takes out the records whose windows are closed: those of the left side
// with times before closedL, those of the right side with times before closedR.
// Each is given to fn, in the order of time, right before left, then key.
func (w *waiting[K, L, R]) takeDue(closedL, closedR int64, fn func(k K, at int64, l maybe[L], r maybe[R])) error {
	w.first = math.MaxInt64
	for row, err := range w.env.Rows.Scan(nil, nil, false) {
		if err != nil {
			return err
		}
		id, err := waitingIDOf(row.Key)
		if err != nil {
			return fmt.Errorf("store %q: %w", w.name, err)
		}
		closed := closedR
		if id.left {
			closed = closedL
		}
		if id.at >= closed {
			w.first = min(w.first, id.at)
			if id.at >= closedL && id.at >= closedR {
				return nil
			}
			continue
		}
		if err := w.give(id, row.Value, fn); err != nil {
			return fmt.Errorf("store %q: %w", w.name, err)
		}
		if err := w.drop(row.Key); err != nil {
			return err
		}
	}
	return nil
}

func (w *waiting[K, L, R]) give(id waitingID, row []byte, fn func(k K, at int64, l maybe[L], r maybe[R])) error {
	k, err := serde.Read(w.key, serde.Meta{Topic: w.env.Topic, IsKey: true}, id.key)
	if err != nil {
		return fmt.Errorf("decode key: %w", err)
	}
	return eachWaiting(row, func(left bool, value []byte) (err error) {
		var l maybe[L]
		var r maybe[R]
		if left {
			l.ok = true
			l.v, err = serde.Read(w.left, serde.Meta{Topic: w.env.Topic}, value)
		} else {
			r.ok = true
			r.v, err = serde.Read(w.right, serde.Meta{Topic: w.env.Topic}, value)
		}
		if err != nil {
			return fmt.Errorf("decode value: %w", err)
		}
		fn(k, id.at, l, r)
		return nil
	})
}
