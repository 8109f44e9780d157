package state

import (
	"bytes"
	"iter"
	"sync"

	"github.com/tidwall/btree"
)

// NewMemory is a DB whose rows are lost when it is closed. Flush has nothing to
// do, and ApproxLen is exact.
func NewMemory() DB {
	return &memory{rows: btree.NewBTreeGOptions(rowLess, btree.Options{NoLocks: true})}
}

func rowLess(a, b Row) bool { return bytes.Compare(a.Key, b.Key) < 0 }

// memory is a B-tree that scans read copies of. A copy costs nothing until
// rows are written after it: then the nodes on their paths are copied once.
// Keys and values in the tree are never changed in place.
type memory struct {
	mu     sync.RWMutex
	rows   *btree.BTreeG[Row]
	frozen *btree.BTreeG[Row] // a copy of rows that equals them, or nil
	closed bool
}

func (m *memory) Get(key []byte) (value []byte, ok bool, err error) {
	return m.AppendGet(nil, key)
}

func (m *memory) AppendGet(dst, key []byte) (value []byte, ok bool, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, false, ErrClosed
	}
	row, ok := m.rows.Get(Row{Key: key})
	if !ok {
		return nil, false, nil
	}
	if dst == nil {
		dst = make([]byte, 0, len(row.Value))
	}
	return append(dst, row.Value...), true, nil
}

// freeze is the rows as they are now, for reading only.
func (m *memory) freeze() (*btree.BTreeG[Row], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if m.frozen == nil {
		m.frozen = m.rows.Copy()
	}
	return m.frozen, nil
}

func (m *memory) isClosed() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.closed
}

func (m *memory) Scan(from, to []byte, reverse bool) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows, err := m.freeze()
		if err != nil {
			yield(Row{}, err)
			return
		}
		step := func(row Row) bool {
			if m.isClosed() {
				yield(Row{}, ErrClosed)
				return false
			}
			return yield(row, nil)
		}
		if reverse {
			descend(rows, from, to, step)
		} else {
			ascend(rows, from, to, step)
		}
	}
}

func ascend(rows *btree.BTreeG[Row], from, to []byte, yield func(Row) bool) {
	rows.Ascend(Row{Key: from}, func(row Row) bool {
		return (to == nil || bytes.Compare(row.Key, to) < 0) && yield(row)
	})
}

func descend(rows *btree.BTreeG[Row], from, to []byte, yield func(Row) bool) {
	step := func(row Row) bool {
		return bytes.Compare(row.Key, from) >= 0 && yield(row)
	}
	if to == nil {
		rows.Reverse(step)
		return
	}
	rows.Descend(Row{Key: to}, func(row Row) bool {
		return bytes.Equal(row.Key, to) || step(row)
	})
}

func (m *memory) Write(changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.frozen = nil
	for _, c := range changes {
		switch c.Op {
		case OpPut:
			n := len(c.Key)
			both := append(append(make([]byte, 0, n+len(c.Value)), c.Key...), c.Value...)
			m.rows.Set(Row{Key: both[:n:n], Value: both[n:]})
		case OpDelete:
			m.rows.Delete(Row{Key: c.Key})
		case OpDeleteRange:
			var doomed []Row
			ascend(m.rows, c.Key, c.Value, func(row Row) bool {
				doomed = append(doomed, row)
				return true
			})
			for _, row := range doomed {
				m.rows.Delete(row)
			}
		}
	}
	return nil
}

func (m *memory) Flush() error {
	if m.isClosed() {
		return ErrClosed
	}
	return nil
}

func (m *memory) ApproxLen(from, to []byte) int64 {
	rows, err := m.freeze()
	if err != nil {
		return 0
	}
	// Positions are found by bisection, so that large stores can be asked often.
	position := func(key []byte) int64 {
		low, high := 0, rows.Len()
		for low < high {
			middle := (low + high) / 2
			if row, _ := rows.GetAt(middle); bytes.Compare(row.Key, key) < 0 {
				low = middle + 1
			} else {
				high = middle
			}
		}
		return int64(low)
	}
	end := int64(rows.Len())
	if to != nil {
		end = position(to)
	}
	return max(0, end-position(from))
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.rows.Clear()
	m.frozen = nil
	return nil
}
