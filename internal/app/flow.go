package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"mm2/checkpoint"
	"mm2/configsync"
	"mm2/heartbeat"
	"mm2/internal/backoff"
	"mm2/internal/config"
	"mm2/internal/javametrics"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/internal/stage"
	"mm2/internal/takeover"
	"mm2/replicator"
	"mm2/topology"
)

// shared is what all flows of a worker have in common.
type shared struct {
	worker     string
	instance   string // static membership; empty: none
	logger     *slog.Logger
	metrics    *replicator.Metrics
	heartbeats *heartbeat.Metrics
	java       *javametrics.Metrics
	configs    *configsync.Metrics
	positions  positionMetrics
	routes     *topology.Routes // of the whole mesh
	fetchBytes int32
}

// flow runs one replicator for as long as the worker lives.
type flow struct {
	cfg            config.Flow
	source, target *kafka.Dialer
	back           bool // a flow the other way copies, too
	shared         shared
	java           *javametrics.Recorder // nil: Java's metrics are off
	routes         *topology.Routes      // nil: names tell where records come from
	over           *takeover.TakeOver    // nil: Java MirrorMaker 2 is of no interest
	stages         *stage.Chain          // nil: records pass as they are
	log            *slog.Logger

	mu      sync.Mutex // guards what follows
	repl    *replicator.Replicator
	configs *configsync.Syncer // nil if nothing is copied
	groups  *checkpoint.Task   // nil if none are carried over
	err     error              // why the flow was last down; nil if it never was
}

func newFlow(cfg config.Flow, back bool, source, target *kafka.Dialer, s shared) *flow {
	f := &flow{cfg: cfg, back: back, source: source, target: target, shared: s, log: s.logger.With("flow", cfg.ID.String())}
	f.java = s.java.Recorder(cfg.Flow, f.share)
	f.stages = stage.Compile(cfg.Flow, cfg.Streams)
	if cfg.TellsOrigins() {
		f.routes = s.routes
	}
	return f
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
	repl, p, err := f.build(clients)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.repl, f.groups = repl, p.task
	f.mu.Unlock()
	if p.writer == nil {
		f.replicate(ctx, repl)
		return nil
	}
	// Offset syncs are written until the lanes have told of their last commits.
	wctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var writing errgroup.Group
	writing.Go(func() error { return p.writer.Run(wctx) })
	f.replicate(ctx, repl)
	stop()
	return writing.Wait()
}

// replicate runs the replicator until ctx ends.
func (f *flow) replicate(ctx context.Context, repl *replicator.Replicator) {
	pause := backoff.Backoff{First: firstPause, Max: maxPause}
	for {
		started := time.Now()
		err := repl.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > maxPause {
			pause.Reset()
		}
		wait := pause.Next()
		f.down(err)
		f.log.Warn("flow is down, trying again", "err", kafka.Explain(err), "again_in", wait)
		if !backoff.Sleep(ctx, wait) {
			return
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
	syncs                    *kgo.Client
	beats                    []*kgo.Client // by emitter
}

func (c *clients) close() {
	for _, cl := range append(c.beats, c.sourceAdmin, c.targetAdmin, c.syncs) {
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

func (f *flow) build(c *clients) (*replicator.Replicator, positions, error) {
	control, err := f.emitters(c)
	if err != nil {
		return nil, positions{}, err
	}
	p, syncs, err := f.newPositions()
	c.syncs = syncs
	if err != nil {
		return nil, p, err
	}
	control = append(control, f.positionControls(p)...)
	configs, err := newConfigSync(bothEnds{
		cfg: f.cfg, back: f.back, routes: f.routes, source: f.source, target: f.target, sourceAdmin: c.sourceAdmin, targetAdmin: c.targetAdmin, log: f.log,
	}, f.shared.configs)
	if err != nil {
		return nil, p, err
	}
	if f.cfg.Copy {
		control = append(control, configs.control())
		f.mu.Lock()
		f.configs = configs.syncer
		f.mu.Unlock()
	}
	fetch := f.cfg.Fetch
	if fetch.MaxBytes == 0 {
		fetch.MaxBytes = f.shared.fetchBytes
	}
	deps := replicator.Deps{
		Topics: configs.topics, Metrics: f.shared.metrics, Logger: f.log, Control: control,
		Observers: []pipeline.Observer{f.java}, Discovered: f.java.Keep,
		Prepare: f.prepare, Companions: f.companions,
	}
	if f.stages != nil {
		deps.Stages = func(int) []pipeline.Stage { return []pipeline.Stage{f.stages.Lane()} }
	}
	if sends(f.cfg.Streams) {
		deps.Routes = f.stages.Routes
	}
	if p.writer != nil {
		deps.Observers = append(deps.Observers, p.writer)
		deps.Released = p.writer.Release
	}
	if f.cfg.Copy && f.cfg.Java.TakeOver {
		f.over = takeover.New(takeover.Config{
			Flow: f.cfg.ID, OffsetsTopic: f.cfg.Java.OffsetsTopic, Connector: f.cfg.Java.Connector, Group: f.cfg.Java.Group,
		}, takeover.Deps{Dialer: f.target, Admin: kadm.NewClient(c.targetAdmin), Logger: f.log})
		deps.Guard, deps.Resume = f.over.Guard, f.over.Resume
	}
	repl, err := replicator.New(replicator.Config{
		Flow: f.cfg.Flow, Source: f.source, Target: f.target, Worker: f.shared.worker, InstanceID: f.shared.instance,
		Lanes: f.cfg.Lanes, LanesReplicationFactor: f.cfg.LanesReplicationFactor,
		AtLeastOnce: f.cfg.Delivery == config.AtLeastOnce, ReadUncommitted: f.cfg.ReadUncommitted, StartLatest: f.cfg.StartLatest,
		DiscoveryInterval: f.cfg.DiscoveryInterval, CommitInterval: f.cfg.CommitInterval, CommitBytes: f.cfg.CommitBytes,
		SessionTimeout: f.cfg.SessionTimeout, TransactionTimeout: f.cfg.TransactionTimeout,
		Compression: f.cfg.Compression, RateLimit: f.cfg.RateLimit,
		FetchMinBytes: fetch.MinBytes, FetchMaxWait: fetch.MaxWait, FetchMaxBytes: fetch.MaxBytes, FetchMaxPartitionBytes: fetch.MaxPartitionBytes,
		Linger: f.cfg.Produce.Linger, MaxBatchBytes: f.cfg.Produce.MaxRequestBytes, BufferBytes: f.cfg.Produce.BufferBytes,
		Policies: policies(f.cfg.OnTrouble), Routes: f.routes, SharedTargets: f.routes.Shares(f.cfg.ID),
	}, deps)
	return repl, p, err
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
