package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"mm2/e2e"
	"mm2/streams"
)

// takesTasksIn is for a member to join and restore; a slow machine needs a
// fraction of it.
const takesTasksIn = 2 * time.Minute

// member is one instance of the counting application, with its directory, through
// the processes that it has one after another.
type member struct {
	*e2e.Worker
	name string
	job  counterJob

	restores map[string]streams.Restore // by changelog partition: where the last one began
	resumed  int                        // restores that began behind the beginning
	read     int64                      // offsets that those read
	whole    int64                      // offsets that their changelogs had
}

// newMember makes a member with a directory of its own and starts it.
func newMember(t *testing.T, name string, job counterJob) *member {
	t.Helper()
	job.StateDir = t.TempDir()
	m := &member{name: name, job: job, restores: make(map[string]streams.Restore)}
	m.start(t)
	return m
}

// start starts a process, which ends with the test at the latest.
func (m *member) start(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(m.job)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m.Worker = e2e.Run(t, e2e.Job{Binary: binary, Name: m.name, Env: []string{envCounter + "=" + string(text)}})
}

func (m *member) events() []counterEvent { return counterEvents(m.LogTail(1 << 20)) }

// works waits until the process runs all its tasks and they take records, both
// since an earlier moment, when there were so many events.
func (m *member) works(t *testing.T, before int) {
	t.Helper()
	e2e.Until(t, takesTasksIn, m.name+" works", func(context.Context) error {
		if err := m.Alive(); err != nil {
			return err
		}
		state, taken := "", false
		for _, e := range m.events()[before:] {
			if e.State != "" {
				state, taken = e.State, false
			}
			taken = taken || e.Taken > 0
		}
		if state != streams.Running.String() || !taken {
			return fmt.Errorf("its state is %q, has it taken records since: %v\n%s", state, taken, m.LogTail(5))
		}
		return nil
	})
}

// restored adds up the restores of the present process. What was stored stays
// stored: none may begin before where an earlier one of the directory did.
func (m *member) restored(t *testing.T) {
	t.Helper()
	for _, e := range m.events() {
		r := e.Restore
		if r == nil {
			continue
		}
		at := fmt.Sprintf("%s-%d", r.Topic, r.Partition)
		if earlier := m.restores[at]; r.Next < earlier.Next {
			t.Errorf("%s restores %s from %d, and did from %d before", m.name, at, r.Next, earlier.Next)
		}
		m.restores[at] = *r
		if r.Next > 0 {
			m.resumed++
			m.read += r.End - r.Next
			m.whole += r.End
		}
	}
}

// kill ends the process with SIGKILL and starts the next one.
func (m *member) kill(t *testing.T) {
	t.Helper()
	m.restored(t)
	m.Kill9(t)
	m.start(t)
}

// restart ends the process as it should end and starts the next one.
func (m *member) restart(t *testing.T) {
	t.Helper()
	m.restored(t)
	m.Stop(t, stopsIn)
	m.start(t)
}

// freeze stops the process where it is, and thaw lets it go on.
func (m *member) freeze(t *testing.T) { t.Helper(); m.Signal(t, syscall.SIGSTOP) }
func (m *member) thaw(t *testing.T)   { t.Helper(); m.Signal(t, syscall.SIGCONT) }
