package statedir_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mm2/streams/internal/statedir"
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func config(dir string) statedir.Config {
	return statedir.Config{StateDir: dir, ApplicationID: "orders", Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, cfg statedir.Config) *statedir.Dir {
	t.Helper()
	d, err := statedir.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestModes(t *testing.T) {
	d := open(t, config(filepath.Join(t.TempDir(), "not", "there")))
	task, err := d.Acquire(statedir.TaskID{Subtopology: 1, Partition: 2}, "thread-1")
	noError(t, err)
	defer func() { noError(t, task.Release()) }()
	if filepath.Base(d.Path()) != "orders" || task.Path() != filepath.Join(d.Path(), "1_2") {
		t.Errorf("%s, %s", d.Path(), task.Path())
	}
	for _, path := range []string{d.Path(), task.Path()} {
		info, err := os.Stat(path)
		noError(t, err)
		if info.Mode().Perm() != 0o750 {
			t.Errorf("%s: %v", path, info.Mode())
		}
	}
}

func TestNamesThatAreNoDirectory(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../other", "a/b", "/a"} {
		cfg := config(t.TempDir())
		cfg.ApplicationID = name
		if _, err := statedir.Open(cfg); err == nil {
			t.Errorf("%q was opened", name)
		}
	}
}

func TestOpenTwice(t *testing.T) {
	cfg := config(t.TempDir())
	d := open(t, cfg)
	_, err := statedir.Open(cfg)
	if !errors.Is(err, statedir.ErrLocked) || !strings.Contains(err.Error(), d.Path()) || !strings.Contains(err.Error(), "state.dir of its own") {
		t.Errorf("%v", err)
	}
	other := cfg
	other.ApplicationID = "payments"
	open(t, other)
	noError(t, d.Close())
	open(t, cfg)
}

// TestOpenOfAnotherProcess runs itself: a lock must hold between processes.
func TestOpenOfAnotherProcess(t *testing.T) {
	if dir := os.Getenv("STATEDIR_TEST_DIR"); dir != "" {
		_, err := statedir.Open(config(dir))
		fmt.Println("opened:", err)
		return
	}
	cfg := config(t.TempDir())
	other := func() string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOpenOfAnotherProcess$")
		cmd.Env = append(os.Environ(), "STATEDIR_TEST_DIR="+cfg.StateDir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatal(err, string(out))
		}
		return string(out)
	}
	d := open(t, cfg)
	if out := other(); !strings.Contains(out, statedir.ErrLocked.Error()) {
		t.Errorf("while it is open: %s", out)
	}
	noError(t, d.Close())
	// The other process ends without Close: its lock ends with it.
	if out := other(); !strings.Contains(out, "opened: <nil>") {
		t.Errorf("after Close: %s", out)
	}
	open(t, cfg)
}

func TestProcessID(t *testing.T) {
	cfg := config(t.TempDir())
	d := open(t, cfg)
	first := d.ProcessID()
	noError(t, d.Close())
	d = open(t, cfg)
	if d.ProcessID() != first {
		t.Errorf("%s became %s", first, d.ProcessID())
	}
	noError(t, d.Close())
	if other := open(t, config(t.TempDir())); other.ProcessID() == first {
		t.Error("two directories have one process id")
	}

	name := filepath.Join(d.Path(), "kafka-streams-process-metadata")
	text, err := os.ReadFile(name)
	noError(t, err)
	if want := `{"processId":"` + first + `"}`; string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
	noError(t, os.WriteFile(name, []byte(`{"processId":"6f88a2a0-0000-4000-8000-00000000000a","later":1}`), 0o600))
	d = open(t, cfg)
	if d.ProcessID() != "6f88a2a0-0000-4000-8000-00000000000a" {
		t.Errorf("%s is not what the file has", d.ProcessID())
	}
}

