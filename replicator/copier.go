package replicator

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/kafka"
	"mm2/internal/lane"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// copier is one lane while it is ours: source, stages, sink and the loop
// between them, and what status tells of them.
type copier struct {
	lane   int
	origin string // id of the source cluster
	lanes  int
	source *kafka.PartitionSource
	snap   atomic.Pointer[snapshot]

	records, bytes, commits, aborts atomic.Int64
	lastCommit                      atomic.Int64 // unix ms

	metrics *flowMetrics
	mu      sync.Mutex // guards notes
	notes   map[pipeline.Partition]string
}

// trouble is told by the source and the sink.
func (c *copier) trouble(t kafka.Trouble) {
	c.metrics.trouble(t)
	c.mu.Lock()
	c.notes[t.Partition] = t.Action + ": " + t.Text
	c.mu.Unlock()
}

func (c *copier) note(p pipeline.Partition) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.notes[p]
}

func (c *copier) assign(s *snapshot, lanes int) {
	c.snap.Store(s)
	c.source.Assign(s.assigned(c.lane, lanes))
}

// Committed implements pipeline.Observer.
func (c *copier) Committed(r *pipeline.Receipt) {
	c.records.Add(r.Records)
	c.bytes.Add(r.Bytes)
	c.commits.Add(1)
	c.lastCommit.Store(r.At.UnixMilli())
}

func (r *Replicator) work(disc *discovery, source, target *kadm.Client, lanes int) lane.Work {
	return func(ctx context.Context, lease *lane.Lease) error {
		snap, err := disc.wait(ctx)
		if err != nil {
			return err
		}
		c, loop, sink, err := r.build(lease, disc, source, target, lanes)
		if err != nil {
			return &pipeline.FatalError{Err: err}
		}
		defer sink.Close()
		defer c.source.Close()
		c.assign(snap, lanes)
		r.mu.Lock()
		r.copiers[lease.ID] = c
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			delete(r.copiers, lease.ID)
			r.mu.Unlock()
		}()
		c.assign(disc.snapshot(), lanes) // what was found between wait and now
		err = r.copy(ctx, lease, loop)
		r.released(ctx, err, c)
		return err
	}
}

// releaseTime is how long what follows a lane's commits may take to finish when
// the lane is given up: others wait for it.
const releaseTime = time.Second

// released tells that a lane's work ended.
func (r *Replicator) released(ctx context.Context, err error, c *copier) {
	if r.deps.Released == nil {
		return
	}
	lost := errors.Is(err, pipeline.ErrFenced) || errors.Is(context.Cause(ctx), lane.ErrLost)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if lost {
		cancel()
	}
	r.deps.Released(ctx, func(p pipeline.Partition) bool { return topology.Lane(topology.Partition(p), c.lanes) == c.lane })
}

// copy runs the loop and, with lane 0, the control tasks; they end before the
// lane does.
func (r *Replicator) copy(ctx context.Context, lease *lane.Lease, loop *pipeline.Loop) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel(nil)
	var once sync.Once
	opened := loop.Opened
	loop.Opened = func(m pipeline.Marks) {
		opened(m)
		if lease.ID != 0 {
			return
		}
		once.Do(func() {
			for _, c := range r.deps.Control {
				tasks.Go(func() { r.control(ctx, c) })
			}
		})
	}
	return loop.Run(ctx)
}

