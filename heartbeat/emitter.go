package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/topology"
)

// Config says what an [Emitter] writes and where.
type Config struct {
	// Flow is the flow that the heartbeats belong to. They go to its target
	// and say (source, target), unless Seed is set.
	Flow topology.FlowID
	// Seed writes (target, source) into the source cluster instead, so that
	// the flow has a heartbeats topic to carry to its target even where no
	// flow runs the other way.
	Seed bool

	Topic             string        // the policy's heartbeats topic
	ReplicationFactor int16         // of the topic if it is created; -1 is the cluster's default
	Interval          time.Duration // from one heartbeat to the next; positive
}

// cluster is where the heartbeats go.
func (c Config) cluster() topology.Alias {
	if c.Seed {
		return c.Flow.Source
	}
	return c.Flow.Target
}

// heartbeat is what is true of the link at the given time.
func (c Config) heartbeat(now time.Time) Heartbeat {
	if c.Seed {
		return Heartbeat{Source: c.Flow.Target, Target: c.Flow.Source, Timestamp: now}
	}
	return Heartbeat{Source: c.Flow.Source, Target: c.Flow.Target, Timestamp: now}
}

// Producer is the part of *kgo.Client that an [Emitter] writes with. The client
// must be an idempotent producer with acks from all replicas and
// [kgo.ManualPartitioner], for heartbeats belong to partition 0.
type Producer interface {
	Produce(ctx context.Context, r *kgo.Record, promise func(*kgo.Record, error))
	PurgeTopicsFromProducing(topics ...string)
}

// Deps are what an [Emitter] works with. All are required, and all are the
// caller's to close after Run has returned.
type Deps struct {
	Producer Producer     // on the cluster that the heartbeats go to
	Admin    *kadm.Client // on the same cluster
	Metrics  *Metrics
	Logger   *slog.Logger // names the flow already
}

// Emitter writes heartbeats of one flow into one cluster.
type Emitter struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics emitterMetrics

	ready    bool // the topic was found or created since the last failure
	failures int  // in a row
	retry    backoff.Backoff
	remark   string // the last one about the topic
}

// New returns an emitter that does nothing until Run. It refuses a config or
// dependencies that cannot work.
func New(cfg Config, deps Deps) (*Emitter, error) {
	switch {
	case cfg.Flow.Source == "" || cfg.Flow.Target == "":
		return nil, fmt.Errorf("heartbeat emitter: flow %q has no source or no target", cfg.Flow)
	case cfg.Topic == "":
		return nil, errors.New("heartbeat emitter: no topic")
	case cfg.Interval <= 0:
		return nil, fmt.Errorf("heartbeat emitter: interval %s is not positive", cfg.Interval)
	case deps.Producer == nil || deps.Admin == nil || deps.Metrics == nil || deps.Logger == nil:
		return nil, errors.New("heartbeat emitter: producer, admin client, metrics and logger are required")
	}
	if _, err := cfg.heartbeat(time.Time{}).EncodeKey(); err != nil {
		return nil, err
	}
	return &Emitter{
		cfg:     cfg,
		deps:    deps,
		log:     deps.Logger.With("cluster", string(cfg.cluster())),
		metrics: deps.Metrics.of(cfg.Flow, cfg.cluster()),
		retry:   backoff.Backoff{First: firstRetry, Max: maxRetry},
	}, nil
}

const (
	// The pause after a failure doubles from firstRetry to maxRetry: a cluster that comes back is noticed within half
	// a minute, one that is down is asked twice a minute.
	firstRetry = time.Second
	maxRetry   = 30 * time.Second

	// patience is how long an attempt may go unanswered before it counts as a
	// failure. Ten seconds are more than a leader election takes and a third
	// of what alerts on silent links usually wait for.
	patience = 10 * time.Second
)

