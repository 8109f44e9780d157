package pebblestore_test

import (
	"encoding/binary"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mm2/streams/state"
	"mm2/streams/state/pebblestore"
)

// What is too much to count is told about right, wherever the rows are.
func TestApproxLenOfManyRows(t *testing.T) {
	db := open(t, "db", pebblestore.Options{FS: vfs.NewMem()})
	const rows = 50_000
	key := func(i int) []byte { return binary.BigEndian.AppendUint32([]byte{7}, uint32(i)) }
	for i := 0; i < rows; {
		var batch []state.Change
		for range 1000 {
			batch = append(batch, state.Change{Op: state.OpPut, Key: key(i), Value: make([]byte, 50)})
			i++
		}
		if err := db.Write(batch); err != nil {
			t.Fatal(err)
		}
	}
	for _, flushed := range []bool{false, true} {
		for _, c := range []struct {
			from, to []byte
			want     int64
		}{{nil, nil, rows}, {key(rows / 2), nil, rows / 2}, {key(1000), key(41_000), 40_000}, {key(5), key(10), 5}} {
			least := c.want * 3 / 4
			if !flushed {
				least = min(least, 20_000) // the last keys may be in memory only
			}
			if got := db.ApproxLen(c.from, c.to); got < least || got > c.want*5/4 {
				t.Errorf("from %x to %x: about %d rows, want %d", c.from, c.to, got, c.want)
			}
		}
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}
