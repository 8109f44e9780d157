package pebblestore

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// counted is how many rows ApproxLen counts one by one.
const counted = 20_000

// ApproxLen counts up to 20 000 rows, and takes the others to be of the same
// size on disk. Rows that are new and all beyond those are missed until they
// are flushed; it does not wait for that, for it may be asked often.
func (s *store) ApproxLen(from, to []byte) int64 {
	if !s.gate.enter() {
		return 0
	}
	defer s.gate.leave()
	if to != nil && bytes.Compare(from, to) >= 0 {
		return 0
	}
	it, err := s.db.NewIter(bounds(from, to))
	if err != nil {
		s.log.Warn("count of rows is not known", "err", err)
		return 0
	}
	n := int64(0)
	for ok := it.First(); ok && !s.gate.isShut(); ok = it.Next() {
		n++
		if n != counted {
			continue
		}
		if total, ok := s.extrapolate(it, from, to); ok {
			n = total
			break
		}
	}
	if err := it.Close(); err != nil {
		s.log.Warn("count of rows is not known", "err", err)
	}
	return n
}

// extrapolate compares what the rows up to here take on disk with what all
// take.
func (s *store) extrapolate(it *pebble.Iterator, from, to []byte) (total int64, ok bool) {
	here := append(bytes.Clone(it.Key()), 0)
	end := to
	if end == nil {
		last, err := s.db.NewIter(&pebble.IterOptions{LowerBound: here})
		if err != nil {
			return 0, false
		}
		end = here
		if last.Last() {
			end = append(bytes.Clone(last.Key()), 0)
		}
		if last.Close() != nil {
			return 0, false
		}
	}
	if bytes.Compare(here, end) >= 0 {
		return 0, false
	}
	part, err := s.db.EstimateDiskUsage(from, here)
	if err != nil || part == 0 {
		return 0, false
	}
	whole, err := s.db.EstimateDiskUsage(from, end)
	if err != nil || whole < part {
		return 0, false
	}
	return int64(float64(counted) * float64(whole) / float64(part)), true
}
