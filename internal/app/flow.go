package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/heartbeat"
	"mm2/internal/backoff"
	"mm2/internal/config"
	"mm2/internal/kafka"
	"mm2/replicator"
)

// shared is what all flows of a worker have in common.
type shared struct {
	worker     string
	instance   string // static membership; empty: none
	logger     *slog.Logger
	metrics    *replicator.Metrics
	heartbeats *heartbeat.Metrics
	fetchBytes int32
}

// flow runs one replicator for as long as the worker lives.
type flow struct {
	cfg            config.Flow
	source, target *kafka.Dialer
	shared         shared
	log            *slog.Logger

	mu   sync.Mutex // guards what follows
	repl *replicator.Replicator
	err  error // why the flow was last down; nil if it never was
}

func newFlow(cfg config.Flow, source, target *kafka.Dialer, s shared) *flow {
	return &flow{cfg: cfg, source: source, target: target, shared: s, log: s.logger.With("flow", cfg.ID.String())}
}

const (
	firstPause = 250 * time.Millisecond
	maxPause   = 30 * time.Second
)

// run builds the flow's clients and runs the replicator again and again until
// ctx ends. A configuration that cannot work was refused before.
func (f *flow) run(ctx context.Context) error {
	clients, err := f.dial()
	if err != nil {
		return err
	}
	defer clients.close()
	repl, err := f.build(clients)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.repl = repl
	f.mu.Unlock()
	pause := backoff.Backoff{First: firstPause, Max: maxPause}
	for {
		started := time.Now()
		err := repl.Run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) > maxPause {
			pause.Reset()
		}
		wait := pause.Next()
		f.down(err)
		f.log.Warn("flow is down, trying again", "err", kafka.Explain(err), "again_in", wait)
		if !backoff.Sleep(ctx, wait) {
			return nil
		}
	}
}

// down notes why the flow does not run. While it is tried again, the last
// failure is still what people need.
func (f *flow) down(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// clients are the flow's clients beside those of its lanes.
type clients struct {
	sourceAdmin, targetAdmin *kgo.Client
	beats                    []*kgo.Client // by emitter
}

func (c *clients) close() {
	for _, cl := range append(c.beats, c.sourceAdmin, c.targetAdmin) {
		if cl != nil {
			cl.Close()
		}
	}
}

func (f *flow) dial() (*clients, error) {
	c := &clients{}
	var err error
	if c.sourceAdmin, err = f.source.Client(f.cfg.ID.String() + "|configsync-source-admin"); err != nil {
		return nil, err
	}
	if c.targetAdmin, err = f.target.Client(f.cfg.ID.String() + "|configsync-target-admin"); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (f *flow) build(c *clients) (*replicator.Replicator, error) {
	control, err := f.emitters(c)
	if err != nil {
		return nil, err
	}
	topics, err := newTopics(f.cfg, c.sourceAdmin, c.targetAdmin, f.log)
	if err != nil {
		return nil, err
	}
	fetch := f.cfg.Fetch
	if fetch.MaxBytes == 0 {
		fetch.MaxBytes = f.shared.fetchBytes
	}
	return replicator.New(replicator.Config{
		Flow: f.cfg.Flow, Source: f.source, Target: f.target, Worker: f.shared.worker, InstanceID: f.shared.instance,
		Lanes: f.cfg.Lanes, LanesReplicationFactor: f.cfg.LanesReplicationFactor,
		AtLeastOnce: f.cfg.Delivery == config.AtLeastOnce, ReadUncommitted: f.cfg.ReadUncommitted, StartLatest: f.cfg.StartLatest,
		DiscoveryInterval: f.cfg.DiscoveryInterval, CommitInterval: f.cfg.CommitInterval, CommitBytes: f.cfg.CommitBytes,
		SessionTimeout: f.cfg.SessionTimeout, TransactionTimeout: f.cfg.TransactionTimeout,
		Compression: f.cfg.Compression, RateLimit: f.cfg.RateLimit,
		FetchMinBytes: fetch.MinBytes, FetchMaxWait: fetch.MaxWait, FetchMaxBytes: fetch.MaxBytes, FetchMaxPartitionBytes: fetch.MaxPartitionBytes,
		Linger: f.cfg.Produce.Linger, MaxBatchBytes: f.cfg.Produce.MaxRequestBytes, BufferBytes: f.cfg.Produce.BufferBytes,
		Policies: policies(f.cfg.OnTrouble),
	}, replicator.Deps{Topics: topics, Metrics: f.shared.metrics, Logger: f.log, Control: control})
}

func policies(on config.OnTrouble) kafka.Policies {
	return kafka.Policies{
		RetentionOvertook: kafka.LossPolicy(on.RetentionOvertook), SourceTruncated: kafka.LossPolicy(on.SourceTruncated),
		SourceRecreated: kafka.LossPolicy(on.SourceRecreated), TargetRecreated: kafka.LossPolicy(on.TargetRecreated),
		TargetWritten: kafka.LossPolicy(on.TargetWritten),
		Refused:       kafka.RefusedPolicy(on.RecordRefused), DeadLetterTopic: on.DeadLetterTopic,
	}
}

// emitters are the heartbeats of the flow: into its target, and into its source
// where no flow the other way does it.
func (f *flow) emitters(c *clients) ([]replicator.Control, error) {
	var out []replicator.Control
	add := func(name string, d *kafka.Dialer, seed bool) error {
		cl, err := d.Client(fmt.Sprintf("%s|%s", f.cfg.ID, name), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
		if err != nil {
			return err
		}
		c.beats = append(c.beats, cl)
		e, err := heartbeat.New(heartbeat.Config{
			Flow: f.cfg.ID, Seed: seed, Topic: f.cfg.Policy.HeartbeatsTopic(),
			ReplicationFactor: f.cfg.HeartbeatsReplicationFactor, Interval: f.cfg.Heartbeats.Interval,
		}, heartbeat.Deps{Producer: cl, Admin: kadm.NewClient(cl), Metrics: f.shared.heartbeats, Logger: f.log})
		if err != nil {
			return err
		}
		out = append(out, replicator.Control{Name: name, Run: e.Run})
		return nil
	}
	if f.cfg.Heartbeats.Emit {
		if err := add("heartbeats", f.target, false); err != nil {
			return nil, err
		}
	}
	if f.cfg.Heartbeats.Seed {
		if err := add("heartbeats-seed", f.source, true); err != nil {
			return nil, err
		}
	}
	return out, nil
}
