package state

import (
	"errors"
	"iter"
)

// ErrClosed is what a DB answers after Close, and what a Scan ends with that
// Close overtook.
var ErrClosed = errors.New("the store is closed")

// ErrCorrupt marks an error of rows that cannot be read as they were written.
// They are no use any more: whoever owns the DB removes it and fills a new one
// from the changelogs.
var ErrCorrupt = errors.New("the store's files are damaged")

// DB is an ordered map of byte keys, none of them empty, that holds the rows of all stores of one
// task, so that one batch writes rows of several stores, and how far their
// changelogs are in them, together or not at all. One goroutine writes; Get,
// Scan and ApproxLen may be called by others at the same time.
type DB interface {
	// Get is the value of a key, owned by the caller, and whether there is one.
	Get(key []byte) (value []byte, ok bool, err error)
	// Scan has the rows from from (included; nil is the beginning) to to (not
	// included; nil is the end), as they were when the loop began. The slices are
	// valid for one step and not to be changed; from and to are not to be changed
	// before the loop is over. An error ends the scan and is given with an empty
	// row.
	Scan(from, to []byte, reverse bool) iter.Seq2[Row, error]
	// Write applies all changes, in their order, or none. It does not wait for
	// the disk: after a crash the DB is as some earlier Write left it.
	Write(changes []Change) error
	// Flush makes what was written survive a crash.
	Flush() error
	// ApproxLen is about the number of rows that Scan would have.
	ApproxLen(from, to []byte) int64
	// Close flushes and releases the DB. It waits for calls under way, and ends
	// scans of others at their next step: it must not be called in a scan's loop.
	// A second Close does nothing.
	Close() error
}

// GetAppender is a DB that can read a value into memory of the caller, which
// saves an allocation for each row that is read.
type GetAppender interface {
	// AppendGet is Get with the value appended to dst.
	AppendGet(dst, key []byte) (value []byte, ok bool, err error)
}

// Change is one change of a DB's rows. Its slices are not kept after the call
// that it is given to.
type Change struct {
	Op    Op
	Key   []byte
	Value []byte // of OpPut; of OpDeleteRange the end, which is not included, nil for all
}

// Op is what a Change does.
type Op uint8

// The changes there are.
const (
	OpPut Op = iota
	OpDelete
	OpDeleteRange
)
