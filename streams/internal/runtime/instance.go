package runtime

import (
	"encoding/hex"
	"strings"

	"mm2/streams/internal/assign"
)

// process is the id of this instance as the group knows it.
func (a *App) process() (id assign.ProcessID) {
	b, err := hex.DecodeString(strings.ReplaceAll(a.processID, "-", ""))
	if err == nil {
		copy(id[:], b) // the state directory has checked the form
	}
	return id
}

// enter and leave keep the list of threads at work.
func (a *App) enter(t *thread) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.threads[t.number] = t
	a.metrics.incarnations.Inc()
	a.metrics.alive.Set(float64(len(a.threads)))
}

func (a *App) leave(t *thread) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.threads, t.number)
	a.metrics.alive.Set(float64(len(a.threads)))
}
