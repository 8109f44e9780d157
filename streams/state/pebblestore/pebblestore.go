// Package pebblestore keeps the rows of a task's stores on disk: Open gives a
// state.DB on Pebble, an engine of sorted files. NewShared makes the caches
// that all stores of a process share.
//
// It writes no log of its own. What was written since the last flush is lost in
// a crash, and what is left is what an earlier Write made, whole: the
// changelogs of the stores have the rest, from the offsets on that were written
// in the same batches.
package pebblestore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mm2/streams/state"
)

// Shared are caches for all stores of a process: one for blocks of files, one
// for open files.
type Shared struct {
	blocks *pebble.Cache
	files  *pebble.FileCache
}

// maxOpenFiles bounds the files that stores keep open; more are closed and
// opened again. A process is usually allowed 1024 and has sockets too.
const maxOpenFiles = 512

// NewShared makes caches; that of blocks takes cacheBytes of memory at most, of
// which stores also reserve what they keep in memory until it is flushed. Close
// it after the stores that use it.
func NewShared(cacheBytes int64) *Shared {
	return &Shared{
		blocks: pebble.NewCache(cacheBytes),
		files:  pebble.NewFileCache(runtime.GOMAXPROCS(0), maxOpenFiles),
	}
}

// Close releases the caches when the last store that uses them is closed.
func (s *Shared) Close() {
	s.files.Unref()
	s.blocks.Unref()
}

// The values of Options that are zero.
const (
	// DefaultFlushRecords bounds what is read again after a crash. It is how
	// many records Kafka Streams lets pass between two writes of a store's
	// offsets.
	DefaultFlushRecords = 10_000
	// DefaultFlushBytes is small, because each task has a store and each store
	// reserves up to twice as much.
	DefaultFlushBytes = 8 << 20
)

// Options are how a store works. The zero value is a store with small caches
// of its own that logs nothing.
type Options struct {
	// Shared are the caches; nil gives the store its own.
	Shared *Shared
	// Log gets what goes wrong in the background, and at level debug whatever
	// else the engine has to say. It may be nil.
	Log *slog.Logger
	// FlushRecords is after how many changes a flush begins in the background.
	FlushRecords int
	// FlushBytes is after how many bytes one begins at the latest.
	FlushBytes int
	// FS is the file system, the disk if nil.
	FS vfs.FS
}

// Open opens the store in a directory, or makes one there. One process opens it
// once at a time. Damaged files give an error that is state.ErrCorrupt; so do
// reads that meet them later.
func Open(dir string, opts Options) (state.DB, error) {
	s := &store{
		dir:          dir,
		flushRecords: cmp.Or(opts.FlushRecords, DefaultFlushRecords),
		log:          cmp.Or(opts.Log, slog.New(slog.DiscardHandler)).With("dir", dir),
	}
	s.gate.init()
	s.flushes.failed = make(chan struct{})
	db, err := pebble.Open(dir, s.options(opts))
	if err != nil {
		return nil, s.failed("open", err)
	}
	s.db = db
	return s, nil
}

func (s *store) options(opts Options) *pebble.Options {
	o := &pebble.Options{
		DisableWAL:         true,
		FormatMajorVersion: pebble.FormatNewest,
		FS:                 opts.FS,
		Logger:             logger{s.log},
		EventListener:      s.listener(),
		MemTableSize:       uint64(cmp.Or(opts.FlushBytes, DefaultFlushBytes)),
	}
	if opts.Shared != nil {
		o.Cache, o.FileCache = opts.Shared.blocks, opts.Shared.files
	} else {
		o.CacheSize, o.MaxOpenFiles = 8<<20, maxOpenFiles
	}
	for i := range o.Levels {
		// Aggregates look for keys that are not there yet.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// store is a state.DB on disk.
type store struct {
	db           *pebble.DB
	dir          string
	log          *slog.Logger
	flushRecords int
	gate         gate
	flushes      flushes
	unflushed    int         // changes since the last flush began; the writer's
	flushing     atomic.Bool // a flush in the background is under way
}

var _ state.GetAppender = (*store)(nil)

// failed says what was tried and where, and of damaged files what to do.
func (s *store) failed(what string, err error) error {
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) { // a file that the others name
		return fmt.Errorf("%s store in %s: %w: %w; remove the directory, the changelog has its rows", what, s.dir, state.ErrCorrupt, err)
	}
	return fmt.Errorf("%s store in %s: %w", what, s.dir, err)
}

func (s *store) closed(what string) error {
	return s.failed(what, state.ErrClosed)
}

// Flush makes what was written survive a crash. It gives up when a flush
// fails, as on a full disk, though the engine goes on trying.
func (s *store) Flush() error {
	if !s.gate.enter() {
		return s.closed("flush")
	}
	defer s.gate.leave()
	return s.flush()
}

func (s *store) flush() error {
	failed, err := s.flushes.state()
	if err != nil {
		return s.failed("flush", err)
	}
	done, err := s.db.AsyncFlush()
	if err != nil {
		return s.failed("flush", err)
	}
	s.unflushed = 0
	select {
	case <-done:
		return nil
	case <-failed:
		_, err = s.flushes.state()
		return s.failed("flush", cmp.Or(err, errFlush))
	}
}

var errFlush = errors.New("a flush failed")

// Close flushes, for nothing else has what is in memory, and closes the files.
func (s *store) Close() error {
	if !s.gate.close() {
		return nil
	}
	flushed := s.flush()
	closed := s.db.Close()
	if closed != nil {
		closed = s.failed("close", closed)
	}
	return errors.Join(flushed, closed)
}
