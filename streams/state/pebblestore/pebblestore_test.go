package pebblestore_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mm2/streams/state"
	"mm2/streams/state/pebblestore"
	"mm2/streams/state/statetest"
)

func open(t testing.TB, dir string, opts pebblestore.Options) state.DB {
	t.Helper()
	db, err := pebblestore.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// small makes flushes and compactions happen in short histories.
func small(t testing.TB) pebblestore.Options {
	shared := pebblestore.NewShared(1 << 20)
	t.Cleanup(shared.Close)
	return pebblestore.Options{Shared: shared, FlushRecords: 50, FlushBytes: 64 << 10, FS: vfs.NewMem()}
}

func TestPebble(t *testing.T) {
	statetest.Run(t, func(t *testing.T) state.DB { return open(t, "db", small(t)) })
}

func TestPebbleOnDisk(t *testing.T) {
	statetest.Run(t, func(t *testing.T) state.DB { return open(t, t.TempDir(), pebblestore.Options{}) })
}

func TestStagedInFrontOfPebble(t *testing.T) {
	statetest.RunStaged(t, func(t *testing.T) state.DB { return open(t, "db", small(t)) })
}
