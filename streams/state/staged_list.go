package state

import "bytes"

// link puts the pending nodes into the list.
func (t *table) link() {
	for _, at := range t.pending {
		t.insert(at)
	}
	t.pending = t.pending[:0]
}

func (t *table) insert(at int32) {
	var before [maxHeight]int32
	t.descend(t.nodes[at].key, &before)
	height := t.height()
	n := &t.nodes[at]
	n.tower = int32(len(t.links))
	n.prev = before[0]
	if after := t.next(before[0]); after != none {
		t.nodes[after].prev = at
	}
	for level := range height {
		link := &t.links[t.nodes[before[level]].tower+int32(level)]
		t.links = append(t.links, *link)
		// The append may have moved the links.
		t.links[t.nodes[before[level]].tower+int32(level)] = at
	}
}

// height is 1 for three nodes in four, 2 for three in four of the others, and
// so on.
func (t *table) height() int {
	t.random ^= t.random << 13
	t.random ^= t.random >> 17
	t.random ^= t.random << 5
	height := 1
	for r := t.random; height < maxHeight && r&3 == 0; r >>= 2 {
		height++
	}
	return height
}

// descend finds the last node before key, the head if there is none, and those
// on the way on each level.
func (t *table) descend(key []byte, before *[maxHeight]int32) int32 {
	at := int32(none)
	for level := int32(maxHeight - 1); level >= 0; level-- {
		for {
			next := t.links[t.nodes[at].tower+level]
			if next == none || bytes.Compare(t.nodes[next].key, key) >= 0 {
				break
			}
			at = next
		}
		before[level] = at
	}
	return at
}

// next is the node after at.
func (t *table) next(at int32) int32 { return t.links[t.nodes[at].tower] }

// seek is the first node that is not before key. Pending nodes are not found.
func (t *table) seek(key []byte) int32 { return t.next(t.seekBefore(key)) }

// seekBefore is the last node before key. Pending nodes are not found.
func (t *table) seekBefore(key []byte) int32 {
	var before [maxHeight]int32
	return t.descend(key, &before)
}
