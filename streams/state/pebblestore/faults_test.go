package pebblestore_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mm2/streams/state"
	"mm2/streams/state/pebblestore"
	"mm2/streams/state/statetest"
)

func write(t testing.TB, db state.DB, keys ...string) {
	t.Helper()
	var changes []state.Change
	for _, key := range keys {
		changes = append(changes, state.Change{Op: state.OpPut, Key: []byte(key), Value: []byte("of " + key)})
	}
	if err := db.Write(changes); err != nil {
		t.Fatal(err)
	}
}

func TestRowsOutliveClose(t *testing.T) {
	dir := t.TempDir()
	for _, key := range []string{"a", "b", "c"} {
		db := open(t, dir, pebblestore.Options{})
		write(t, db, key)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db := open(t, dir, pebblestore.Options{})
	statetest.Model{"a": "of a", "b": "of b", "c": "of c"}.Check(t, db)
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, pebblestore.Options{})
	_, err := pebblestore.Open(dir, pebblestore.Options{})
	if err == nil || !strings.Contains(err.Error(), dir) || errors.Is(err, state.ErrCorrupt) {
		t.Errorf("the second time: %v", err)
	}
}

// Damaged files are told apart from other trouble, with their directory.
func TestDamagedFiles(t *testing.T) {
	for pattern, damage := range map[string]func(string) error{
		"MANIFEST-*": func(name string) error { return os.WriteFile(name, []byte("nothing like it"), 0o600) },
		"*.sst":      os.Remove,
	} {
		t.Run(pattern, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "0_1")
			db := open(t, dir, pebblestore.Options{})
			write(t, db, "a", "b")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(names) == 0 {
				t.Fatal(names, err)
			}
			for _, name := range names {
				if err := damage(name); err != nil {
					t.Fatal(err)
				}
			}
			_, err = pebblestore.Open(dir, pebblestore.Options{})
			wantCorrupt(t, dir, err)
		})
	}
}

func wantCorrupt(t *testing.T, dir string, err error) {
	t.Helper()
	if !errors.Is(err, state.ErrCorrupt) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "remove the directory") {
		t.Errorf("%v", err)
	}
}

// A damaged block is met by reads, which say so and do not end the process.
func TestDamagedBlock(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, pebblestore.Options{})
	write(t, db, "a", "b")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	text[3] ^= 0xff
	if err := os.WriteFile(names[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	db = open(t, dir, pebblestore.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	_, _, err = db.Get([]byte("a"))
	wantCorrupt(t, dir, err)
	err = nil
	for _, err = range db.Scan(nil, nil, false) {
	}
	wantCorrupt(t, dir, err)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "file is damaged") {
		t.Errorf("log: %s", log.String())
	}
}

// While the disk is full nothing hangs, writes are refused, and Close says
// that rows are lost.
func TestFullDisk(t *testing.T) {
	full := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
			return syscall.ENOSPC
		}
		return nil
	})
	toggle := &errorfs.Toggle{Injector: full}
	fs := vfs.NewMem()
	opts := pebblestore.Options{FS: errorfs.Wrap(fs, toggle)}
	db := open(t, "db", opts)
	write(t, db, "a")
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	write(t, db, "b")
	toggle.On()
	for what, err := range map[string]error{
		"flush": db.Flush(),
		"write": db.Write([]state.Change{{Op: state.OpPut, Key: []byte("c")}}),
		"close": db.Close(),
	} {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", what, err)
		}
	}
	db = open(t, "db", pebblestore.Options{FS: fs})
	statetest.Model{"a": "of a"}.Check(t, db)
}