// Run writes a heartbeat at once and then one for each interval, until ctx
// ends; then it returns nil. Nothing else ends it: failures are counted and
// retried. It writes one heartbeat at a time and never makes up for missed
// ones. It may be called again after it has returned, never concurrently.
func (e *Emitter) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		started := time.Now()
		if err := e.attempt(ctx); err != nil {
			if ctx.Err() == nil {
				e.failed(err)
				backoff.Sleep(ctx, e.retry.Next())
			}
			continue
		}
		backoff.Sleep(ctx, e.cfg.Interval-time.Since(started))
	}
	return nil
}

// attempt returns when the cluster has acknowledged one heartbeat or refused it.
func (e *Emitter) attempt(ctx context.Context) error {
	if err := e.ensureTopic(ctx); err != nil {
		return err
	}
	if err := e.emit(ctx); err != nil {
		return err
	}
	e.metrics.emitted.Inc()
	if e.failures > 0 {
		e.log.Info("heartbeats resumed", "failures", e.failures)
		e.failures = 0
		e.retry.Reset()
	}
	return nil
}

// ensureTopic looks at the topic before the first heartbeat and after each
// failure: a topic deleted meanwhile is created again.
func (e *Emitter) ensureTopic(ctx context.Context) error {
	if e.ready {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errUnanswered)
	defer cancel()
	st, err := kafka.EnsureInternalTopic(ctx, e.deps.Admin, kafka.InternalTopic{
		Name:               e.cfg.Topic,
		Partitions:         1,
		ReplicationFactor:  e.cfg.ReplicationFactor,
		ReplicationSetting: "heartbeats_replication_factor",
	})
	switch {
	case errors.Is(err, kafka.ErrNotCompacted):
		// Heartbeats still do their work: only the newest matters.
		if e.isNews("not compacted") {
			e.log.Warn("heartbeats topic is not compacted", "err", err)
		}
	case err != nil:
		return err
	case st.Partitions != 1:
		if e.isNews("partitions") {
			e.log.Warn("heartbeats topic has more than one partition, only the first is used", "partitions", st.Partitions)
		}
	}
	e.ready = true
	return nil
}

// emit returns only when the fate of the record is known, so that a slow
// cluster has one heartbeat of ours to deal with and not a queue of old ones.
// Until then each period of patience counts as a failure.
func (e *Emitter) emit(ctx context.Context) error {
	h := e.cfg.heartbeat(time.Now())
	key, err := h.EncodeKey()
	if err != nil {
		return err
	}
	result := make(chan error, 1)
	e.deps.Producer.Produce(ctx, &kgo.Record{
		Topic:     e.cfg.Topic,
		Partition: 0,
		Key:       key,
		Value:     h.EncodeValue(),
		Timestamp: h.Timestamp,
	}, func(_ *kgo.Record, err error) { result <- err })

	impatient := time.NewTicker(patience)
	defer impatient.Stop()
	for {
		select {
		case err := <-result:
			if err != nil {
				return fmt.Errorf("write heartbeat to %s: %w", e.cfg.Topic, err)
			}
			return nil
		case <-impatient.C:
			e.failed(fmt.Errorf("write heartbeat to %s: %w", e.cfg.Topic, errUnanswered))
		case <-ctx.Done():
			// The record may still arrive. The client belongs to the
			// caller, whose closing ends it.
			return context.Cause(ctx)
		}
	}
}

var errUnanswered = fmt.Errorf("no answer within %s", patience)

// failed counts a failure and logs the first of a row.
func (e *Emitter) failed(err error) {
	e.metrics.errors.Inc()
	e.failures++
	e.ready = false
	if e.failures == 1 {
		e.log.Warn("cannot write heartbeats", "err", kafka.Explain(err))
	}
	// The client stops for good at a topic that was deleted and created again
	// unless it is told to forget the old one.
	if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
		e.deps.Producer.PurgeTopicsFromProducing(e.cfg.Topic)
	}
}

// isNews tells whether a remark about the topic was not the last one made.
func (e *Emitter) isNews(remark string) bool {
	known := e.remark == remark
	e.remark = remark
	return !known
}
