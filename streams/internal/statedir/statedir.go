// Package statedir keeps the state directory of one instance of an
// application:
//
//	<state.dir>/<application.id>/
//		.lock                            held by the process
//		kafka-streams-process-metadata   its process id
//		<subtopology>_<partition>/       one task's stores
//		global/                          the global stores
//
// Open locks it for the process, Dir.Acquire a task's directory for one thread,
// and Dir.Clean removes those that nobody came back for.
package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrLocked is Open's error when another instance has the directory.
var ErrLocked = errors.New("another instance uses it")

// ErrOwned is Acquire's error while another owner has the task.
var ErrOwned = errors.New("the task's directory is still owned")

const (
	lockName   = ".lock"
	trashName  = ".trash"
	globalName = "global"

	dirMode  = 0o750
	fileMode = 0o640
)

// Config is where the directory is.
type Config struct {
	StateDir      string // state.dir
	ApplicationID string // application.id
	Now           func() time.Time
	Log           *slog.Logger
}

// Dir is the state directory of an instance. Its methods may be called by any
// goroutine.
type Dir struct {
	path      string
	processID string
	now       func() time.Time
	log       *slog.Logger
	lock      *os.File

	mu     sync.Mutex
	owners map[string]string // by the directory's name
}

// Open makes the directory if need be and locks it until Close. While another
// process, or this one by another Dir, has it, the error is ErrLocked.
func Open(cfg Config) (*Dir, error) {
	d := &Dir{
		path:   filepath.Join(cfg.StateDir, cfg.ApplicationID),
		now:    cfg.Now,
		log:    cfg.Log,
		owners: make(map[string]string),
	}
	if name := cfg.ApplicationID; name == "." || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return nil, fmt.Errorf("open state directory: application.id %q cannot be the name of a directory", cfg.ApplicationID)
	}
	if err := d.open(cfg.StateDir); err != nil {
		if d.lock != nil {
			err = errors.Join(err, d.lock.Close())
		}
		return nil, fmt.Errorf("open state directory %s: %w", d.path, err)
	}
	return d, nil
}

func (d *Dir) open(parent string) error {
	if err := os.MkdirAll(parent, dirMode); err != nil {
		return err
	}
	if err := makeDir(d.path); err != nil {
		return err
	}
	var err error
	if d.lock, err = os.OpenFile(filepath.Join(d.path, lockName), os.O_RDWR|os.O_CREATE, fileMode); err != nil {
		return err
	}
	locked, err := tryLock(d.lock)
	if err != nil {
		return fmt.Errorf("lock %s: %w", lockName, err)
	}
	if !locked {
		return fmt.Errorf("%w; give each instance on a machine a state.dir of its own", ErrLocked)
	}
	// What a removal left that did not come to its end.
	if err := os.RemoveAll(filepath.Join(d.path, trashName)); err != nil {
		return err
	}
	d.processID, err = d.readProcessID()
	return err
}

// makeDir makes a directory that its group may read and others not, whatever
// the umask. One that is there is left as it is.
func makeDir(path string) error {
	if err := os.Mkdir(path, dirMode); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return os.Chmod(path, dirMode)
}

// Path is the directory.
func (d *Dir) Path() string { return d.path }

// ProcessID is the instance's id, a UUID: made once, and the same after every
// restart on this directory.
func (d *Dir) ProcessID() string { return d.processID }

// Close gives the directory to other processes. All tasks must have been
// released; otherwise it stays locked, and the error names them.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lock == nil {
		return nil
	}
	if len(d.owners) > 0 {
		return fmt.Errorf("close state directory %s: still owned: %v", d.path, d.owners)
	}
	// The lock goes with the file. The file stays: another process may have it
	// open already, and must not lock a file that a third one cannot see.
	err := d.lock.Close()
	d.lock = nil
	return err
}