func (r *Replicator) build(lease *lane.Lease, disc *discovery, source, target *kadm.Client, lanes int) (*copier, *pipeline.Loop, *kafka.TxnSink, error) {
	id := int(lease.ID)
	log := r.deps.Logger.With("lane", id)
	c := &copier{lane: id, lanes: lanes, origin: disc.origin, metrics: r.metrics, notes: map[pipeline.Partition]string{}}
	sink, err := kafka.NewTxnSink(r.sinkConfig(c, target, log))
	if err != nil {
		return nil, nil, nil, err
	}
	c.source = kafka.NewPartitionSource(kafka.SourceConfig{
		Dialer: r.cfg.Source, Role: r.sourceRole(lease.ID), Admin: source,
		ReadUncommitted: r.cfg.ReadUncommitted,
		MinBytes:        r.cfg.FetchMinBytes, MaxWait: r.cfg.FetchMaxWait, MaxBytes: r.cfg.FetchMaxBytes, MaxPartitionBytes: r.cfg.FetchMaxPartitionBytes,
		Limit:    r.limitFunc(),
		Latest:   func() bool { return sink.Previous().Worker == "" },
		Resume:   r.deps.Resume,
		Policies: r.cfg.Policies, Trouble: c.trouble, Target: target, Forget: sink.Forget, Flow: r.cfg.Flow.ID.String(), Shared: r.cfg.SharedTargets,
		DeadLetters: func(ctx context.Context) (kafka.DeadLetters, error) { return r.letters.ensure(ctx, target) },
		Logger:      log,
	})
	cfg := pipeline.DefaultConfig()
	cfg.Interval, cfg.Bytes = r.cfg.CommitInterval, r.cfg.CommitBytes
	cfg.EndTimeout = max(r.cfg.TransactionTimeout, time.Second)
	loop := &pipeline.Loop{
		Config: cfg, Source: c.source, Sink: sink,
		Observers: append([]pipeline.Observer{c.source, c, r.metrics}, r.deps.Observers...),
	}
	if r.cfg.Routes != nil {
		loop.Stages = append(loop.Stages, NewProvenance(r.cfg.Flow.ID, r.cfg.Routes))
	}
	if r.deps.Stages != nil {
		for _, s := range r.deps.Stages(id) {
			loop.Stages = append(loop.Stages, s)
			if o, ok := s.(pipeline.Observer); ok {
				loop.Observers = append(loop.Observers, o)
			}
		}
	}
	loop.Stages = append(loop.Stages, NewRouter(r.cfg.Flow))
	loop.Opened = func(m pipeline.Marks) {
		log.Debug("lane open", "marks", len(m), "previous_owner", sink.Previous().Worker)
	}
	loop.Claimed = func() error { return lease.Claimed(sink.Previous().Worker) }
	loop.Aborted = func(err error) {
		c.aborts.Add(1)
		r.metrics.aborted(err)
	}
	return c, loop, sink, nil
}

func (r *Replicator) limitFunc() func(context.Context, int64) error {
	if r.limiter == nil {
		return nil
	}
	return r.limit
}

func (r *Replicator) sinkConfig(c *copier, target *kadm.Client, log *slog.Logger) kafka.SinkConfig {
	flow := r.cfg.Flow.ID
	cfg := kafka.SinkConfig{
		Dialer: r.cfg.Target, Role: r.targetRole(lane.ID(c.lane)), Admin: target,
		Timeout: r.cfg.TransactionTimeout,
		Marks:   kafka.MarkTopic{Topic: topology.LanesTopic(flow.Source), Partition: int32(c.lane)},
		Worker:  r.cfg.Worker, Origin: c.origin,
		Partitions: func() []pipeline.Partition {
			return c.snap.Load().targets(c.lane, c.lanes)
		},
		MaxBatchBytes: func(topic string) int32 { return max(c.snap.Load().maxBatch(topic), r.letters.maxBatch(topic)) },
		LargestBatch:  func() int32 { return max(c.snap.Load().largest, c.source.LargestLetter()) },
		Compression:   r.cfg.Compression, Linger: r.cfg.Linger, MaxBatch: r.cfg.MaxBatchBytes, BufferBytes: r.cfg.BufferBytes,
		DeadLetterTopic: r.letters.topic, Policies: r.cfg.Policies, Trouble: c.trouble, Shared: r.cfg.SharedTargets,
		Logger: log, Healed: r.metrics.healed,
	}
	if r.deps.Companions != nil {
		cfg.Companions = r.deps.Companions(c.lane)
	}
	if !r.cfg.AtLeastOnce {
		cfg.TransactionalID = topology.TransactionalID(flow, c.lane)
	}
	return cfg
}

// reason is the bounded label for why a transaction was given up.
func reason(err error) string {
	var refused *pipeline.RefusedError
	var one *pipeline.PartitionError
	var fatal *pipeline.FatalError
	switch {
	case errors.Is(err, pipeline.ErrFenced):
		return "fenced"
	case errors.As(err, &refused):
		return "refused"
	case errors.As(err, &one), errors.Is(err, pipeline.ErrReopen):
		return "trouble"
	case errors.As(err, &fatal):
		return "fatal"
	case errors.Is(err, kafka.ErrHanging):
		return "hanging"
	case errors.Is(err, context.Canceled), errors.Is(err, lane.ErrRevoked), errors.Is(err, lane.ErrStopped), errors.Is(err, lane.ErrLost):
		return "stopped"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "error"
}
