package state

import "iter"

// DB is an ordered map of byte keys that holds the rows of all stores of one
// task, so that one batch writes rows of several stores, and how far their
// changelogs are in them, together or not at all. One goroutine writes; Get and
// Scan may be called by others at the same time.
type DB interface {
	// Get is the value of a key, owned by the caller, and whether there is one.
	Get(key []byte) (value []byte, ok bool, err error)
	// Scan has the rows from from (included) to to (not included; nil is the
	// end), as they were at the call. The slices are valid for one step. An error
	// ends the scan and is given with an empty row.
	Scan(from, to []byte, reverse bool) iter.Seq2[Row, error]
	// Write applies all changes, in their order, or none. It does not wait for
	// the disk: after a crash the DB is as some earlier Write left it.
	Write(changes []Change) error
	// Flush makes what was written survive a crash.
	Flush() error
	// ApproxLen is about the number of rows between two keys.
	ApproxLen(from, to []byte) int64
	// Close flushes and releases the DB.
	Close() error
}

// Change is one change of a DB's rows. Its slices are not kept after the call
// that it is given to.
type Change struct {
	Op    Op
	Key   []byte
	Value []byte // of OpPut; of OpDeleteRange the end, which is not included
}

// Op is what a Change does.
type Op uint8

// The changes there are.
const (
	OpPut Op = iota
	OpDelete
	OpDeleteRange
)
