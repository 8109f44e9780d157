package state

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"time"
)

// windowTail is what follows the user's key in the key of a window: start and
// sequence.
const windowTail = 8 + 4

// window has a row for each key and start, and with duplicates one for each put.
type window[K, W any] struct {
	base[K, W]
	segmented
	duplicates bool
}

func openWindow[K, W any](b base[K, W], spec Spec) (any, error) {
	rows, err := newSegmented(b.env.Rows, newTimeline(spec))
	if err != nil {
		return nil, b.wrap("open", err)
	}
	return &window[K, W]{b, rows, spec.Duplicates}, nil
}

// at is the row key of a window, valid until the next call.
func (s *window[K, W]) at(k K, start int64, sequence uint32) ([]byte, error) {
	key, err := s.appendKey(s.appendSegment(s.buf[:0], start), k)
	if err != nil {
		return nil, err
	}
	s.buf = binary.BigEndian.AppendUint32(appendMillis(key, start), sequence)
	return s.buf, nil
}

func checkStart(start time.Time) (int64, error) {
	ms := millis(start)
	if ms < 0 {
		return 0, fmt.Errorf("the start %v is before 1970, where Kafka has no times", start)
	}
	return ms, nil
}

func (s *window[K, W]) Put(k K, v W, start time.Time) error {
	ms, err := checkStart(start)
	if err == nil {
		err = s.put(k, v, ms)
	}
	if err != nil {
		return s.wrap("write to", err)
	}
	return nil
}

func (s *window[K, W]) put(k K, v W, start int64) error {
	if s.values.isNil(v) && !s.duplicates {
		return s.remove(k, start)
	}
	var sequence uint32
	if s.duplicates {
		sequence = s.next()
	}
	key, err := s.at(k, start, sequence)
	if err != nil {
		return err
	}
	if s.values.isNil(v) {
		if err := s.save(); err != nil {
			return err
		}
		return s.logDelete(key[segmentLen:])
	}
	row, err := s.row(v)
	if err != nil {
		return err
	}
	moved, err := s.advance(start)
	if err != nil {
		return err
	}
	if s.visible(start) {
		err = s.env.Rows.Put(key, row)
	} else {
		s.env.Dropped()
	}
	if err == nil && (moved || s.duplicates) {
		err = s.save()
	}
	if err != nil {
		return err
	}
	return s.logRow(key[segmentLen:], row)
}

func (s *window[K, W]) Delete(k K, start time.Time) error {
	ms, err := checkStart(start)
	switch {
	case err != nil:
	case s.duplicates:
		err = s.removeAll(k, ms)
	default:
		err = s.remove(k, ms)
	}
	if err != nil {
		return s.wrap("delete from", err)
	}
	return nil
}

func (s *window[K, W]) remove(k K, start int64) error {
	key, err := s.at(k, start, 0)
	if err != nil {
		return err
	}
	return s.removeRow(key)
}

func (s *window[K, W]) removeRow(key []byte) error {
	if err := s.env.Rows.Delete(key); err != nil {
		return err
	}
	return s.logDelete(key[segmentLen:])
}

// removeAll deletes what stands under this key and start, which is a snapshot:
// rows may be deleted while it is read.
func (s *window[K, W]) removeAll(k K, start int64) error {
	key, err := s.appendKey(nil, k)
	if err != nil {
		return err
	}
	for row, err := range s.scanKey(key, windowTail, start, start, false) {
		if err != nil {
			return err
		}
		s.buf = append(s.buf[:0], row.Key...)
		if err := s.removeRow(s.buf); err != nil {
			return err
		}
	}
	return nil
}

func (s *window[K, W]) Get(k K, start time.Time) (v W, ok bool, err error) {
	ms := millis(start)
	if ms < 0 || !s.visible(ms) {
		return v, false, nil
	}
	if s.duplicates {
		v, ok, err = s.first(k, ms)
	} else {
		var key []byte
		if key, err = s.at(k, ms, 0); err == nil {
			v, ok, err = s.get(key)
		}
	}
	if err != nil {
		return v, false, s.wrap("read", err)
	}
	return v, ok, nil
}

func (s *window[K, W]) first(k K, start int64) (v W, ok bool, err error) {
	key, err := s.appendKey(nil, k)
	if err != nil {
		return v, false, err
	}
	for row, err := range s.scanKey(key, windowTail, start, start, false) {
		if err == nil {
			v, err = s.read(row.Value)
		}
		return v, err == nil, err
	}
	return v, false, nil
}

func (s *window[K, W]) Fetch(k K, from, to time.Time) iter.Seq2[time.Time, W] {
	return s.fetch(k, from, to, false)
}

func (s *window[K, W]) FetchReverse(k K, from, to time.Time) iter.Seq2[time.Time, W] {
	return s.fetch(k, from, to, true)
}

func (s *window[K, W]) fetch(k K, from, to time.Time, reverse bool) iter.Seq2[time.Time, W] {
	return func(yield func(time.Time, W) bool) {
		low, high, ok := s.clamp(from, to)
		if !ok {
			return
		}
		key, err := s.appendKey(nil, k)
		if err != nil {
			s.fail(err)
			return
		}
		for row, err := range s.scanKey(key, windowTail, low, high, reverse) {
			var v W
			if err == nil {
				v, err = s.read(row.Value)
			}
			if err != nil {
				s.fail(err)
				return
			}
			if !yield(time.UnixMilli(parseWindow(row.Key).time), v) {
				return
			}
		}
	}
}

func (s *window[K, W]) FetchAll(from, to time.Time) iter.Seq2[At[K], W] {
	return func(yield func(At[K], W) bool) {
		low, high, ok := s.clamp(from, to)
		if !ok {
			return
		}
		for p, err := range s.scanTimes(low, high, parseWindow, compareWindows) {
			var k K
			var v W
			if err == nil {
				k, v, err = s.pair(p.key, p.value)
			}
			if err != nil {
				s.fail(err)
				return
			}
			if !yield(At[K]{k, time.UnixMilli(p.time)}, v) {
				return
			}
		}
	}
}

// parseWindow takes apart the key of a window, with or without a segment.
func parseWindow(key []byte) placed {
	n := len(key) - windowTail
	return placed{
		time:   millisOf(key[n:]),
		second: int64(binary.BigEndian.Uint32(key[n+8:])),
		key:    key[:n],
	}
}

// compareWindows orders by start, then by key, then by sequence.
func compareWindows(a, b placed) int {
	return cmp.Or(cmp.Compare(a.time, b.time), compareKeys(a, b), cmp.Compare(a.second, b.second))
}

func restoreWindow(rows Rows, spec Spec, key, row []byte, deleted bool) error {
	if len(key) < windowTail {
		return fmt.Errorf("want a key of at least %d bytes, got %d", windowTail, len(key))
	}
	p := parseWindow(key)
	var sequence uint32
	if spec.Duplicates {
		sequence = uint32(p.second)
	}
	return restoreSegmented(rows, spec, p.time, sequence, key, row, deleted)
}
