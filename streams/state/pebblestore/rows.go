package pebblestore

import (
	"bytes"
	"errors"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"mm2/streams/state"
)

func (s *store) Get(key []byte) (value []byte, ok bool, err error) {
	return s.AppendGet(nil, key)
}

func (s *store) AppendGet(dst, key []byte) (value []byte, ok bool, err error) {
	if !s.gate.enter() {
		return nil, false, s.closed("read")
	}
	defer s.gate.leave()
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, s.failed("read", err)
	}
	if dst == nil {
		dst = make([]byte, 0, len(value))
	}
	dst = append(dst, value...)
	if err := closer.Close(); err != nil {
		return nil, false, s.failed("read", err)
	}
	return dst, true, nil
}

func (s *store) Scan(from, to []byte, reverse bool) iter.Seq2[state.Row, error] {
	return func(yield func(state.Row, error) bool) {
		if !s.gate.enter() {
			yield(state.Row{}, s.closed("scan"))
			return
		}
		defer s.gate.leave()
		if err := s.scan(from, to, reverse, yield); err != nil {
			yield(state.Row{}, err)
		}
	}
}

// bounds never has an empty bound, which the engine is not made for.
func bounds(from, to []byte) *pebble.IterOptions {
	if len(from) == 0 {
		from = nil
	}
	return &pebble.IterOptions{LowerBound: from, UpperBound: to}
}

// scan gives an error only while the loop goes on.
func (s *store) scan(from, to []byte, reverse bool, yield func(state.Row, error) bool) (err error) {
	if to != nil && bytes.Compare(from, to) >= 0 {
		return nil
	}
	it, err := s.db.NewIter(bounds(from, to))
	if err != nil {
		return s.failed("scan", err)
	}
	left := false
	defer func() {
		// Close repeats the error that ended the scan.
		if closed := it.Close(); closed != nil && err == nil && !left {
			err = s.failed("scan", closed)
		}
	}()
	begin, next := it.First, it.Next
	if reverse {
		begin, next = it.Last, it.Prev
	}
	for ok := begin(); ok; ok = next() {
		if s.gate.isShut() {
			return s.closed("scan")
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return s.failed("scan", err)
		}
		if !yield(state.Row{Key: it.Key(), Value: value}, nil) {
			left = true
			return nil
		}
	}
	return nil
}

// Write refuses to pile up more in memory while flushes fail.
func (s *store) Write(changes []state.Change) error {
	if !s.gate.enter() {
		return s.closed("write to")
	}
	defer s.gate.leave()
	if _, err := s.flushes.state(); err != nil {
		return s.failed("write to", err)
	}
	batch := s.db.NewBatchWithSize(sizeOf(changes))
	if err := s.fill(batch, changes); err != nil {
		return s.failed("write to", errors.Join(err, batch.Close()))
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return s.failed("write to", err)
	}
	if err := batch.Close(); err != nil {
		return s.failed("write to", err)
	}
	return s.flushSometimes(len(changes))
}

func sizeOf(changes []state.Change) int {
	const perChange = 1 + 5 + 5
	n := 12
	for _, c := range changes {
		n += len(c.Key) + len(c.Value) + perChange
	}
	return n
}

func (s *store) fill(batch *pebble.Batch, changes []state.Change) error {
	var last []byte // the last key that is put
	for _, c := range changes {
		var err error
		switch c.Op {
		case state.OpPut:
			if bytes.Compare(c.Key, last) > 0 {
				last = c.Key
			}
			err = batch.Set(c.Key, c.Value, nil)
		case state.OpDelete:
			err = batch.Delete(c.Key, nil)
		case state.OpDeleteRange:
			err = s.deleteRange(batch, c.Key, c.Value, last)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteRange ends a range without end behind the last key there is, in the
// store or in the batch: the engine knows no range without end.
func (s *store) deleteRange(batch *pebble.Batch, from, to, last []byte) error {
	if to == nil {
		to = append(bytes.Clone(last), 0)
		for row, err := range s.Scan(nil, nil, true) {
			if err != nil {
				return err
			}
			if bytes.Compare(row.Key, last) > 0 {
				to = append(bytes.Clone(row.Key), 0)
			}
			break
		}
	}
	if len(from) == 0 {
		from = []byte{0} // no key is less
	}
	if bytes.Compare(from, to) >= 0 {
		return nil
	}
	return batch.DeleteRange(from, to, nil)
}

// flushSometimes begins a flush when enough was written, unless one is under
// way. Waiting for it is nobody's business.
func (s *store) flushSometimes(changes int) error {
	s.unflushed += changes
	if s.unflushed <= s.flushRecords || !s.flushing.CompareAndSwap(false, true) {
		return nil
	}
	s.unflushed = 0
	if _, err := s.db.AsyncFlush(); err != nil {
		s.flushing.Store(false)
		return s.failed("flush", err)
	}
	return nil
}
