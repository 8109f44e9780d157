package state_test

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"slices"

	"mm2/streams/state"
)

// rows is a state.Rows that keeps to the letter of the contract: a slice that it
// gave out is overwritten as soon as the receiver may not read it any more.
type rows struct {
	m    map[string]string
	lent []byte
	open int // scans that have begun and have not ended
	// broken is what Scan reports instead of the row with this key.
	broken string
}

var errBroken = errors.New("the disk is broken")

func newRows() *rows { return &rows{m: map[string]string{}} }

func (r *rows) scribble() {
	for i := range r.lent {
		r.lent[i] = 0xee
	}
	r.lent = nil
}

func (r *rows) Get(key []byte) ([]byte, bool, error) {
	r.scribble()
	v, ok := r.m[string(key)]
	if !ok {
		return nil, false, nil
	}
	r.lent = []byte(v)
	return r.lent, true, nil
}

func (r *rows) Put(key, value []byte) error {
	r.scribble()
	r.m[string(key)] = string(value)
	return nil
}

func (r *rows) Delete(key []byte) error {
	r.scribble()
	delete(r.m, string(key))
	return nil
}

func (r *rows) DeleteRange(from, to []byte) error {
	r.scribble()
	maps.DeleteFunc(r.m, func(k, _ string) bool { return k >= string(from) && k < string(to) })
	return nil
}

func (r *rows) Scan(from, to []byte, reverse bool) iter.Seq2[state.Row, error] {
	low, high, snapshot := string(from), string(to), map[string]string{}
	return func(yield func(state.Row, error) bool) {
		r.open++
		defer func() { r.open-- }()
		for k, v := range r.m {
			if k >= low && (to == nil || k < high) {
				snapshot[k] = v
			}
		}
		keys := slices.Sorted(maps.Keys(snapshot))
		if reverse {
			slices.Reverse(keys)
		}
		for _, k := range keys {
			if r.broken != "" && bytes.Contains([]byte(k), []byte(r.broken)) {
				yield(state.Row{}, errBroken)
				return
			}
			row := state.Row{Key: []byte(k), Value: []byte(snapshot[k])}
			ok := yield(row, nil)
			for _, b := range [][]byte{row.Key, row.Value} {
				for i := range b {
					b[i] = 0xee
				}
			}
			if !ok {
				return
			}
		}
	}
}

func (r *rows) ApproxLen() int64 { return int64(len(r.m)) }
