package state

const (
	firstChunk = 16 << 10
	lastChunk  = 1 << 20
	maxKept    = 1 << 20 // chunks of more bytes are given back at a reset
)

// arena is memory for keys and values that are all given up at once.
type arena struct {
	chunks [][]byte // whole ones; those before next are in use
	next   int
	free   []byte // what is left of the chunk in use
	kept   int    // bytes of chunks
	used   int    // bytes given out
}

// hold copies b into memory of the arena that has room for capacity bytes.
func (a *arena) hold(b []byte, capacity int) []byte {
	a.used += capacity
	if capacity > len(a.free) || a.free == nil { // an empty value is not nil
		if capacity > firstChunk/4 {
			return append(make([]byte, 0, capacity), b...)
		}
		a.refill()
	}
	place := a.free[:0:capacity]
	a.free = a.free[capacity:]
	return append(place, b...)
}

// refill takes the next chunk, each new one twice as large as the last.
func (a *arena) refill() {
	if a.next == len(a.chunks) {
		size := firstChunk
		if a.next > 0 {
			size = min(2*len(a.chunks[a.next-1]), lastChunk)
		}
		a.chunks = append(a.chunks, make([]byte, size))
		a.kept += size
	}
	a.free = a.chunks[a.next]
	a.next++
}

func (a *arena) reset() {
	for len(a.chunks) > 0 && a.kept > maxKept {
		last := len(a.chunks) - 1
		a.kept -= len(a.chunks[last])
		a.chunks[last] = nil
		a.chunks = a.chunks[:last]
	}
	a.next, a.free, a.used = 0, nil, 0
}
