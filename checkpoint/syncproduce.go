package checkpoint

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
)

// write returns when the cluster has acknowledged all of the syncs, or refused
// one of them, or ctx ends.
func (w *SyncWriter) write(ctx context.Context, batches []batch) error {
	attempt, cancel := context.WithTimeoutCause(ctx, syncPatience, errUnanswered)
	defer cancel()
	n := 0
	for _, b := range batches {
		n += len(b.syncs)
	}
	results := make(chan error, n)
	promise := func(_ *kgo.Record, err error) { results <- err }
	for _, b := range batches {
		for _, s := range b.syncs {
			w.deps.Client.Produce(attempt, &kgo.Record{
				Topic: w.topic, Partition: 0, Key: b.track.key,
				Value: OffsetSync{Upstream: s.up, Downstream: s.down}.EncodeValue(),
			}, promise)
		}
	}
	var failure error
	for range n {
		select {
		case err := <-results:
			switch {
			case err == nil:
				w.metrics.written.Inc()
			case failure == nil:
				failure = err
			}
		case <-ctx.Done():
			// They may still arrive. The client belongs to the caller, whose
			// closing ends them.
			return context.Cause(ctx)
		}
	}
	switch {
	case failure == nil:
		return nil
	case attempt.Err() != nil:
		failure = context.Cause(attempt)
	}
	return fmt.Errorf("write offset syncs to %s: %w", w.topic, failure)
}

var errUnanswered = fmt.Errorf("no answer within %s", syncPatience)

// ensureTopic looks at the topic before the first round and after each failure.
func (w *SyncWriter) ensureTopic(ctx context.Context) error {
	if w.ready {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, syncPatience, errUnanswered)
	defer cancel()
	st, err := kafka.EnsureInternalTopic(ctx, w.admin, kafka.InternalTopic{
		Name: w.topic, Partitions: 1,
		ReplicationFactor: w.cfg.ReplicationFactor, ReplicationSetting: "offset_syncs.replication_factor",
	})
	switch {
	case errors.Is(err, kafka.ErrNotCompacted):
		// Syncs still do their work until they are deleted.
		if w.isNews("not compacted") {
			w.log.Warn("offset syncs topic is not compacted", "err", err)
		}
	case err != nil:
		return err
	case st.Partitions != 1:
		if w.isNews("partitions") {
			w.log.Warn("offset syncs topic has more than one partition, only the first is used", "partitions", st.Partitions)
		}
	}
	w.ready = true
	w.stayAwake()
	return nil
}

// failed counts a failure, logs the first of a row, and returns it. That ctx
// ended is no failure of the cluster.
func (w *SyncWriter) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	w.metrics.errors.Inc()
	w.failures++
	w.ready = false
	if w.failures == 1 {
		w.log.Warn("cannot write offset syncs, trying again", "err", kafka.Explain(err))
	}
	// The client stops for good at a topic that was deleted and created again
	// unless it is told to forget the old one.
	if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
		w.deps.Client.PurgeTopicsFromProducing(w.topic)
	}
	return err
}

// isNews tells whether a remark about the topic was not the last one made.
func (w *SyncWriter) isNews(remark string) bool {
	known := w.remark == remark
	w.remark = remark
	return !known
}
