package state

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Rows of window and session stores are grouped by time, so that old ones go by
// one range deletion:
//
//	segment (8) | key | start (8) | sequence (4)    window
//	segment (8) | key | end (8)   | start (8)       session
//
// where segment is the start, or the end of a session, divided by the interval.
// Without the segment that is the key in the changelog. One more row, observedKey,
// sorts before them all and has what the rows do not tell: the newest time that
// was put, and the last sequence number.

const segmentLen = 8

// observedKey is shorter than the key of any other row.
var observedKey = []byte{0}

// observedLen is 8 bytes of time, -1 before the first put, and 4 of sequence.
const observedLen = 8 + 4

// nothingPut is what observed is before the first put.
const nothingPut = -1

// sequenceMask keeps sequence numbers positive in Java.
const sequenceMask = 1<<31 - 1

// timeline is how a store divides time; all in milliseconds.
type timeline struct {
	retention int64
	interval  int64
	// kept is how far back the oldest visible time lies from the newest.
	kept int64
}

// newTimeline has segments as long as Kafka's: two or three of them are live.
func newTimeline(spec Spec) timeline {
	r := spec.Retention.Milliseconds()
	t := timeline{retention: r, interval: max(r/2, time.Minute.Milliseconds()), kept: r}
	if spec.Kind == KindWindow {
		t.kept = r - 1
	}
	return t
}

func (t timeline) segment(ms int64) int64 { return ms / t.interval }

// segmented are the rows of a store that is divided by time, with what was put
// so far.
type segmented struct {
	rows Rows
	timeline
	observed int64
	sequence uint32
	stored   bool // there is a meta row
	meta     [observedLen]byte
	low      [segmentLen]byte
	high     [segmentLen]byte
}

// newSegmented reads what is known of the rows.
func newSegmented(rows Rows, t timeline) (segmented, error) {
	s := segmented{rows: rows, timeline: t, observed: nothingPut}
	meta, ok, err := rows.Get(observedKey)
	if err != nil || !ok {
		return s, err
	}
	if len(meta) != observedLen {
		return s, fmt.Errorf("the row of the store's stream time has %d bytes, want %d: the rows are not of this store", len(meta), observedLen)
	}
	s.observed = millisOf(meta)
	s.sequence = binary.BigEndian.Uint32(meta[8:])
	s.stored = true
	return s, nil
}

// save keeps observed and sequence with the rows.
func (s *segmented) save() error {
	binary.BigEndian.PutUint64(s.meta[:], uint64(s.observed))
	binary.BigEndian.PutUint32(s.meta[8:], s.sequence)
	s.stored = true
	return s.rows.Put(observedKey, s.meta[:])
}

// oldest is the earliest visible time.
func (s *segmented) oldest() int64 {
	return max(0, s.observed-s.kept)
}

func (s *segmented) visible(ms int64) bool { return ms >= s.oldest() }

// advance takes note of a put at ms and deletes the segments that have no visible
// row any more. It is true when there is something to save.
func (s *segmented) advance(ms int64) (bool, error) {
	if ms <= s.observed {
		return false, nil
	}
	was := s.segment(s.oldest())
	s.observed = ms
	if now := s.segment(s.oldest()); was < now {
		binary.BigEndian.PutUint64(s.low[:], uint64(was))
		binary.BigEndian.PutUint64(s.high[:], uint64(now))
		return true, s.rows.DeleteRange(s.low[:], s.high[:])
	}
	return true, nil
}

// next takes up the next sequence number, which counts over all keys.
func (s *segmented) next() uint32 {
	s.sequence = (s.sequence + 1) & sequenceMask
	return s.sequence
}

// sawSequence takes note of a sequence number in the changelog. The later of two
// is the one that the other reaches by counting less than half way round.
func (s *segmented) sawSequence(n uint32) bool {
	if s.stored && (n-s.sequence)&sequenceMask > sequenceMask/2 {
		return false
	}
	s.sequence = n
	return true
}

// millis is t in milliseconds; a time too far away for them, which a caller may
// use as an open end, is the last one on that side.
func millis(t time.Time) int64 {
	const limit = math.MaxInt64 / 1000
	sec, ms := t.Unix(), t.UnixMilli()
	switch {
	case sec > limit, sec == limit && ms < 0:
		return math.MaxInt64
	case sec < -limit:
		return math.MinInt64
	}
	return ms
}

// clamp narrows a range of times to what is visible; false when nothing is.
func (s *segmented) clamp(from, to time.Time) (low, high int64, ok bool) {
	low, high = max(millis(from), s.oldest()), min(millis(to), s.observed)
	return low, high, low <= high
}

// Observed is the newest time that was put.
func (s *segmented) Observed() (time.Time, bool) {
	if s.observed == nothingPut {
		return time.Time{}, false
	}
	return time.UnixMilli(s.observed), true
}

func (s *segmented) appendSegment(dst []byte, ms int64) []byte {
	return appendMillis(dst, s.segment(ms))
}
