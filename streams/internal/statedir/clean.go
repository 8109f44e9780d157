package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Clean removes the directories of tasks that nobody owns and nobody touched
// for age, and says which: those of tasks that moved elsewhere. A directory
// that cannot be removed does not stop it.
func (d *Dir) Clean(age time.Duration) (removed []TaskID, err error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("clean state directory: %w", err)
	}
	var failed []error
	for _, entry := range entries {
		id, ok := ParseTaskID(entry.Name())
		if !ok || !entry.IsDir() {
			continue
		}
		gone, err := d.cleanTask(id, age)
		if err != nil {
			failed = append(failed, fmt.Errorf("clean state directory of task %v in %s: %w", id, d.path, err))
		}
		if gone {
			removed = append(removed, id)
		}
	}
	return removed, errors.Join(failed...)
}

func (d *Dir) cleanTask(id TaskID, age time.Duration) (removed bool, err error) {
	name := id.String()
	if d.claim(name, "the cleaner") != nil {
		return false, nil
	}
	defer d.unclaim(name)
	touched, err := lastTouched(filepath.Join(d.path, name))
	if err != nil || d.now().Sub(touched) <= age {
		return false, err
	}
	if err := d.remove(name); err != nil {
		return false, err
	}
	d.log.Info("state of a task that is elsewhere now was removed", "task", name, "dir", d.path, "untouched_since", touched)
	return true, nil
}

// lastTouched is the newest time of a directory and what is in it. A process
// that crashed did not note the time at its end, but its files tell.
func lastTouched(dir string) (newest time.Time, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return err
	})
	return newest, err
}

// IsTemporary says whether a directory is where the system puts temporary
// files, and may remove them: state there may have to be restored from the
// beginning at any start.
func IsTemporary(dir string) bool {
	for _, temporary := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if within(dir, temporary) {
			return true
		}
	}
	return false
}

func within(dir, parent string) bool {
	rel, err := filepath.Rel(resolve(parent), resolve(dir))
	return err == nil && filepath.IsLocal(rel)
}

// resolve follows links, as far as the path is there.
func resolve(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}
