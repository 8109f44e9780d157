package takeover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/pipeline"
)

// look finds out whether Java's topic is there. Where it is not, Java never ran
// this flow, and there is nothing to take over and nothing to keep current.
func (t *TakeOver) look(ctx context.Context) error {
	topics, err := t.deps.Admin.ListTopics(kadm.WithAuthorizedOps(ctx), t.cfg.OffsetsTopic)
	if err == nil {
		err = topics[t.cfg.OffsetsTopic].Err
	}
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		t.place.Store(nil)
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return &pipeline.FatalError{
			Err: fmt.Errorf("look for topic %s on %s: %w: whether java mirrormaker 2 ran this flow cannot be told, and without its offsets everything would be copied again",
				t.cfg.OffsetsTopic, t.cfg.Flow.Target, err),
			Remedy: fmt.Sprintf("grant mm2 DESCRIBE, READ and WRITE on topic %s, or set java.take_over = false if java never ran this flow", t.cfg.OffsetsTopic),
		}
	case err != nil:
		return fmt.Errorf("look for topic %s on %s: %w", t.cfg.OffsetsTopic, t.cfg.Flow.Target, err)
	}
	detail := topics[t.cfg.OffsetsTopic]
	p := &place{topic: t.cfg.OffsetsTopic, id: detail.ID, partitions: len(detail.Partitions), writable: mayWrite(detail.AuthorizedOperations)}
	if before := t.place.Load(); !p.writable && (before == nil || before.writable) {
		t.deps.Logger.Warn("the offsets topic of java mirrormaker 2 is not kept current: if java takes back this flow, it copies again what mm2 copies",
			"topic", p.topic, "remedy", "grant mm2 WRITE on it")
	}
	t.place.Store(p)
	return nil
}

// mayWrite believes brokers that do not tell.
func mayWrite(ops []kadm.ACLOperation) bool {
	return len(ops) == 0 || slices.Contains(ops, kmsg.ACLOperationWrite) || slices.Contains(ops, kmsg.ACLOperationAll)
}

// What Java's topic needs to stay small. Java writes it once a minute, mm2 with
// every commit, and the default segments of 1 GiB are cleaned only when full:
// Java would read gigabytes when it starts.
const (
	segmentBytes   = 16 << 20
	dirtyRatio     = 0.1
	segmentConfig  = "segment.bytes"
	cleaningConfig = "min.cleanable.dirty.ratio"
)

// shrink sets the configs of Java's topic where they are larger. That it may
// not is no reason to stop.
func (t *TakeOver) shrink(ctx context.Context, p *place) {
	if !p.writable {
		return
	}
	changes, err := t.smaller(ctx, p)
	if err == nil && len(changes) > 0 {
		err = t.alter(ctx, p, changes)
	}
	if err != nil {
		t.deps.Logger.Warn("the offsets topic of java mirrormaker 2 grows until its segments are full: java reads all of it when it starts",
			"topic", p.topic, "err", err,
			"remedy", fmt.Sprintf("grant mm2 DESCRIBE_CONFIGS and ALTER_CONFIGS on it, or set %s=%d and %s=%v", segmentConfig, segmentBytes, cleaningConfig, dirtyRatio))
		return
	}
	for _, c := range changes {
		t.deps.Logger.Info("changed a config of the offsets topic of java mirrormaker 2, so that it stays small", "topic", p.topic, "config", c.Name, "value", *c.Value)
	}
}

func (t *TakeOver) smaller(ctx context.Context, p *place) ([]kadm.AlterConfig, error) {
	described, err := t.deps.Admin.DescribeTopicConfigs(ctx, p.topic)
	if err != nil {
		return nil, fmt.Errorf("describe its configs: %w", err)
	}
	var changes []kadm.AlterConfig
	_, err = described.On(p.topic, func(r *kadm.ResourceConfig) error {
		for _, c := range r.Configs {
			most, concerns := map[string]float64{segmentConfig: segmentBytes, cleaningConfig: dirtyRatio}[c.Key]
			if !concerns || c.Value == nil {
				continue
			}
			if now, err := strconv.ParseFloat(*c.Value, 64); err != nil || now <= most {
				continue
			}
			changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: c.Key, Value: new(strconv.FormatFloat(most, 'f', -1, 64))})
		}
		return r.Err
	})
	if err != nil {
		return nil, fmt.Errorf("describe its configs: %w", err)
	}
	return changes, nil
}

func (t *TakeOver) alter(ctx context.Context, p *place, changes []kadm.AlterConfig) error {
	answers, err := t.deps.Admin.AlterTopicConfigs(ctx, changes, p.topic)
	if err == nil {
		_, err = answers.On(p.topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	if err != nil {
		return fmt.Errorf("alter its configs: %w", err)
	}
	return nil
}
