package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// Config says which groups a [Task] carries over, and how.
type Config struct {
	Flow   topology.Flow
	Groups topology.Filter

	// Emit writes checkpoints. Without it they are only kept in memory, for
	// Sync.
	Emit              bool
	Interval          time.Duration // shortest time between two rounds of checkpoints
	ReplicationFactor int16         // of the checkpoints topic if it is created; -1: the target's default

	// Sync commits translated positions on the target for groups that are not
	// in use there.
	Sync         bool
	SyncInterval time.Duration // shortest time between two commits for one group

	Follow       FollowMode    // empty: FollowAuto
	PollInterval time.Duration // from one poll to the next

	// SnapshotInterval is how often everything is compared anew: a tail with
	// what the source's groups have, and what the target has with what it
	// should have. 0: three minutes.
	SnapshotInterval time.Duration
	OffsetsTopic     string // on the source; empty: ConsumerOffsetsTopic
}

// Deps are what a [Task] works with. Source, Target, Translator, Metrics and
// Logger are required.
type Deps struct {
	Source, Target *kafka.Dialer
	Translator     Translator
	// Ready returns once the translator knows all that was known before; until
	// then nothing is translated. nil: at once.
	Ready func(ctx context.Context) error
	// Advanced receives after the translator has learnt something new. One
	// value may stand for many changes. nil: positions ahead of the copy are
	// looked at again in each Interval.
	Advanced <-chan struct{}
	// Acknowledged is told of each checkpoint that was written, with the time
	// since it was built. It must not block. nil: nobody is told.
	Acknowledged func(group string, target pipeline.Partition, latency time.Duration)
	Metrics      *Metrics
	Logger       *slog.Logger // names the flow already
}

// Task carries the positions of consumer groups over one flow. Exactly one
// worker may run it at a time.
type Task struct {
	cfg     Config
	deps    Deps
	metrics taskMetrics

	mu    sync.Mutex // guards state
	state *state     // of the run under way; nil: none
}

const (
	defaultSnapshotInterval = 3 * time.Minute
	defaultInterval         = 250 * time.Millisecond
	defaultSyncInterval     = time.Second
	defaultPollInterval     = time.Second
)

// New returns a task that does nothing until Run. It refuses what cannot work.
func New(cfg Config, deps Deps) (*Task, error) {
	switch {
	case cfg.Flow.ID.Source == "" || cfg.Flow.ID.Target == "" || cfg.Flow.Policy == nil:
		return nil, fmt.Errorf("groups of flow %q: no source, target or policy", cfg.Flow.ID)
	case !cfg.Emit && !cfg.Sync:
		return nil, fmt.Errorf("groups of flow %s: neither checkpoints nor group sync is wanted", cfg.Flow.ID)
	case deps.Source == nil || deps.Target == nil || deps.Translator == nil || deps.Metrics == nil || deps.Logger == nil:
		return nil, fmt.Errorf("groups of flow %s: dialers, translator, metrics and logger are required", cfg.Flow.ID)
	}
	switch cfg.Follow {
	case "":
		cfg.Follow = FollowAuto
	case FollowAuto, FollowTail, FollowPoll:
	default:
		return nil, fmt.Errorf("groups of flow %s: follow %q is not auto, tail or poll", cfg.Flow.ID, cfg.Follow)
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&cfg.Interval, defaultInterval},
		{&cfg.SyncInterval, defaultSyncInterval},
		{&cfg.PollInterval, defaultPollInterval},
		{&cfg.SnapshotInterval, defaultSnapshotInterval},
	} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if cfg.OffsetsTopic == "" {
		cfg.OffsetsTopic = ConsumerOffsetsTopic
	}
	t := &Task{cfg: cfg, deps: deps}
	t.metrics = deps.Metrics.add(t)
	return t, nil
}

// Run carries groups over until ctx ends, and then returns nil. What fails is
// counted, shown in the status and tried again; only what cannot get better by
// itself ends it. It may be called again after it has returned, never
// concurrently.
func (t *Task) Run(ctx context.Context) error {
	source, err := t.deps.Source.Client(t.cfg.Flow.ID.String() + "|checkpoint-source-admin")
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := t.deps.Target.Client(t.cfg.Flow.ID.String()+"|checkpoint-target-admin",
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer target.Close()

	s := newState(t.cfg.Flow, t.cfg.Sync)
	t.show(s)
	defer t.show(nil)
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return t.follower(s, source).Run(ctx) })
	parts.Go(func() error { return (&emitter{task: t, state: s, client: target}).run(ctx) })
	if t.cfg.Sync {
		parts.Go(func() error { return (&syncer{task: t, state: s, client: target}).run(ctx) })
	}
	parts.Go(func() error { return t.advance(ctx, s) })
	if err := parts.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (t *Task) follower(s *state, source *kgo.Client) *Follower {
	return NewFollower(FollowerConfig{
		Flow: t.cfg.Flow, Groups: t.cfg.Groups, Mode: t.cfg.Follow, PollInterval: t.cfg.PollInterval,
		SnapshotInterval: t.cfg.SnapshotInterval, OffsetsTopic: t.cfg.OffsetsTopic,
	}, t.deps.Source, source, listener{t, s}, t.deps.Logger)
}

// advance has positions ahead of the copy looked at again when it went on, and
// all of them when a copy began anew.
func (t *Task) advance(ctx context.Context, s *state) error {
	seen := revision(t.deps.Translator)
	again := func() {
		s.advanced()
		if now := revision(t.deps.Translator); now != seen {
			seen = now
			s.revised()
		}
	}
	advanced := t.deps.Advanced
	if advanced == nil {
		for backoff.Sleep(ctx, t.cfg.Interval) {
			again()
		}
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-advanced:
			if !open {
				return nil
			}
			again()
		}
	}
}

func (t *Task) show(s *state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = s
}

func (t *Task) running() *state {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

// Status is a snapshot. Safe for concurrent use.
func (t *Task) Status() Status {
	s := t.running()
	if s == nil {
		return Status{}
	}
	return s.status(time.Now())
}

// failed counts a failure and logs the first of a row.
func (t *Task) failed(s *state, part string, err error) {
	t.metrics.errors(part).Inc()
	if s.fail(part, err) {
		t.deps.Logger.Warn("carrying groups over fails", "part", part, "err", err)
	}
}

// works ends a row of failures.
func (t *Task) works(s *state, part string) {
	if s.works(part) {
		t.deps.Logger.Info("carrying groups over works again", "part", part)
	}
}

// listener takes what the follower finds.
type listener struct {
	task  *Task
	state *state
}

func (l listener) Changed(changes []Change) { l.state.apply(changes, time.Now()) }

func (l listener) Unsupported(groups []UnsupportedGroup) {
	if l.state.setUnsupported(groups) && len(groups) > 0 {
		l.task.deps.Logger.Warn("groups of this type are not carried over", "groups", len(groups), "first", groups[0].Group, "type", groups[0].Type)
	}
}

func (l listener) Following(mode FollowMode, reason string) {
	if l.state.setMode(mode, reason) {
		l.task.deps.Logger.Info("following group positions", "mode", string(mode), "reason", reason)
	}
}

func (l listener) FollowFailed(err error) {
	if err == nil {
		l.task.works(l.state, partFollow)
		return
	}
	l.task.failed(l.state, partFollow, err)
}
