package replicator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/internal/lane"
	"mm2/topology"
)

// Replicator is one worker's part in one flow.
type Replicator struct {
	cfg     Config
	deps    Deps
	limiter *rate.Limiter
	metrics *flowMetrics
	letters *letters

	mu      sync.Mutex // guards what follows
	lanes   int        // partitions of the lanes topic, once known
	group   *lane.Group
	disc    *discovery
	copiers map[lane.ID]*copier
}

// New returns a Replicator that has started nothing.
func New(cfg Config, deps Deps) (*Replicator, error) {
	if !cfg.AtLeastOnce && cfg.TransactionTimeout >= cfg.SessionTimeout {
		return nil, fmt.Errorf("flow %s: the transaction timeout (%v) must be shorter than the session timeout (%v): a lane is given up only after its transaction ended",
			cfg.Flow.ID, cfg.TransactionTimeout, cfg.SessionTimeout)
	}
	r := &Replicator{
		cfg: cfg, deps: deps, copiers: map[lane.ID]*copier{}, metrics: deps.Metrics.of(cfg.Flow.ID),
		letters: &letters{topic: cfg.Policies.DeadLetterTopic, replicationFactor: cfg.LanesReplicationFactor},
	}
	if r.letters.topic == "" {
		r.letters.topic = topology.DeadLetterTopic(cfg.Flow.ID.Source)
	}
	if cfg.RateLimit > 0 {
		// A burst of one second lets large batches pass whole.
		r.limiter = rate.NewLimiter(rate.Limit(cfg.RateLimit), int(max(cfg.RateLimit, 1<<20)))
	}
	deps.Metrics.add(r)
	return r, nil
}

// Run takes part in the flow until ctx ends (nil) or the flow cannot go on (an
// error; the caller runs it again after a pause). On the way out every lane is
// handed over with its transaction ended.
func (r *Replicator) Run(ctx context.Context) error {
	source, err := r.cfg.Source.Client(r.role("source-admin"))
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := r.cfg.Target.Client(r.role("target-admin"))
	if err != nil {
		return err
	}
	defer target.Close()
	if err := kafka.Distinct(ctx, r.cfg.Source, r.cfg.Target); err != nil {
		return err
	}
	if r.deps.Guard != nil {
		if err := r.deps.Guard(ctx); err != nil {
			return err
		}
	}
	origin, err := r.cfg.Source.ClusterID(ctx)
	if err != nil {
		return err
	}
	adm := kadm.NewClient(target)
	lanes, err := r.ensureLanes(ctx, adm)
	if err != nil {
		return err
	}
	if r.deps.Prepare != nil {
		if err := r.deps.Prepare(ctx, adm, lanes); err != nil {
			return err
		}
	}
	disc := &discovery{
		flow: r.cfg.Flow, origin: origin, source: kadm.NewClient(source), topics: r.deps.Topics, routes: r.deps.Routes, latest: r.cfg.StartLatest,
		interval: r.cfg.DiscoveryInterval, changed: r.assign,
		problem: r.topicProblem, ready: make(chan struct{}),
	}
	group := lane.New(lane.Config{
		Dialer: r.cfg.Target, Flow: r.cfg.Flow.ID.String(), Group: topology.LaneGroup(r.cfg.Flow.ID),
		Topic: topology.LanesTopic(r.cfg.Flow.ID.Source), SessionTimeout: r.cfg.SessionTimeout,
		InstanceID: r.cfg.InstanceID, Worker: r.cfg.Worker, Logger: r.deps.Logger,
	}, r.work(disc, kadm.NewClient(source), adm, lanes))
	r.mu.Lock()
	r.lanes, r.disc, r.group = lanes, disc, group
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.group = nil
		r.mu.Unlock()
	}()

	// Lanes stop before the discovery and the clients they stand on.
	dctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	eg := errgroup.Group{}
	eg.Go(func() error {
		disc.run(dctx, r.discoveryFailed, r.discoveryMended)
		return nil
	})
	gctx, refuse := context.WithCancelCause(ctx)
	eg.Go(func() error { return r.guard(gctx, refuse) })
	err = group.Run(gctx)
	refuse(nil)
	stop()
	return errors.Join(err, eg.Wait())
}

