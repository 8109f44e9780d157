package state

import (
	"encoding/binary"
	"fmt"
	"math"
)

// spaceBytes is the length of the store number that each key begins with.
const spaceBytes = 2

// space is the part of a DB's keys that one store has: those that begin with
// its number.
type space struct {
	begin, end [spaceBytes]byte
}

func newSpace(number uint16) space {
	if number == 0 || number == math.MaxUint16 {
		panic(fmt.Sprintf("store number %d is not from 1 to %d", number, math.MaxUint16-1))
	}
	return numbered(number)
}

func numbered(number uint16) (s space) {
	binary.BigEndian.PutUint16(s.begin[:], number)
	binary.BigEndian.PutUint16(s.end[:], number+1)
	return s
}

// appendKey appends the DB's key of a key of the store.
func (s *space) appendKey(dst, key []byte) []byte {
	return append(append(dst, s.begin[:]...), key...)
}

// bounds are the DB's bounds of bounds of the store, in memory of their own.
func (s *space) bounds(from, to []byte) (first, end []byte) {
	both := make([]byte, 0, 2*spaceBytes+len(from)+len(to))
	both = s.appendKey(both, from)
	n := len(both)
	if to == nil {
		both = append(both, s.end[:]...)
	} else {
		both = s.appendKey(both, to)
	}
	return both[:n:n], both[n:]
}
