package streams

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/runtime"
	"mm2/streams/state"
	"mm2/streams/state/pebblestore"
)

// State is what an application as a whole is doing.
type State = runtime.State

// The states.
const (
	Created         = runtime.Created         // Run was not called
	Rebalancing     = runtime.Rebalancing     // some thread waits for tasks, or restores them
	Running         = runtime.Running         // all threads run
	PendingShutdown = runtime.PendingShutdown // closing
	NotRunning      = runtime.NotRunning      // closed as asked
	PendingError    = runtime.PendingError    // closing because of an error
	Failed          = runtime.Failed          // closed because of an error
)

// Reaction is what happens after an error that ended a thread.
type Reaction = runtime.Reaction

// The reactions of OnUncaught.
const (
	StopInstance    = runtime.StopInstance    // Run ends with the error
	ReplaceThread   = runtime.ReplaceThread   // a new thread goes on from what was committed
	StopApplication = runtime.StopApplication // all instances end
)

// Errors of New and Run to test with errors.Is.
var (
	// ErrNotCopartitioned says that topics which are joined have different numbers
	// of partitions.
	ErrNotCopartitioned = internaltopics.ErrNotCopartitioned
	// ErrMissingSourceTopic says that a topic which is read does not exist.
	ErrMissingSourceTopic = internaltopics.ErrMissingSourceTopic
	// ErrMissingInternalTopic says that an internal topic was deleted.
	ErrMissingInternalTopic = internaltopics.ErrMissingInternalTopic
	// ErrPartitionCount says that an internal topic has another number of
	// partitions than the topology needs.
	ErrPartitionCount = internaltopics.ErrPartitionCount
	// ErrFenced says that another owner took over. Threads join again by
	// themselves after it.
	ErrFenced = runtime.ErrFenced
	// ErrStopped says that another instance asked the whole application to stop.
	ErrStopped = runtime.ErrStopped
	// ErrNotRunning says that there is no running task to ask.
	ErrNotRunning = runtime.ErrNotRunning
	// ErrStoreNotFound says that the topology has no such store.
	ErrStoreNotFound = runtime.ErrStoreNotFound
	// ErrStoreMoved says that a store left this instance, wholly or in part, since
	// it was looked up.
	ErrStoreMoved = runtime.ErrStoreMoved
)

// TopicsError says why the topics of an application do not fit its topology.
type TopicsError = internaltopics.Error

// Restore is how far the restore of a store is.
type Restore = runtime.Restore

// RestoreListener follows restores. Its functions are called by the goroutine
// that restores, and may be nil.
type RestoreListener struct {
	Start func(Restore) // before the first record
	Batch func(Restore) // after some records
	End   func(Restore) // when the end is reached
}

// App is one instance of an application.
type App struct {
	app    *runtime.App
	caches *pebblestore.Shared
	top    *Topology
}

const (
	defaultCloseTimeout = 30 * time.Second
	defaultStagedBytes  = 64 << 20
	// cacheBytes is shared by all stores of the instance.
	cacheBytes = 64 << 20
)

// New checks the configuration. It opens no connection and no file.
func New(t *Topology, c Config) (*App, error) {
	s, err := c.settings()
	if err != nil {
		return nil, fmt.Errorf("configuration of application %q: %w", c.ApplicationID, err)
	}
	remotes, err := c.remotes(&s)
	if err != nil {
		return nil, fmt.Errorf("configuration of application %q: %w", c.ApplicationID, err)
	}
	log := cmp.Or(c.Logger, slog.Default())
	a := &App{top: t}
	a.app, err = runtime.New(runtime.Config{
		Topology: t.graph, Settings: s, Home: c.Home, Remotes: remotes, Handlers: c.Handlers(), Logger: log,
		Clients: c.ClientOptions, Consumer: c.Consumer, Restore: c.Restore, Global: c.Global, Producer: c.Producer, Admin: c.Admin,
		OnUncaught: c.OnUncaught, OnState: c.StateListener,
		OnRestoreStart: c.RestoreListener.Start, OnRestored: c.RestoreListener.Batch, OnRestoreEnd: c.RestoreListener.End,
		Registerer: c.Metrics, CloseTimeout: cmp.Or(c.CloseTimeout, defaultCloseTimeout), MaxStagedBytes: cmp.Or(c.MaxStagedBytes, defaultStagedBytes),
		OpenDB: func(dir string) (state.DB, error) {
			return pebblestore.Open(dir, pebblestore.Options{Shared: a.caches, Log: log})
		},
	})
	if err != nil {
		return nil, err
	}
	if len(c.idle) > 0 {
		log.Warn("settings have no effect", "names", c.idle)
	}
	for _, w := range s.Warnings {
		log.Warn("setting has no effect, or another than in Kafka", "problem", w.String())
	}
	return a, nil
}

// Run runs the application until ctx ends, and then commits and closes, which
// takes CloseTimeout at most. It returns when everything that it started has
// ended: nil when it was asked to, and else why it could not go on. It is called
// once.
func (a *App) Run(ctx context.Context) error {
	a.caches = pebblestore.NewShared(cacheBytes)
	defer a.caches.Close()
	return a.app.Run(ctx)
}

// State is what the application is doing. It may be called at any time by any
// goroutine.
func (a *App) State() State { return a.app.State() }
