package state

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"time"
)

// sessionTail is what follows the user's key in the key of a session: end and
// start. With the end first, the sessions that a record may touch lie together.
const sessionTail = 8 + 8

// session has a row for each key and session.
type session[K, W any] struct {
	base[K, W]
	segmented
}

func openSession[K, W any](b base[K, W], spec Spec) (any, error) {
	rows, err := newSegmented(b.env.Rows, newTimeline(spec))
	if err != nil {
		return nil, b.wrap("open", err)
	}
	return &session[K, W]{b, rows}, nil
}

// at is the row key of a session, valid until the next call.
func (s *session[K, W]) at(k K, start, end int64) ([]byte, error) {
	key, err := s.appendKey(s.appendSegment(s.buf[:0], end), k)
	if err != nil {
		return nil, err
	}
	s.buf = appendMillis(appendMillis(key, end), start)
	return s.buf, nil
}

func checkSpan(s Span) (start, end int64, err error) {
	start, err = checkStart(s.Start)
	end = millis(s.End)
	if err == nil && end < start {
		err = fmt.Errorf("the session ends at %v, before its start %v", s.End, s.Start)
	}
	return start, end, err
}

func (s *session[K, W]) Put(k K, span Span, v W) error {
	start, end, err := checkSpan(span)
	switch {
	case err != nil:
	case s.values.isNil(v):
		err = s.remove(k, start, end)
	default:
		err = s.put(k, start, end, v)
	}
	if err != nil {
		return s.wrap("write to", err)
	}
	return nil
}

func (s *session[K, W]) put(k K, start, end int64, v W) error {
	key, err := s.at(k, start, end)
	if err != nil {
		return err
	}
	row, err := s.row(v)
	if err != nil {
		return err
	}
	moved, err := s.advance(end)
	if err != nil {
		return err
	}
	if s.visible(end) {
		err = s.env.Rows.Put(key, row)
	} else {
		s.env.Dropped()
	}
	if err == nil && moved {
		err = s.save()
	}
	if err != nil {
		return err
	}
	return s.logRow(key[segmentLen:], row)
}

func (s *session[K, W]) Delete(k K, span Span) error {
	start, end, err := checkSpan(span)
	if err == nil {
		err = s.remove(k, start, end)
	}
	if err != nil {
		return s.wrap("delete from", err)
	}
	return nil
}

func (s *session[K, W]) remove(k K, start, end int64) error {
	key, err := s.at(k, start, end)
	if err != nil {
		return err
	}
	if err := s.env.Rows.Delete(key); err != nil {
		return err
	}
	return s.logDelete(key[segmentLen:])
}

func (s *session[K, W]) Get(k K, span Span) (v W, ok bool, err error) {
	start, end := millis(span.Start), millis(span.End)
	if start < 0 || end < start || !s.visible(end) {
		return v, false, nil
	}
	key, err := s.at(k, start, end)
	if err == nil {
		v, ok, err = s.get(key)
	}
	if err != nil {
		return v, false, s.wrap("read", err)
	}
	return v, ok, nil
}

func (s *session[K, W]) Find(k K, earliestEnd, latestStart time.Time) iter.Seq2[Span, W] {
	return s.find(k, millis(earliestEnd), millis(latestStart))
}

func (s *session[K, W]) Fetch(k K) iter.Seq2[Span, W] {
	return s.find(k, 0, math.MaxInt64)
}

func (s *session[K, W]) find(k K, earliestEnd, latestStart int64) iter.Seq2[Span, W] {
	return func(yield func(Span, W) bool) {
		low, high := max(earliestEnd, s.oldest()), s.observed
		if low > high {
			return
		}
		key, err := s.appendKey(nil, k)
		if err != nil {
			s.fail(err)
			return
		}
		for row, err := range s.scanKey(key, sessionTail, low, high, false) {
			var v W
			p := placed{}
			if err == nil {
				if p = parseSession(row.Key); p.second > latestStart {
					continue
				}
				v, err = s.read(row.Value)
			}
			if err != nil {
				s.fail(err)
				return
			}
			if !yield(p.span(), v) {
				return
			}
		}
	}
}

func (s *session[K, W]) FetchAll(from, to time.Time) iter.Seq2[SessionKey[K], W] {
	return func(yield func(SessionKey[K], W) bool) {
		low, high, ok := s.clamp(from, to)
		if !ok {
			return
		}
		for p, err := range s.scanTimes(low, high, parseSession, compareSessions) {
			var k K
			var v W
			if err == nil {
				k, v, err = s.pair(p.key, p.value)
			}
			if err != nil {
				s.fail(err)
				return
			}
			if !yield(SessionKey[K]{k, p.span()}, v) {
				return
			}
		}
	}
}

// parseSession takes apart the key of a session, with or without a segment.
func parseSession(key []byte) placed {
	n := len(key) - sessionTail
	return placed{time: millisOf(key[n:]), second: millisOf(key[n+8:]), key: key[:n]}
}

func (p placed) span() Span {
	return Span{Start: time.UnixMilli(p.second), End: time.UnixMilli(p.time)}
}

// compareSessions orders by end, then by start, then by key.
func compareSessions(a, b placed) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.second, b.second), compareKeys(a, b))
}

func restoreSession(rows Rows, spec Spec, key, row []byte, deleted bool) error {
	if len(key) < sessionTail {
		return fmt.Errorf("want a key of at least %d bytes, got %d", sessionTail, len(key))
	}
	p := parseSession(key)
	if p.second < 0 || p.second > p.time {
		return fmt.Errorf("its start %d is not between 0 and its end %d", p.second, p.time)
	}
	return restoreSegmented(rows, spec, p.time, 0, key, row, deleted)
}