func TestDamagedProcessID(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"processId":""}`, `{"processId":"7"}`, `{"processId":7}`} {
		cfg := config(t.TempDir())
		var log bytes.Buffer
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		dir := filepath.Join(cfg.StateDir, cfg.ApplicationID)
		noError(t, os.MkdirAll(dir, 0o700))
		noError(t, os.WriteFile(filepath.Join(dir, "kafka-streams-process-metadata"), []byte(text), 0o600))
		d := open(t, cfg)
		id := d.ProcessID()
		if len(id) != 36 || !strings.Contains(log.String(), "level=WARN") {
			t.Errorf("%s: id %q, log %s", text, id, log.String())
		}
		noError(t, d.Close())
		if d = open(t, cfg); d.ProcessID() != id {
			t.Errorf("%s: the new id did not last", text)
		}
	}
}

func TestAcquire(t *testing.T) {
	d := open(t, config(t.TempDir()))
	id := statedir.TaskID{Partition: 3}
	a, err := d.Acquire(id, "thread-1")
	noError(t, err)
	for _, owner := range []string{"thread-1", "thread-2"} {
		_, err = d.Acquire(id, owner)
		if !errors.Is(err, statedir.ErrOwned) || !strings.Contains(err.Error(), "by thread-1") || !strings.Contains(err.Error(), a.Path()) {
			t.Errorf("%s: %v", owner, err)
		}
	}
	global, err := d.AcquireGlobal("global-thread")
	noError(t, err)
	if filepath.Base(global.Path()) != "global" {
		t.Error(global.Path())
	}
	if _, err := d.AcquireGlobal("thread-1"); !errors.Is(err, statedir.ErrOwned) {
		t.Error(err)
	}
	noError(t, a.Release())
	b, err := d.Acquire(id, "thread-2")
	noError(t, err)
	noError(t, a.Release()) // nothing to release any more
	if err := a.Wipe(); err == nil {
		t.Error("a task that was released is wiped")
	}
	if _, err := d.Acquire(id, "thread-1"); !errors.Is(err, statedir.ErrOwned) {
		t.Errorf("released by who had it before: %v", err)
	}
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), "0_3:thread-2") {
		t.Errorf("Close with an owned task: %v", err)
	}
	noError(t, b.Release())
	noError(t, global.Release())
	noError(t, d.Close())
	if _, err := d.Acquire(id, "thread-1"); err == nil {
		t.Error("acquired after Close")
	}
}

// fill puts something in a task's directory.
func fill(t *testing.T, task *statedir.Task, touched time.Time) {
	t.Helper()
	sub := filepath.Join(task.Path(), "rows")
	noError(t, os.MkdirAll(sub, 0o700))
	name := filepath.Join(sub, "000001.sst")
	noError(t, os.WriteFile(name, []byte("rows"), 0o600))
	for _, path := range []string{name, sub, task.Path()} {
		noError(t, os.Chtimes(path, touched, touched))
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	noError(t, err)
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

func TestWipe(t *testing.T) {
	cfg := config(t.TempDir())
	d := open(t, cfg)
	task, err := d.Acquire(statedir.TaskID{}, "thread-1")
	noError(t, err)
	for range 2 {
		fill(t, task, time.Now())
		noError(t, task.Wipe())
		if left := names(t, task.Path()); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	noError(t, task.Release())
	if left := names(t, filepath.Join(d.Path(), ".trash")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	// A removal that a crash cut short.
	noError(t, os.MkdirAll(filepath.Join(d.Path(), ".trash", "0_0-7", "0_0", "rows"), 0o700))
	noError(t, d.Close())
	d = open(t, cfg)
	if found := names(t, d.Path()); slices.Contains(found, ".trash") {
		t.Errorf("left: %v", found)
	}
}

func TestTasks(t *testing.T) {
	d := open(t, config(t.TempDir()))
	for _, id := range []statedir.TaskID{{10, 0}, {1, 11}, {1, 2}, {0, 7}} {
		task, err := d.Acquire(id, "thread-1")
		noError(t, err)
		if id.Partition != 7 { // that one stays empty
			fill(t, task, time.Now())
		}
		noError(t, task.Release())
	}
	for _, name := range []string{"global", "1_x", "01_1", "-1_1"} {
		noError(t, os.MkdirAll(filepath.Join(d.Path(), name, "rows"), 0o700))
	}
	noError(t, os.WriteFile(filepath.Join(d.Path(), "3_3"), []byte("no directory"), 0o600))
	got, err := d.Tasks()
	noError(t, err)
	if want := []statedir.TaskID{{1, 2}, {1, 11}, {10, 0}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestClean(t *testing.T) {
	const delay = 10 * time.Minute
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	cfg := config(t.TempDir())
	cfg.Now = c.Now
	d := open(t, cfg)
	owned, err := d.Acquire(statedir.TaskID{Partition: 0}, "thread-1")
	noError(t, err)
	fill(t, owned, c.now)
	crashed, err := d.Acquire(statedir.TaskID{Partition: 1}, "thread-1")
	noError(t, err)
	fill(t, crashed, c.now.Add(delay)) // its files are newer than its directory
	noError(t, crashed.Release())
	noError(t, os.Chtimes(crashed.Path(), c.now, c.now))
	moved, err := d.Acquire(statedir.TaskID{Partition: 2}, "thread-1")
	noError(t, err)
	fill(t, moved, c.now)
	global, err := d.AcquireGlobal("thread-g")
	noError(t, err)
	noError(t, global.Release())
	c.now = c.now.Add(time.Minute)
	noError(t, moved.Release()) // from here on nobody touches it

	for _, step := range []struct {
		wait time.Duration
		want []statedir.TaskID
	}{
		{delay - time.Minute, nil},
		{time.Minute, nil}, // exactly the delay
		{time.Millisecond, []statedir.TaskID{{0, 2}}},
		{delay, []statedir.TaskID{{0, 1}}},
		{24 * time.Hour, nil},
	} {
		c.now = c.now.Add(step.wait)
		got, err := d.Clean(delay)
		noError(t, err)
		if !slices.Equal(got, step.want) {
			t.Errorf("after %v: %v, want %v", step.wait, got, step.want)
		}
	}
	noError(t, owned.Release())
	again, err := d.Acquire(statedir.TaskID{Partition: 2}, "thread-2")
	noError(t, err)
	noError(t, again.Release())
	if found := names(t, d.Path()); !slices.Contains(found, "global") || !slices.Contains(found, "0_0") {
		t.Errorf("left: %v", found)
	}
}

func TestIsTemporary(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(string(filepath.Separator), "scratch"))
	for dir, want := range map[string]bool{
		"/tmp/kafka-streams":     true,
		"/tmp":                   true,
		"/var/tmp/x":             true,
		"/scratch/kafka":         true,
		"/tmpfiles":              false,
		"/var/lib/kafka-streams": false,
		"/tmp/../srv/state":      false,
	} {
		if got := statedir.IsTemporary(dir); got != want {
			t.Errorf("%s: %v", dir, got)
		}
	}
}

func FuzzParseTaskID(f *testing.F) {
	for _, name := range []string{"0_1", "12_345", "_", "0_", "1_1_1", "+1_1", "2147483648_0", "global"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if id, ok := statedir.ParseTaskID(name); ok && id.String() != name {
			t.Errorf("%q is read as %v", name, id)
		}
	})
}

func FuzzProcessID(f *testing.F) {
	for _, text := range []string{"", "{}", `{"processId":"6f88a2a0-0000-4000-8000-00000000000a"}`, `{"processId":"\n"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		// The id becomes a part of transactional ids and group member metadata.
		if id, err := statedir.DecodeProcessID(text); err == nil && (len(id) != 36 || strings.Trim(id, "0123456789abcdefABCDEF-") != "") {
			t.Errorf("%q is taken for an id", id)
		}
	})
}
