package statedir

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// TaskID names a task: a subtopology and a partition.
type TaskID struct {
	Subtopology, Partition int32
}

// String is the name of the task's directory: "0_1".
func (id TaskID) String() string { return fmt.Sprintf("%d_%d", id.Subtopology, id.Partition) }

// ParseTaskID reads what String writes, and nothing else.
func ParseTaskID(name string) (id TaskID, ok bool) {
	subtopology, partition, _ := strings.Cut(name, "_")
	s, err1 := strconv.ParseInt(subtopology, 10, 32)
	p, err2 := strconv.ParseInt(partition, 10, 32)
	id = TaskID{int32(s), int32(p)}
	return id, err1 == nil && err2 == nil && s >= 0 && p >= 0 && id.String() == name
}

// Task is a directory that one owner has until it releases it. It belongs to
// one goroutine.
type Task struct {
	dir      *Dir
	name     string
	released bool
}

// Acquire makes a task's directory if need be, and gives it to an owner, such
// as a thread. While another has it, or Clean removes it, the error is ErrOwned:
// the caller tries again when it next comes by.
func (d *Dir) Acquire(id TaskID, owner string) (*Task, error) {
	return d.acquire(id.String(), owner)
}

// AcquireGlobal is Acquire for the directory of the global stores.
func (d *Dir) AcquireGlobal(owner string) (*Task, error) {
	return d.acquire(globalName, owner)
}

func (d *Dir) acquire(name, owner string) (*Task, error) {
	if err := d.claim(name, owner); err != nil {
		return nil, err
	}
	t := &Task{dir: d, name: name}
	if err := errors.Join(makeDir(t.Path()), t.touch()); err != nil {
		d.unclaim(name)
		return nil, fmt.Errorf("acquire %s: %w", t.Path(), err)
	}
	return t, nil
}

func (d *Dir) claim(name, owner string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := filepath.Join(d.path, name)
	if d.lock == nil {
		return fmt.Errorf("acquire %s: the state directory is closed", path)
	}
	if other, ok := d.owners[name]; ok {
		return fmt.Errorf("acquire %s for %s: %w by %s", path, owner, ErrOwned, other)
	}
	d.owners[name] = owner
	return nil
}

func (d *Dir) unclaim(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.owners, name)
}

// Path is the directory. It is there while the task is owned.
func (t *Task) Path() string { return filepath.Join(t.dir.path, t.name) }

// Wipe removes all that is in the directory: all or, after an error or a
// crash, nothing. Stores in it must be closed.
func (t *Task) Wipe() error {
	if t.released {
		return fmt.Errorf("wipe %s: it was released", t.Path())
	}
	if err := errors.Join(t.dir.remove(t.name), makeDir(t.Path())); err != nil {
		return fmt.Errorf("wipe %s: %w", t.Path(), err)
	}
	return nil
}

// Release gives the directory to whoever acquires it next, and notes the time
// for Clean. Stores in it must be closed. A second Release does nothing.
func (t *Task) Release() error {
	if t.released {
		return nil
	}
	t.released = true
	err := t.touch()
	t.dir.unclaim(t.name)
	if err != nil {
		return fmt.Errorf("release %s: %w", t.Path(), err)
	}
	return nil
}

func (t *Task) touch() error {
	now := t.dir.now()
	return os.Chtimes(t.Path(), now, now)
}

// remove moves a directory out of sight before it removes it: half of a store's
// files would look like a store that is damaged.
func (d *Dir) remove(name string) error {
	trash := filepath.Join(d.path, trashName)
	if err := makeDir(trash); err != nil {
		return err
	}
	place, err := os.MkdirTemp(trash, name+"-")
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(d.path, name), filepath.Join(place, name)); err != nil {
		return errors.Join(err, os.Remove(place))
	}
	if err := os.RemoveAll(place); err != nil {
		// It is out of the way; the next Open removes it.
		d.log.Warn("removed state still takes space", "dir", place, "err", err)
	}
	return nil
}

// Tasks are the tasks that have something in their directories, owned or not,
// in order.
func (d *Dir) Tasks() ([]TaskID, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("list tasks with local state: %w", err)
	}
	var ids []TaskID
	for _, entry := range entries {
		id, ok := ParseTaskID(entry.Name())
		if !ok || !entry.IsDir() {
			continue
		}
		inside, err := os.ReadDir(filepath.Join(d.path, entry.Name()))
		if err != nil && !errors.Is(err, os.ErrNotExist) { // Clean may be faster
			return nil, fmt.Errorf("list tasks with local state: %w", err)
		}
		if len(inside) > 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b TaskID) int {
		return cmp.Or(cmp.Compare(a.Subtopology, b.Subtopology), cmp.Compare(a.Partition, b.Partition))
	})
	return ids, nil
}
