package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// emitter translates positions and writes checkpoints.
type emitter struct {
	task   *Task
	state  *state
	client *kgo.Client // on the target

	ready bool // the topic was found or created since the last failure
}

const (
	firstEmitPause = 250 * time.Millisecond
	maxEmitPause   = 30 * time.Second

	// emitPatience bounds one request about the topic, and one round of
	// checkpoints.
	emitPatience = 30 * time.Second
)

// run writes what is due: the first change after a quiet time at once, then at
// most once in each Interval.
func (e *emitter) run(ctx context.Context) error {
	if err := e.open(ctx); err != nil {
		return err
	}
	pause := backoff.Backoff{First: firstEmitPause, Max: maxEmitPause}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.state.dirty:
		}
		started := time.Now()
		if err := e.round(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			e.ready = false
			e.task.failed(e.state, partEmit, err)
			backoff.Sleep(ctx, pause.Next())
			continue
		}
		pause.Reset()
		e.task.works(e.state, partEmit)
		backoff.Sleep(ctx, e.task.cfg.Interval-time.Since(started))
	}
}

// open waits for everything that must be known before the first translation:
// the checkpoints of earlier runs and the map.
func (e *emitter) open(ctx context.Context) error {
	pause := backoff.Backoff{First: firstEmitPause, Max: maxEmitPause}
	for e.task.cfg.Emit {
		err := e.load(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		e.task.failed(e.state, partLoad, err)
		if !backoff.Sleep(ctx, pause.Next()) {
			return nil
		}
	}
	e.task.works(e.state, partLoad)
	if e.task.deps.Ready == nil {
		return nil
	}
	if err := e.task.deps.Ready(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("wait for the offset map: %w", err)
	}
	return nil
}

func (e *emitter) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	if err := e.ensureTopic(ctx); err != nil {
		return err
	}
	topic := e.topic()
	existing, err := readCheckpoints(ctx, e.task.deps.Target, e.task.cfg.Flow.ID, topic)
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		// As Java: without them positions may go back once after a restart.
		e.task.deps.Logger.Warn("cannot read checkpoints of earlier runs: grant READ so that they never go back", "topic", topic)
		return nil
	}
	if err != nil {
		return err
	}
	e.state.load(existing)
	return nil
}

func (e *emitter) topic() string {
	return e.task.cfg.Flow.Policy.CheckpointsTopic(e.task.cfg.Flow.ID.Source)
}

// ensureTopic looks at the topic at the start, also while there is nothing to
// write, and after each failure.
func (e *emitter) ensureTopic(ctx context.Context) error {
	if e.ready || !e.task.cfg.Emit {
		return nil
	}
	_, err := kafka.EnsureInternalTopic(ctx, kadm.NewClient(e.client), kafka.InternalTopic{
		Name: e.topic(), Partitions: 1, ReplicationFactor: e.task.cfg.ReplicationFactor, ReplicationSetting: "checkpoints.replication_factor",
	})
	if errors.Is(err, kafka.ErrNotCompacted) {
		e.task.deps.Logger.Warn("checkpoints topic is not compacted", "err", err)
		err = nil
	}
	if err != nil {
		return kafka.Explain(err)
	}
	e.ready = true
	return nil
}

// round translates what changed and writes what is due. What was not written
// stays due.
func (e *emitter) round(ctx context.Context) error {
	jobs := e.state.take()
	if len(jobs) == 0 {
		return nil
	}
	translate(e.task.cfg.Flow, e.task.deps.Translator, jobs)
	jobs = e.state.decide(jobs, time.Now())
	if !e.task.cfg.Emit {
		e.state.acknowledged(jobs, time.Now())
		return nil
	}
	if len(jobs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, emitPatience)
	defer cancel()
	if err := e.ensureTopic(ctx); err != nil {
		e.state.again(jobs)
		return err
	}
	done, left, err := e.write(ctx, jobs)
	e.state.acknowledged(done, time.Now())
	e.state.again(left)
	return err
}

// outcome is what became of one record.
type outcome struct {
	job int
	err error
}

// write produces checkpoints and returns when the fate of each is known, or
// when ctx ends. What is left may still arrive: written again it does no harm,
// for the client keeps the order.
func (e *emitter) write(ctx context.Context, jobs []job) (done, left []job, err error) {
	built := time.Now()
	outcomes := make(chan outcome, len(jobs))
	waiting := make(map[int]bool, len(jobs))
	for i, j := range jobs {
		r, unfit := record(e.topic(), j.next, built)
		if unfit != nil {
			err = unfit // trying again would not help
			continue
		}
		waiting[i] = true
		e.client.Produce(ctx, r, func(_ *kgo.Record, err error) { outcomes <- outcome{i, err} })
	}
	for len(waiting) > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
			err = fmt.Errorf("write checkpoints to %s: %w", e.topic(), context.Cause(ctx))
		case o := <-outcomes:
			delete(waiting, o.job)
			if o.err == nil {
				done = append(done, jobs[o.job])
				e.acknowledged(jobs[o.job].next, built)
				continue
			}
			left = append(left, jobs[o.job])
			err = fmt.Errorf("write checkpoints to %s: %w", e.topic(), kafka.Explain(o.err))
		}
	}
	for i := range waiting {
		left = append(left, jobs[i])
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
		// Otherwise the client stops for good at a topic that was deleted.
		e.client.PurgeTopicsFromProducing(e.topic())
	}
	return done, left, err
}

func (e *emitter) acknowledged(c Checkpoint, built time.Time) {
	e.task.metrics.checkpoints.Inc()
	if tell := e.task.deps.Acknowledged; tell != nil {
		tell(c.Group, pipeline.Partition{Topic: c.Topic, Partition: c.Partition}, time.Since(built))
	}
}

// record is a checkpoint as Java writes it: partition 0, no headers, the time
// it was built.
func record(topic string, c Checkpoint, built time.Time) (*kgo.Record, error) {
	key, err := c.EncodeKey()
	if err != nil {
		return nil, err
	}
	value, err := c.EncodeValue()
	if err != nil {
		return nil, err
	}
	return &kgo.Record{Topic: topic, Partition: 0, Key: key, Value: value, Timestamp: built}, nil
}