func (r *Replicator) role(what string) string { return r.cfg.Flow.ID.String() + "|" + what }

// sourceRole ends as the consumer of a task of Java does: dashboards look for it.
func (r *Replicator) sourceRole(id lane.ID) string {
	return r.role(fmt.Sprintf("lane-%d|replication-consumer", id))
}

func (r *Replicator) targetRole(id lane.ID) string {
	return r.role(fmt.Sprintf("lane-%d|replication-producer", id))
}

// ensureLanes makes the lanes topic and tells how many lanes there are. An
// existing topic decides: its partitions hold the marks.
func (r *Replicator) ensureLanes(ctx context.Context, adm *kadm.Client) (int, error) {
	st, err := kafka.EnsureInternalTopic(ctx, adm, kafka.InternalTopic{
		Name:       topology.LanesTopic(r.cfg.Flow.ID.Source),
		Partitions: int32(r.cfg.Lanes), ReplicationFactor: r.cfg.LanesReplicationFactor,
		ReplicationSetting: "lanes_replication_factor",
		// A lane is read from its start when it is taken, and a busy lane
		// commits dozens of times a second: small segments that are cleaned
		// early keep that read to a fraction of a second.
		Configs: map[string]string{"segment.bytes": "16777216", "min.cleanable.dirty.ratio": "0.1"},
	})
	if err != nil {
		return 0, err
	}
	if int(st.Partitions) != r.cfg.Lanes {
		r.deps.Logger.Warn("the lanes topic has another number of partitions than configured; its number counts, because a partition's lane must not change",
			"topic", topology.LanesTopic(r.cfg.Flow.ID.Source), "lanes", st.Partitions, "configured", r.cfg.Lanes)
	}
	return int(st.Partitions), nil
}

// assign hands a new snapshot to the lanes that run here.
func (r *Replicator) assign(s *snapshot) {
	r.metrics.forget(s)
	if r.deps.Discovered != nil {
		r.deps.Discovered(s.sources())
	}
	r.mu.Lock()
	lanes := r.lanes
	running := make([]*copier, 0, len(r.copiers))
	for _, c := range r.copiers {
		running = append(running, c)
	}
	r.mu.Unlock()
	for _, c := range running {
		c.assign(s, lanes)
	}
}

func (r *Replicator) discoveryFailed(err error) {
	r.metrics.discoveryErrors.Inc()
	r.deps.Logger.Warn("discovery failed, trying again; what is known goes on", "err", err)
}

func (r *Replicator) discoveryMended(before error) {
	r.deps.Logger.Info("discovery works again", "was", before)
}

func (r *Replicator) topicProblem(topic string, err error) {
	if err != nil {
		r.deps.Logger.Error("topic is not copied", "topic", topic, "err", err)
		return
	}
	r.deps.Logger.Info("topic is copied again", "topic", topic)
}

// limit waits for the flow's share of bytes.
func (r *Replicator) limit(ctx context.Context, bytes int64) error {
	for bytes > 0 {
		n := min(bytes, int64(r.limiter.Burst()))
		if err := r.limiter.WaitN(ctx, int(n)); err != nil {
			return err
		}
		bytes -= n
	}
	return nil
}

// control runs one control task for as long as ctx lasts.
func (r *Replicator) control(ctx context.Context, c Control) {
	pause := backoff.Backoff{First: time.Second, Max: time.Minute}
	for {
		err := c.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := pause.Next()
		r.deps.Logger.Warn("control task ended, starting it again", "task", c.Name, "err", err, "again_in", wait)
		if !backoff.Sleep(ctx, wait) {
			return
		}
	}
}
