package pebblestore

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// flushes is how flushes in the background fare.
type flushes struct {
	mu     sync.Mutex
	err    error         // of the last one
	failed chan struct{} // closed when one fails
}

// state is the error of the last flush, and what is closed when another fails.
func (f *flushes) state() (failed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed, f.err
}

// ended says whether the flush is the first to fail in a row: the engine tries
// again and again, and once is enough to be told.
func (f *flushes) ended(err error) (news bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	news = err != nil && f.err == nil
	f.err = err
	if err != nil {
		close(f.failed)
		f.failed = make(chan struct{})
	}
	return news
}

// emptyTable is the error of a flush that had nothing to write to a file, the
// only one that is none.
const emptyTable = "pebble: empty table"

func (s *store) listener() *pebble.EventListener {
	return &pebble.EventListener{
		FlushEnd: func(info pebble.FlushInfo) {
			err := info.Err
			if err != nil && err.Error() == emptyTable {
				err = nil
			}
			if s.flushes.ended(err) {
				s.log.Error("flush failed; writes are refused until one succeeds", "err", err)
			}
			s.flushing.Store(false)
		},
		BackgroundError: func(err error) {
			s.log.Debug("background work failed", "err", err)
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.log.Error("file is damaged; remove the directory, the changelog has its rows", "file", info.Path, "err", info.Details)
		},
	}
}

// logger hands what the engine says to slog.
type logger struct{ log *slog.Logger }

func (l logger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("store engine", "says", fmt.Sprintf(format, args...))
	}
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("store engine", "says", fmt.Sprintf(format, args...))
}

// Fatalf must not return: the engine calls it where it cannot go on, as when
// it cannot write its list of files.
func (l logger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.log.Error("store engine cannot go on", "says", text)
	panic("store engine: " + text)
}
