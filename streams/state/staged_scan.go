package state

import (
	"bytes"
	"slices"
)

// scan merges the staged rows of a range with the DB's. Both are seen as they
// are now, whatever the loop writes meanwhile: the table keeps the versions that
// were there, the ranges are a slice that nobody changes, the DB's scan is a
// snapshot anyway.
func (s *Staged) scan(first, end []byte, reverse bool, yield func(Row, error) bool) {
	m := merge{table: s.table, first: first, end: end, reverse: reverse, yield: yield}
	m.snapshot = m.table.beginScan()
	defer m.table.endScan()
	deleted := s.ranges
	m.start()

	from, to := deleted.trim(first, end)
	if bytes.Compare(from, to) < 0 {
		for row, err := range s.db.Scan(from, to, reverse) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if !m.before(row.Key) {
				return
			}
			if m.replaces(row.Key) || deleted.covers(row.Key) {
				continue
			}
			if !yield(Row{Key: row.Key[spaceBytes:], Value: row.Value}, nil) {
				return
			}
		}
	}
	m.rest()
}

// merge is the staged side of a scan: a place in the table, always at a version
// that the scan sees or at the end.
type merge struct {
	table      *table
	snapshot   uint64
	first, end []byte
	reverse    bool
	yield      func(Row, error) bool

	at    int32
	value version
}

func (m *merge) start() {
	if m.reverse {
		m.at = m.table.seekBefore(m.end)
	} else {
		m.at = m.table.seek(m.first)
	}
	m.settle()
}

func (m *merge) advance() {
	if m.reverse {
		m.at = m.table.nodes[m.at].prev
	} else {
		m.at = m.table.next(m.at)
	}
	m.settle()
}

// settle passes over nodes that are newer than the scan, and ends at the bound.
func (m *merge) settle() {
	for m.at != none {
		n := &m.table.nodes[m.at]
		if m.reverse && bytes.Compare(n.key, m.first) < 0 || !m.reverse && bytes.Compare(n.key, m.end) >= 0 {
			m.at = none
			return
		}
		v, ok := m.table.visible(n, m.snapshot)
		if ok {
			m.value = v
			return
		}
		if m.reverse {
			m.at = n.prev
		} else {
			m.at = m.table.next(m.at)
		}
	}
}

// before gives the staged rows that come before key, and says whether the loop
// goes on.
func (m *merge) before(key []byte) bool {
	for m.at != none {
		order := bytes.Compare(m.table.nodes[m.at].key, key)
		if m.reverse {
			order = -order
		}
		if order >= 0 {
			return true
		}
		if !m.emit() {
			return false
		}
	}
	return true
}

// replaces says whether a staged row takes the place of the DB's row of this
// key: the next one to be given, if it is not deleted.
func (m *merge) replaces(key []byte) bool {
	return m.at != none && bytes.Equal(m.table.nodes[m.at].key, key)
}

func (m *merge) rest() {
	for m.at != none {
		if !m.emit() {
			return
		}
	}
}

// emit gives the row it is at, unless it is deleted, and goes on to the next.
func (m *merge) emit() bool {
	if !m.value.deleted {
		key := m.table.nodes[m.at].key[spaceBytes:]
		if !m.yield(Row{Key: key, Value: slices.Clip(m.value.value)}, nil) {
			return false
		}
	}
	m.advance()
	return true
}
