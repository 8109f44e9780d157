package state

import (
	"bytes"
	"hash/maphash"
)

const (
	none         = 0 // no node; node 0 is the head of the list
	maxHeight    = 12
	maxKeptNodes = 1 << 14 // a larger table gives its memory back at a commit
)

// table holds staged rows twice: by hash, for single keys, and as a skip list,
// for ranges. Nodes enter the list only when a range is read; work on single
// keys never pays for order. Nodes stay until reset, so that scans can keep
// their place while rows are written.
type table struct {
	nodes   []node
	slots   []int32 // open addressing: node or none; the length is a power of 2
	links   []int32 // the towers of the nodes, one after another
	pending []int32 // nodes that are not in the list yet
	old     []version
	arena   arena
	seed    maphash.Seed
	random  uint32

	scans int    // under way
	now   uint64 // grows with each scan; versions carry it
}

// version is a value of a row, or that it has none.
type version struct {
	value   []byte
	deleted bool
	since   uint64 // the table's now when it was written
	before  int32  // place in table.old of the version before it, plus 1
}

// node is a row with its newest version.
type node struct {
	version
	key   []byte
	hash  uint64
	tower int32 // place of its links
	prev  int32
}

func newTable() *table {
	t := &table{seed: maphash.MakeSeed()}
	t.reset()
	return t
}

// reset empties the table, and keeps memory for about as many rows.
func (t *table) reset() {
	if cap(t.nodes) > maxKeptNodes || len(t.slots) == 0 {
		t.nodes, t.links, t.pending, t.old = nil, nil, nil, nil
		t.slots = make([]int32, 64)
	}
	clear(t.nodes)
	clear(t.old)
	clear(t.slots)
	t.nodes = append(t.nodes[:0], node{})
	t.links = append(t.links[:0], make([]int32, maxHeight)...)
	t.pending, t.old = t.pending[:0], t.old[:0]
	t.arena.reset()
	t.random = 1
}

func (t *table) size() int {
	const perNode = 128 // a node, its links and slots
	return t.arena.used + perNode*(len(t.nodes)-1) + 48*len(t.old)
}

// slot is where a key is or would be.
func (t *table) slot(hash uint64, key []byte) uint64 {
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		at := t.slots[i]
		if at == none {
			return i
		}
		if n := &t.nodes[at]; n.hash == hash && bytes.Equal(n.key, key) {
			return i
		}
	}
}

func (t *table) find(key []byte) int32 {
	if len(t.nodes) == 1 {
		return none
	}
	return t.slots[t.slot(maphash.Bytes(t.seed, key), key)]
}

// set writes a row.
func (t *table) set(key, value []byte, deleted bool) {
	hash := maphash.Bytes(t.seed, key)
	i := t.slot(hash, key)
	if at := t.slots[i]; at != none {
		t.update(&t.nodes[at], value, deleted)
		return
	}
	at := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{
		version: version{value: t.arena.hold(value, len(value)), deleted: deleted, since: t.now},
		key:     t.arena.hold(key, len(key)), hash: hash, tower: -1,
	})
	t.slots[i] = at
	t.pending = append(t.pending, at)
	if 2*len(t.nodes) > len(t.slots) {
		t.grow()
	}
}

func (t *table) grow() {
	t.slots = make([]int32, 2*len(t.slots))
	mask := uint64(len(t.slots) - 1)
	for at := 1; at < len(t.nodes); at++ {
		i := t.nodes[at].hash & mask
		for t.slots[i] != none {
			i = (i + 1) & mask
		}
		t.slots[i] = int32(at)
	}
}

// update gives a node a new version, in place of the newest one unless a scan
// may still see that.
func (t *table) update(n *node, value []byte, deleted bool) {
	if t.scans > 0 && n.since < t.now {
		t.old = append(t.old, n.version)
		n.before = int32(len(t.old))
		n.value = t.arena.hold(value, len(value))
	} else if len(value) <= cap(n.value) {
		n.value = append(n.value[:0], value...)
	} else {
		// Rows that grow once often grow again.
		n.value = t.arena.hold(value, len(value)+len(value)/4)
	}
	n.deleted, n.since = deleted, t.now
}

// beginScan says which versions a scan sees from now on.
func (t *table) beginScan() uint64 {
	t.link()
	t.scans++
	t.now++
	return t.now - 1
}

// endScan forgets old versions when nobody can see them. Nodes still name
// them, but no later scan follows: it sees the versions that are newest now.
func (t *table) endScan() {
	t.scans--
	if t.scans == 0 {
		clear(t.old)
		t.old = t.old[:0]
	}
}

// visible is the version of a node that a scan sees, if it sees any.
func (t *table) visible(n *node, snapshot uint64) (v version, ok bool) {
	v = n.version
	for v.since > snapshot {
		if v.before == 0 {
			return version{}, false
		}
		v = t.old[v.before-1]
	}
	return v, true
}

// deleteRange deletes the rows from from to to that are staged.
func (t *table) deleteRange(from, to []byte) {
	t.link()
	for at := t.seek(from); at != none && bytes.Compare(t.nodes[at].key, to) < 0; at = t.next(at) {
		if n := &t.nodes[at]; !n.deleted {
			t.update(n, nil, true)
		}
	}
}

// appendTo appends the newest versions, but no deletion of a key that a
// deleted range has.
func (t *table) appendTo(changes []Change, gone ranges) []Change {
	for i := 1; i < len(t.nodes); i++ {
		n := &t.nodes[i]
		switch {
		case !n.deleted:
			changes = append(changes, Change{Op: OpPut, Key: n.key, Value: n.value})
		case !gone.covers(n.key):
			changes = append(changes, Change{Op: OpDelete, Key: n.key})
		}
	}
	return changes
}
