package streams

import (
	"encoding/binary"
	"fmt"
)

// waitingID is the key of a row: 8 bytes of time, 1 of side, and the record's key.
type waitingID struct {
	at   int64
	left bool
	key  []byte
}

const waitingHead = 8 + 1

func (id waitingID) appendTo(dst []byte) []byte {
	return append(append(binary.BigEndian.AppendUint64(dst, uint64(id.at)), side(id.left)), id.key...)
}

func waitingIDOf(b []byte) (waitingID, error) {
	if len(b) < waitingHead || b[8] > 1 {
		return waitingID{}, fmt.Errorf("%x is no key of a record that waits: want 8 bytes of time, 1 of side (0 or 1) and a key", b)
	}
	return waitingID{at: int64(binary.BigEndian.Uint64(b)), left: b[8] == 1, key: b[waitingHead:]}, nil
}

func side(left bool) byte {
	if left {
		return 1
	}
	return 0
}

// A row's value is a list: a byte 1, 4 bytes of count, and each entry with 4 bytes
// of length, 1 of side, and the value.
const waitingListHead = 1 + 4

// appendWaiting is the list with one more entry; an empty list begins a new one.
func appendWaiting(list []byte, left bool, value func(dst []byte) ([]byte, error)) ([]byte, error) {
	if len(list) == 0 {
		list = []byte{1, 0, 0, 0, 0}
	}
	if len(list) < waitingListHead {
		return nil, fmt.Errorf("a list of records that wait has %d bytes, want at least %d", len(list), waitingListHead)
	}
	out := append(make([]byte, 0, len(list)+32), list...)
	at := len(out)
	out, err := value(append(out, 0, 0, 0, 0, side(left)))
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	binary.BigEndian.PutUint32(out[1:], binary.BigEndian.Uint32(out[1:])+1)
	return out, nil
}

// eachWaiting gives the entries of a list to fn.
func eachWaiting(list []byte, fn func(left bool, value []byte) error) error {
	if len(list) < waitingListHead || list[0] != 1 {
		return fmt.Errorf("%x is no list of records that wait: want a byte 1 and 4 of count", list)
	}
	count, rest := binary.BigEndian.Uint32(list[1:]), list[waitingListHead:]
	for i := range count {
		if len(rest) < 4 {
			return fmt.Errorf("a list of %d records that wait ends in the length of number %d", count, i)
		}
		n := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		if n < 1 || uint64(n) > uint64(len(rest)) || rest[0] > 1 {
			return fmt.Errorf("a list of %d records that wait: number %d has a length of %d, and %d bytes follow: want a side (0 or 1) and a value", count, i, n, len(rest))
		}
		if err := fn(rest[0] == 1, rest[1:n:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes follow a list of %d records that wait", len(rest), count)
	}
	return nil
}
