package state

import (
	"bytes"
	"iter"
	"slices"
)

// stagedRows are the rows of one store, the staged ones before the DB's.
type stagedRows struct {
	s *Staged
	space
}

func (r *stagedRows) keyOf(key []byte) []byte {
	r.s.key = r.appendKey(r.s.key[:0], key)
	return r.s.key
}

func (r *stagedRows) Get(key []byte) (value []byte, ok bool, err error) {
	full := r.keyOf(key)
	if i := r.s.table.find(full); i != none {
		n := &r.s.table.nodes[i]
		if n.deleted {
			return nil, false, nil
		}
		return slices.Clip(n.value), true, nil
	}
	return r.s.fetch(full)
}

// Put keeps a nil value as an empty one.
func (r *stagedRows) Put(key, value []byte) error {
	r.s.table.set(r.keyOf(key), value, false)
	return nil
}

func (r *stagedRows) Delete(key []byte) error {
	r.s.table.set(r.keyOf(key), nil, true)
	return nil
}

func (r *stagedRows) DeleteRange(from, to []byte) error {
	first, end := r.bounds(from, to)
	if bytes.Compare(first, end) >= 0 {
		return nil
	}
	r.s.table.deleteRange(first, end)
	r.s.ranges = r.s.ranges.with(first, end)
	return nil
}

func (r *stagedRows) Scan(from, to []byte, reverse bool) iter.Seq2[Row, error] {
	first, end := r.bounds(from, to)
	return func(yield func(Row, error) bool) {
		if bytes.Compare(first, end) >= 0 {
			return
		}
		r.s.scan(first, end, reverse, yield)
	}
}

// sampled is how many staged rows ApproxLen looks up in the DB.
const sampled = 256

// ApproxLen adds the rows that are staged to those of the DB. Up to 256 of them
// are told apart from overwritten rows exactly, and the others taken to be
// alike.
func (r *stagedRows) ApproxLen() int64 {
	t := r.s.table
	first, end := r.bounds(nil, nil)
	total := r.s.db.ApproxLen(first, end)
	for _, gone := range r.s.ranges {
		from, to := slices.MaxFunc([][]byte{gone.from, first}, bytes.Compare), slices.MinFunc([][]byte{gone.to, end}, bytes.Compare)
		if bytes.Compare(from, to) < 0 {
			total -= r.s.db.ApproxLen(from, to)
		}
	}
	t.link()
	var seen, looked, more int64
	for i := t.seek(first); i != none && bytes.Compare(t.nodes[i].key, end) < 0; i = t.next(i) {
		seen++
		if looked == sampled {
			continue
		}
		looked++
		_, ok, err := r.s.fetch(t.nodes[i].key)
		switch live := !t.nodes[i].deleted; {
		case err != nil: // what the number is about does not matter then
		case live && !ok:
			more++
		case !live && ok:
			more--
		}
	}
	if looked > 0 {
		total += more * seen / looked
	}
	return max(0, total)
}

// committedRows are the rows of one store in the DB.
type committedRows struct {
	db DB
	space
}

func (r committedRows) Get(key []byte) (value []byte, ok bool, err error) {
	return r.db.Get(r.appendKey(make([]byte, 0, spaceBytes+len(key)), key))
}

func (committedRows) Put(_, _ []byte) error         { return ErrReadOnly }
func (committedRows) Delete(_ []byte) error         { return ErrReadOnly }
func (committedRows) DeleteRange(_, _ []byte) error { return ErrReadOnly }

func (r committedRows) Scan(from, to []byte, reverse bool) iter.Seq2[Row, error] {
	first, end := r.bounds(from, to)
	return func(yield func(Row, error) bool) {
		for row, err := range r.db.Scan(first, end, reverse) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if !yield(Row{Key: row.Key[spaceBytes:], Value: row.Value}, nil) {
				return
			}
		}
	}
}

func (r committedRows) ApproxLen() int64 {
	return r.db.ApproxLen(r.bounds(nil, nil))
}
