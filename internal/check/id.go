package check

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ID is the unique number of a record: that of its producer in the upper 24
// bits, its place among the producer's records in the lower 40.
type ID uint64

const sequenceBits = 40

// NewID is the id of record sequence of a producer.
func NewID(producer uint32, sequence uint64) ID {
	return ID(producer)<<sequenceBits | ID(sequence&(1<<sequenceBits-1))
}

// Producer is the number of the producer, at most 24 bits.
func (id ID) Producer() uint32 { return uint32(id >> sequenceBits) }

// Sequence is the place of the record among those of its producer.
func (id ID) Sequence() uint64 { return uint64(id) & (1<<sequenceBits - 1) }

// String is the form in which records carry the id: "00002a-17".
func (id ID) String() string { return fmt.Sprintf("%06x-%d", id.Producer(), id.Sequence()) }

// ParseID reads what [ID.String] prints.
func ParseID(text []byte) (ID, bool) {
	producer, sequence, ok := bytes.Cut(text, []byte{'-'})
	if !ok || len(producer) != 6 {
		return 0, false
	}
	p, err := strconv.ParseUint(string(producer), 16, 64-sequenceBits)
	if err != nil {
		return 0, false
	}
	s, err := strconv.ParseUint(string(sequence), 10, sequenceBits)
	if err != nil {
		return 0, false
	}
	return NewID(uint32(p), s), true
}

// Header is the key of the header that carries the id.
const Header = "check-id"

// Extract finds the id of a record; false if it has none. It may be called by
// several goroutines at once and must not keep the record.
type Extract func(*kgo.Record) (ID, bool)

// NumberOf is the usual [Extract]: the last header named [Header], or, for
// records that must travel without headers, a value that starts with "#id#".
func NumberOf(r *kgo.Record) (ID, bool) {
	for _, h := range slices.Backward(r.Headers) {
		if h.Key == Header {
			return ParseID(h.Value)
		}
	}
	if len(r.Value) == 0 || r.Value[0] != '#' {
		return 0, false
	}
	text, _, ok := bytes.Cut(r.Value[1:], []byte{'#'})
	if !ok {
		return 0, false
	}
	return ParseID(text)
}

// ByValue is an [Extract] for records of other programs: the value is the
// identity, so values must differ. Records without a value have no id.
func ByValue(r *kgo.Record) (ID, bool) {
	if len(r.Value) == 0 {
		return 0, false
	}
	return ID(maphash.Bytes(seed, r.Value)), true
}
