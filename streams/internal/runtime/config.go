package runtime

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/graph"
	"mm2/streams/internal/settings"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// Reaction is what happens after an error that ended a thread.
type Reaction int

// The reactions.
const (
	StopInstance Reaction = iota
	ReplaceThread
	StopApplication
)

// Restore is what a RestoreListener is told of one store's changelog.
type Restore struct {
	Task      task.ID
	Store     string
	Topic     string
	Partition int32
	Next, End int64 // the offset that comes next, and the one that is waited for
}

// Config is what an App needs.
type Config struct {
	Topology *graph.Topology
	Settings settings.Settings
	Handlers map[task.Stage]func(task.Failure) task.Response
	Logger   *slog.Logger

	Home    string            // alias of the home cluster; may be empty
	Remotes map[string]Remote // the other clusters, by alias

	// Options of all clients, and of each kind on top.
	Clients, Consumer, Restore, Global, Producer, Admin []kgo.Opt

	// OnUncaught decides about an error that ended a thread; nil stops the
	// instance. It is called by the goroutine of the thread.
	OnUncaught func(error) Reaction
	// OnState is told of each change of the state. It must not call the App's
	// Run, and holds up what changed it while it runs.
	OnState func(from, to State)
	// OnRestoreStart, OnRestored and OnRestoreEnd follow each restore, called by
	// the goroutine that restores. Any may be nil.
	OnRestoreStart, OnRestored, OnRestoreEnd func(Restore)

	Registerer prometheus.Registerer // nil: metrics are kept and not shown

	// CloseTimeout bounds the clean end of Run.
	CloseTimeout time.Duration
	// MaxStagedBytes is how much a task stages before a commit is due.
	MaxStagedBytes int
	// OpenDB opens a task's store in its directory.
	OpenDB func(dir string) (state.DB, error)
}

// Errors to test with errors.Is, besides those of package internaltopics.
var (
	// ErrNotRunning says that the application has no running task to ask.
	ErrNotRunning = errors.New("the application is not running")
	// ErrStoreNotFound says that the topology has no such store.
	ErrStoreNotFound = errors.New("the topology has no such store")
	// ErrStoreMoved says that the store left this instance, wholly or in part,
	// since it was looked up.
	ErrStoreMoved = errors.New("the store has moved")
	// ErrFenced says that another owner took over what this thread worked on.
	ErrFenced = errors.New("another owner took over")
	// ErrStopped says that a member of the group asked all instances to stop.
	ErrStopped = errors.New("a member asked the whole application to stop")
)

// check finds what New refuses.
func (c *Config) check() error {
	if c.Topology == nil {
		return errors.New("there is no topology")
	}
	if c.OpenDB == nil || c.CloseTimeout <= 0 || c.MaxStagedBytes <= 0 {
		return errors.New("OpenDB, a CloseTimeout and MaxStagedBytes are required")
	}
	errs := []error{c.checkClusters()}
	for _, n := range c.Topology.Nodes {
		if n.Global && n.Pattern != nil {
			errs = append(errs, fmt.Errorf("global source %q reads a pattern: name its topics", n.Name))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) exactlyOnce() bool { return c.Settings.Guarantee == settings.ExactlyOnceV2 }
