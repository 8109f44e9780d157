package runtime

import "fmt"

// State is what an application as a whole is doing.
type State int32

// The states.
const (
	Created         State = iota // Run was not called
	Rebalancing                  // some thread waits for tasks, or restores them
	Running                      // all threads run
	PendingShutdown              // closing
	PendingError                 // closing because of an error
	NotRunning                   // closed as asked
	Failed                       // closed because of an error
)

var stateNames = [...]string{"created", "rebalancing", "running", "pending shutdown", "pending error", "not running", "error"}

func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", int32(s))
	}
	return stateNames[s]
}

func (s State) ending() bool { return s >= PendingShutdown }

// State is the present state. It may be called at any time by any goroutine.
func (a *App) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// setState tells the listener of a change. Listeners are called one after
// another, in the order of the changes.
func (a *App) setState(to State) {
	a.listening.Lock()
	defer a.listening.Unlock()
	a.mu.Lock()
	from := a.state
	if from == to || from.ending() && to < from {
		a.mu.Unlock()
		return
	}
	a.state = to
	a.mu.Unlock()
	a.log.Info("state of the application changed", "from", from.String(), "to", to.String())
	a.metrics.state.Set(float64(to))
	if a.cfg.OnState != nil {
		a.cfg.OnState(from, to)
	}
}

// ready notes whether a thread runs all its tasks.
func (a *App) ready(thread int, is bool) {
	a.mu.Lock()
	a.readyThreads[thread] = is
	all := a.globalReady
	for n := 1; n <= a.cfg.Settings.NumStreamThreads; n++ {
		all = all && a.readyThreads[n]
	}
	a.mu.Unlock()
	if all {
		a.setState(Running)
	} else {
		a.setState(Rebalancing)
	}
}
