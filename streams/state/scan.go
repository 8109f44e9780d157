package state

import (
	"bytes"
	"iter"
	"slices"
)

// scanKey has the rows of one key with times from low to high, the earliest
// first or last. tail is how many bytes of a row's key come behind the user's
// key.
func (s *segmented) scanKey(key []byte, tail int, low, high int64, reverse bool) iter.Seq2[Row, error] {
	length := segmentLen + len(key) + tail
	scan := s.scan(low, high, reverse, func(segment int64) (from, to []byte) {
		from = make([]byte, 0, length)
		from = append(appendMillis(from, segment), key...)
		to = append(make([]byte, 0, length), from...)
		// What follows the time is positive, so its first byte is less than 0xff.
		return appendMillis(from, low), append(appendMillis(to, high), 0xff)
	})
	return func(yield func(Row, error) bool) {
		for row, err := range scan {
			// Longer and shorter keys may lie in between.
			if err == nil && len(row.Key) != length {
				continue
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// scan has the rows between the bounds in each segment with times from low to
// high.
func (s *segmented) scan(low, high int64, reverse bool, bounds func(segment int64) (from, to []byte)) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var scans []iter.Seq2[Row, error]
		for n := s.segment(low); n <= s.segment(high); n++ {
			from, to := bounds(n)
			scans = append(scans, s.rows.Scan(from, to, reverse))
		}
		if reverse {
			slices.Reverse(scans)
		}
		chain(scans, yield)
	}
}

// chain gives the rows of one scan after the other and says whether the loop went
// on to the end. A scan shows what is there when its loop begins, and the loop's
// body may write; so all of them are begun before the first row is given: the
// last one outside, each earlier one in the first step of the one behind it.
func chain(scans []iter.Seq2[Row, error], yield func(Row, error) bool) bool {
	if len(scans) == 0 {
		return true
	}
	last := len(scans) - 1
	begun := false
	for row, err := range scans[last] {
		if !begun {
			begun = true
			if !chain(scans[:last], yield) {
				return false
			}
		}
		if !yield(row, err) {
			return false
		}
	}
	return begun || chain(scans[:last], yield)
}

// placed is a copy of a row with the times in its key.
type placed struct {
	time   int64 // start of a window, end of a session
	second int64 // sequence of a window, start of a session
	key    []byte
	value  []byte
}

// scanTimes has all rows with times from low to high in the order of compare,
// which orders by time first. In a segment rows are ordered by key, so the ones
// that are wanted of each segment are held in memory.
func (s *segmented) scanTimes(low, high int64, parse func(key []byte) placed, compare func(a, b placed) int) iter.Seq2[placed, error] {
	rows := s.scan(low, high, false, func(segment int64) (from, to []byte) {
		return appendMillis(nil, segment), appendMillis(nil, segment+1)
	})
	return func(yield func(placed, error) bool) {
		var held []placed
		segment := s.segment(low)
		flush := func() bool {
			slices.SortFunc(held, compare)
			for _, p := range held {
				if !yield(p, nil) {
					return false
				}
			}
			held = held[:0]
			return true
		}
		for row, err := range rows {
			if err != nil {
				yield(placed{}, err)
				return
			}
			p := parse(row.Key[segmentLen:])
			if p.time < low || p.time > high {
				continue
			}
			if n := s.segment(p.time); n != segment {
				if !flush() {
					return
				}
				segment = n
			}
			both := append(append(make([]byte, 0, len(p.key)+len(row.Value)), p.key...), row.Value...)
			p.key, p.value = both[:len(p.key):len(p.key)], both[len(p.key):]
			held = append(held, p)
		}
		flush()
	}
}

func compareKeys(a, b placed) int { return bytes.Compare(a.key, b.key) }
