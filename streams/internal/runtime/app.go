package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/streams/internal/assign"
	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/statedir"
	"mm2/streams/internal/task"
)

// App is one instance of an application. Run is called once; the other methods
// may be called at any time by any goroutine.
type App struct {
	cfg     Config
	layout  *layout
	dial    dialers
	remotes map[string]*remote // clusters besides home
	log     *slog.Logger
	metrics *metrics

	// Set by Run before anything else runs.
	dir         *statedir.Dir
	processID   string
	admin       *kadm.Client
	adminClient *kgo.Client
	first       map[string]int32 // the partitions that topics of sources had at the start
	topics      *internaltopics.Manager
	purger      *internaltopics.Purger
	implicitAdd bool // the cluster has transaction.version 2
	global      *global

	counts    partitionCounts
	stopAll   atomic.Bool // this instance asks all others to stop
	listening sync.Mutex  // held while a listener of states is called

	mu           sync.Mutex // guards what follows
	started      bool
	state        State
	globalReady  bool
	readyThreads map[int]bool
	threads      map[int]*thread    // the present incarnations
	visible      map[task.ID]copyOf // what queries may read
	hosts        []assign.Host      // by the leader's last answer
	hostsKnown   bool
	tasksKnown   taskCounts
	coming       map[task.ID]int // the threads that tasks come to, and do not run in yet
}

// New checks the configuration. It opens nothing.
func New(cfg Config) (*App, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("application %q: %w", cfg.Settings.ApplicationID, err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.Logger = cfg.Logger.With("app", cfg.Settings.ApplicationID)
	dial, err := newDialers(&cfg)
	if err != nil {
		return nil, fmt.Errorf("application %q: %w", cfg.Settings.ApplicationID, err)
	}
	remotes, err := newRemotes(&cfg)
	if err != nil {
		return nil, fmt.Errorf("application %q: %w", cfg.Settings.ApplicationID, err)
	}
	m, err := newMetrics(cfg.Registerer, cfg.Settings.ApplicationID)
	if err != nil {
		return nil, fmt.Errorf("application %q: register metrics: %w", cfg.Settings.ApplicationID, err)
	}
	return &App{
		cfg: cfg, layout: newLayout(cfg.Topology, cfg.Settings.ApplicationID, cfg.Home), dial: dial, remotes: remotes, log: cfg.Logger, metrics: m,
		readyThreads: make(map[int]bool), threads: make(map[int]*thread),
		visible: make(map[task.ID]copyOf), coming: make(map[task.ID]int),
	}, nil
}

// Run runs the application until ctx ends, and then commits and closes, which
// takes CloseTimeout at most. It returns when everything that it started has
// ended: nil when it was asked to, and else why it could not go on.
func (a *App) Run(ctx context.Context) error {
	a.mu.Lock()
	if a.started {
		a.mu.Unlock()
		return errors.New("run the application: it was run already; make a new one")
	}
	a.started = true
	a.mu.Unlock()
	err := a.run(ctx)
	if err != nil {
		a.setState(PendingError)
		a.setState(Failed)
		return fmt.Errorf("application %q: %w", a.cfg.Settings.ApplicationID, err)
	}
	a.setState(PendingShutdown)
	a.setState(NotRunning)
	return nil
}

func (a *App) run(ctx context.Context) (err error) {
	a.setState(Rebalancing)
	s := &a.cfg.Settings
	a.dir, err = statedir.Open(statedir.Config{StateDir: s.StateDir, ApplicationID: s.ApplicationID, Now: time.Now, Log: a.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.dir.Close()) }()
	a.processID = a.dir.ProcessID()
	if s.TemporaryStateDir() && a.keepsRows() {
		a.log.Warn("state is kept where systems remove files; after a restart of the machine all of it is restored", "state_dir", s.StateDir)
	}
	client, err := a.dial.admin.Client("admin", a.clientID("admin"))
	if err != nil {
		return err
	}
	defer client.Close()
	a.admin, a.adminClient = kadm.NewClient(client), client
	closeRemotes, err := a.openRemotes()
	if err != nil {
		return err
	}
	defer closeRemotes()
	a.topics = internaltopics.NewManager(a.admin, a.log)
	a.purger = internaltopics.NewPurger(a.admin, a.log)
	if err := a.prepare(ctx, client); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	return a.work(ctx)
}

// prepare asks the cluster what must be known before anything starts.
func (a *App) prepare(ctx context.Context, client *kgo.Client) error {
	if err := a.precheck(ctx); err != nil {
		return err
	}
	if !a.cfg.exactlyOnce() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Settings.TaskTimeout)
	defer cancel()
	var err error
	if a.implicitAdd, err = transactionVersion2(ctx, client); err != nil {
		return kafka.Explain(err)
	}
	return nil
}

func (a *App) keepsRows() bool {
	for _, p := range a.layout.parts {
		if p.persistent {
			return true
		}
	}
	return a.layout.global != nil && a.layout.global.persistent
}

// work runs everything until ctx ends or one part fails for good. hard ends
// CloseTimeout later, so that a clean end may still talk to brokers.
func (a *App) work(ctx context.Context) error {
	soft, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var parts, watch sync.WaitGroup
	defer watch.Wait()
	defer cut()
	watch.Go(func() {
		select {
		case <-hard.Done():
			return
		case <-soft.Done():
		}
		a.setState(PendingShutdown)
		if backoff.Sleep(hard, a.cfg.CloseTimeout) {
			a.log.Warn("the clean end takes too long; what is not committed is processed again", "close_timeout", a.cfg.CloseTimeout.String())
			cut()
		}
	})
	var mu sync.Mutex // guards errs
	var errs []error
	start := func(run func() error) {
		parts.Go(func() {
			if err := run(); err != nil {
				a.setState(PendingError)
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				stop(err)
			}
		})
	}
	if err := a.startGlobal(soft, hard, start); err != nil {
		stop(err)
		parts.Wait()
		if ctx.Err() != nil {
			return nil
		}
		return errors.Join(append(errs, err)...)
	}
	for n := 1; n <= a.cfg.Settings.NumStreamThreads; n++ {
		start(func() error { return a.keepThread(soft, hard, n) })
	}
	parts.Go(func() { a.clean(soft) })
	parts.Go(func() { a.summarize(soft) })
	if a.layout.direct {
		parts.Go(func() { a.watch(soft) })
	}
	parts.Wait()
	if a.global != nil {
		errs = append(errs, a.global.close())
	}
	return errors.Join(errs...)
}

// clean removes what tasks that moved elsewhere left in the state directory.
func (a *App) clean(ctx context.Context) {
	s := &a.cfg.Settings
	if s.StateMaxAge >= 0 {
		if _, err := a.dir.Clean(s.StateMaxAge); err != nil {
			a.log.Warn("old state was not removed", "err", err)
		}
	}
	for s.StateCleanupDelay > 0 && backoff.Sleep(ctx, s.StateCleanupDelay) {
		if _, err := a.dir.Clean(s.StateCleanupDelay); err != nil {
			a.log.Warn("state of tasks that are elsewhere was not removed; it is tried again", "err", err)
		}
	}
}
