package configsync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
)

// Mode says what a [Syncer] does about a difference.
type Mode string

// Enforce makes the target like the source, ReportOnly only tells. Topics are
// created and grown in both, by [Topics]: what is copied needs them.
const (
	Enforce    Mode = "enforce"
	ReportOnly Mode = "report"
)

// SyncerConfig says what a [Syncer] keeps in step.
type SyncerConfig struct {
	Rules    Rules
	Mode     Mode
	Interval time.Duration // from one round to the next; positive
}

// SyncerDeps are what a [Syncer] works with. All but Reverse are required, and
// the clients are the caller's to close.
type SyncerDeps struct {
	Source, Target *kgo.Client
	Topics         *Topics
	Ledger         *Ledger // topology.OwnedTopic of the source, on the target
	// Reverse is the ledger of the flow the other way, on the source: what that
	// flow brought is not carried back. nil: there is none.
	Reverse *Ledger
	Metrics *Metrics
	Logger  *slog.Logger // names the flow already
}

// Syncer keeps the target of one flow as its rules want it, round by round. It
// is to run once in a flow; a second one does no harm.
type Syncer struct {
	cfg     SyncerConfig
	deps    SyncerDeps
	log     *slog.Logger
	metrics *flowMetrics
	applier *Applier

	kick chan struct{}

	told map[string]bool      // problems in the log, by text
	gone map[string]time.Time // since when source topics are gone, by name

	mu     sync.Mutex // guards what follows
	status Status
}

// NewSyncer returns a Syncer that has done nothing yet.
func NewSyncer(cfg SyncerConfig, deps SyncerDeps) (*Syncer, error) {
	switch {
	case cfg.Interval <= 0:
		return nil, fmt.Errorf("config sync: interval %s is not positive", cfg.Interval)
	case cfg.Mode != Enforce && cfg.Mode != ReportOnly:
		return nil, fmt.Errorf("config sync: mode %q is not enforce or report", cfg.Mode)
	case deps.Source == nil || deps.Target == nil || deps.Topics == nil || deps.Ledger == nil || deps.Metrics == nil || deps.Logger == nil:
		return nil, errors.New("config sync: clients, topics, ledger, metrics and logger are required")
	}
	applier, err := NewApplier(ApplierDeps{Target: deps.Target, Topics: deps.Topics, Ledger: deps.Ledger, Logger: deps.Logger})
	if err != nil {
		return nil, err
	}
	return &Syncer{
		cfg: cfg, deps: deps, log: deps.Logger, applier: applier, metrics: deps.Metrics.of(cfg.Rules.Flow.ID),
		kick: make(chan struct{}, 1), told: make(map[string]bool), gone: make(map[string]time.Time),
	}, nil
}

const (
	// After a failed round the next comes sooner than a long interval would
	// have it, and not at once.
	firstRound = time.Second
	maxRound   = time.Minute

	// roundTime bounds a round: ten thousand topics take seconds.
	roundTime = 2 * time.Minute
)

// Run does a round at once, then one each interval and whenever it is kicked,
// until ctx ends; then it returns nil. Rounds that fail are counted, told once
// and tried again sooner. It may be called again after it has returned, never
// concurrently.
func (s *Syncer) Run(ctx context.Context) error {
	defer s.leave()
	s.gone = make(map[string]time.Time) // what was seen long ago proves nothing
	pause := backoff.Backoff{First: firstRound, Max: maxRound}
	for {
		err := s.round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wait := s.cfg.Interval
		if err != nil {
			wait = min(wait, pause.Next())
		} else {
			pause.Reset()
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.kick:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Kick makes the next round come at once: something new is there. It does not
// wait.
func (s *Syncer) Kick() {
	select {
	case s.kick <- struct{}{}:
	default: // one is under way already
	}
}

// round looks at both sides, and in mode enforce carries out the difference.
func (s *Syncer) round(parent context.Context) error {
	ctx, cancel := context.WithTimeoutCause(parent, roundTime, fmt.Errorf("the round took longer than %s", roundTime))
	defer cancel()
	plan, err := s.plan(ctx)
	var report Report
	if err == nil && s.cfg.Mode == Enforce {
		report = s.applier.Apply(ctx, plan)
		err = report.Err
	}
	if parent.Err() != nil {
		return nil // asked to stop: what failed is nobody's fault
	}
	if err != nil {
		s.failed(err)
	}
	if plan.Changes == nil { // the sides could not be read
		return err
	}
	problems := sortProblems(append(plan.Problems, report.Problems...))
	s.tell(problems)
	s.finished(plan, report, problems)
	return err
}

// plan is the difference as it is now.
func (s *Syncer) plan(ctx context.Context) (Plan, error) {
	var unownable error
	if s.cfg.Mode == Enforce {
		unownable = s.deps.Ledger.Ensure(ctx)
	}
	sides, err := Look(ctx, SidesDeps{
		Source: s.deps.Source, Target: s.deps.Target, Ledger: s.deps.Ledger, Reverse: s.deps.Reverse,
	}, s.cfg.Rules, s.goneLong())
	if err != nil {
		s.gone = make(map[string]time.Time) // it must be gone in rounds that follow each other
		return Plan{}, err
	}
	if unownable != nil {
		sides.unownable(unownable)
	}
	s.remember(sides.Source)
	return sides.Plan(), nil
}

// goneLong are the source topics that were gone in the last round and at least
// half an interval ago: a kick right after a round proves nothing.
func (s *Syncer) goneLong() map[string]bool {
	long := make(map[string]bool)
	for name, since := range s.gone {
		if time.Since(since) >= s.cfg.Interval/2 {
			long[name] = true
		}
	}
	return long
}

// remember notes what is gone. A round that did not see everything makes the
// count begin anew.
func (s *Syncer) remember(source Snapshot) {
	before := s.gone
	s.gone = make(map[string]time.Time)
	if !source.Complete || len(source.Topics) == 0 {
		return
	}
	for name := range source.Gone {
		s.gone[name] = time.Now()
		if since, ok := before[name]; ok {
			s.gone[name] = since
		}
	}
}

// failed notes that a round came to nothing, and logs the first of a row.
func (s *Syncer) failed(err error) {
	err = kafka.Explain(err)
	s.metrics.errors.Inc()
	s.mu.Lock()
	first := s.status.Err == ""
	s.status.Mode, s.status.Err = s.cfg.Mode, err.Error()
	s.mu.Unlock()
	if first {
		s.log.Warn("topics, configs and ACLs of the target cannot be kept in step, trying again", "err", err)
	}
}

// tell logs problems that are new.
func (s *Syncer) tell(problems []Problem) {
	now := make(map[string]bool, len(problems))
	for _, p := range problems {
		now[p.Text] = true
		switch {
		case s.told[p.Text]:
		case p.Harmless():
			s.log.Info("target differs from the source and stays so", "kind", string(p.Kind), "what", p.Text)
		default:
			s.log.Warn("target cannot be kept in step", "kind", string(p.Kind), "what", p.Text)
		}
	}
	s.told = now
}
