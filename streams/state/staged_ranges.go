package state

import (
	"bytes"
	"slices"
)

// keyRange are the keys from from to to, the latter not included.
type keyRange struct {
	from, to []byte
}

// ranges are deleted ranges of the DB, in order and apart from each other. A
// slice of them is never changed, so that scans can keep it.
type ranges []keyRange

// at is the place of the first range that ends after key.
func (r ranges) at(key []byte) int {
	low, high := 0, len(r)
	for low < high {
		middle := (low + high) / 2
		if bytes.Compare(r[middle].to, key) > 0 {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

func (r ranges) covers(key []byte) bool {
	i := r.at(key)
	return i < len(r) && bytes.Compare(r[i].from, key) <= 0
}

// with is r and one more range, joined with those that it meets.
func (r ranges) with(from, to []byte) ranges {
	first := r.at(from)
	if first > 0 && bytes.Equal(r[first-1].to, from) {
		first--
	}
	last := first
	for ; last < len(r) && bytes.Compare(r[last].from, to) <= 0; last++ {
		if bytes.Compare(r[last].from, from) < 0 {
			from = r[last].from
		}
		if bytes.Compare(r[last].to, to) > 0 {
			to = r[last].to
		}
	}
	return slices.Concat(r[:first], ranges{{from, to}}, r[last:])
}

// trim narrows bounds of a scan of the DB by ranges that lie across them: rows
// of windows expire from one end, and would all be read to be passed over.
func (r ranges) trim(from, to []byte) (first, end []byte) {
	if i := r.at(from); i < len(r) && bytes.Compare(r[i].from, from) <= 0 {
		from = r[i].to
	}
	if i := r.at(to); i < len(r) && bytes.Compare(r[i].from, to) < 0 {
		to = r[i].from
	} else if i > 0 && bytes.Equal(r[i-1].to, to) {
		to = r[i-1].from
	}
	return from, to
}

func (r ranges) size() int {
	n := 0
	for _, gone := range r {
		n += len(gone.from) + len(gone.to) + 48
	}
	return n
}

func (r ranges) appendTo(changes []Change) []Change {
	for _, gone := range r {
		changes = append(changes, Change{Op: OpDeleteRange, Key: gone.from, Value: gone.to})
	}
	return changes
}
