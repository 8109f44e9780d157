package state

import (
	"errors"
	"fmt"
	"slices"
)

// ErrReadOnly is what a view of committed rows answers to writes.
var ErrReadOnly = errors.New("rows of the last commit can only be read")

// Staged is what the stores of one task wrote since the last commit, in front
// of the task's DB. Reads see both. Commit hands the writes to the DB in one
// batch, Drop forgets them: the DB only ever holds what a commit made of it.
//
// It belongs to one goroutine. What Committed gives may be used by all.
type Staged struct {
	db     DB
	get    GetAppender
	table  *table
	ranges ranges // of rows of the DB that are deleted

	key     []byte // the key of the call under way
	value   []byte // the row that the last Get read from the DB
	changes []Change
	missing Meta // rows of the layout that the next commit adds
}

// NewStaged stages writes to db, which stays the caller's to flush and close.
func NewStaged(db DB) *Staged {
	get, ok := db.(GetAppender)
	if !ok {
		get = getAppender{db}
	}
	return &Staged{db: db, get: get, table: newTable(), value: make([]byte, 0, 256)}
}

// getAppender serves a DB that has no better way.
type getAppender struct{ db DB }

func (g getAppender) AppendGet(dst, key []byte) (value []byte, ok bool, err error) {
	value, ok, err = g.db.Get(key)
	return append(dst, value...), ok, err
}

// Rows are the rows of the store of this number: those of the last commit and
// what was staged after it. Numbers go from 1 to 65534; 0 is for meta rows. An
// iteration may write to the rows that it iterates.
func (s *Staged) Rows(number uint16) Rows {
	return &stagedRows{s: s, space: newSpace(number)}
}

// Committed are the rows of the store of this number as the last commit left
// them. They may be read by any goroutine at any time; writes to them give
// ErrReadOnly.
func (s *Staged) Committed(number uint16) Rows {
	return committedRows{db: s.db, space: newSpace(number)}
}

// Size is about how many bytes of memory the staged writes take.
func (s *Staged) Size() int {
	return s.table.size() + s.ranges.size()
}

// Commit writes all that is staged, and these meta rows, to the DB: all or
// nothing. A meta row of nil is deleted. Afterwards nothing is staged. After an
// error everything still is, and the DB is as it was: Drop it, or try again.
func (s *Staged) Commit(meta Meta) error {
	changes := s.ranges.appendTo(s.changes[:0])
	changes = s.table.appendTo(changes, s.ranges)
	changes = s.missing.appendTo(changes)
	changes = meta.appendTo(changes)
	s.changes = changes
	if len(changes) == 0 {
		return nil
	}
	err := s.db.Write(changes)
	clear(changes)
	if cap(changes) > maxKeptNodes {
		s.changes = nil
	}
	if err != nil {
		return fmt.Errorf("commit %d staged changes: %w", len(changes), err)
	}
	s.missing = nil
	s.Drop()
	return nil
}

// Drop forgets what was staged since the last commit.
func (s *Staged) Drop() {
	s.ranges = nil
	if s.table.scans > 0 {
		// A scan under way still reads the old one.
		s.table = newTable()
		return
	}
	s.table.reset()
}

// fetch reads a key of the DB that the overlay has no entry of. The value is
// good until the next fetch.
func (s *Staged) fetch(key []byte) (value []byte, ok bool, err error) {
	if s.ranges.covers(key) {
		return nil, false, nil
	}
	value, ok, err = s.get.AppendGet(s.value[:0], key)
	if err != nil || !ok {
		return nil, false, err
	}
	if cap(value) <= maxKeptValue {
		s.value = value
	}
	return slices.Clip(value), true, nil
}

// maxKeptValue is the largest value that fetch keeps the memory of.
const maxKeptValue = 1 << 20
