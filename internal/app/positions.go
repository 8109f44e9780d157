package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/backoff"
	"mm2/internal/config"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/replicator"
	"mm2/topology"
)

// positionMetrics are the series about offsets and groups.
type positionMetrics struct {
	groups *checkpoint.Metrics
	index  *checkpoint.IndexMetrics
	syncs  *checkpoint.SyncMetrics
}

func newPositionMetrics(reg prometheus.Registerer) positionMetrics {
	return positionMetrics{groups: checkpoint.NewMetrics(reg), index: checkpoint.NewIndexMetrics(reg), syncs: checkpoint.NewSyncMetrics(reg)}
}

// positions are the parts of a flow that know which offset of the source is
// which of the target, and carry groups over. Each is nil where the
// configuration has no use for it.
type positions struct {
	writer *checkpoint.SyncWriter // on every worker
	index  *checkpoint.Index      // the others on the owner of lane 0
	syncs  *checkpoint.SyncFollower
	back   *checkpoint.Index // of the flow the other way, where it keeps names as well
	task   *checkpoint.Task
}

// newPositions builds what the flow needs and starts nothing. The client, if
// any, is the caller's to close.
func (f *flow) newPositions() (p positions, client *kgo.Client, err error) {
	if syncsOn(f.cfg, "source") || syncsOn(f.cfg, "target") {
		if p.writer, client, err = f.newSyncWriter(); err != nil {
			return p, client, err
		}
	}
	if !needsSegments(f.cfg) {
		return p, client, nil
	}
	p.index, err = checkpoint.NewIndex(checkpoint.IndexConfig{
		Flow: f.cfg.ID, Dialer: f.target, Bytes: f.cfg.Checkpoints.IndexBytes, SameNames: f.back && f.routes != nil, Metrics: f.shared.positions.index, Logger: f.log,
	})
	if err != nil {
		return p, client, err
	}
	syncsOn, syncsTopic := syncsPlace(f.cfg, f.source, f.target)
	p.syncs = checkpoint.NewSyncFollower(syncsOn, f.cfg.ID.String()+"|offset-syncs-"+f.cfg.OffsetSyncs.Location+"-consumer", syncsTopic, f.log)
	if f.back && f.routes != nil {
		p.back, err = checkpoint.NewIndex(checkpoint.IndexConfig{
			Flow: f.cfg.ID.Reverse(), Dialer: f.source, Bytes: f.cfg.Checkpoints.IndexBytes, ReadOnly: true, SameNames: true,
			Metrics: checkpoint.NewIndexMetrics(nil), Logger: f.log.With("map_of", f.cfg.ID.Reverse().String()),
		})
		if err != nil {
			return p, client, err
		}
	}
	p.task, err = f.newTask(p)
	return p, client, err
}

// syncsPlace is where offset syncs of a flow are, whoever wrote them.
func syncsPlace(cfg config.Flow, source, target *kafka.Dialer) (*kafka.Dialer, string) {
	if cfg.OffsetSyncs.Location == "target" {
		return target, checkpoint.OffsetSyncsTopic(cfg.Flow, true)
	}
	return source, checkpoint.OffsetSyncsTopic(cfg.Flow, false)
}

func (f *flow) newSyncWriter() (*checkpoint.SyncWriter, *kgo.Client, error) {
	on, _ := syncsPlace(f.cfg, f.source, f.target)
	client, err := on.Client(f.cfg.ID.String()+"|offset-syncs-"+f.cfg.OffsetSyncs.Location+"-producer", checkpoint.SyncClientOpts()...)
	if err != nil {
		return nil, nil, err
	}
	w, err := checkpoint.NewSyncWriter(checkpoint.SyncWriterConfig{
		Flow: f.cfg.Flow, OnTarget: f.cfg.OffsetSyncs.Location == "target", LagMax: f.cfg.OffsetSyncs.LagMax,
		ReplicationFactor: f.cfg.OffsetSyncs.ReplicationFactor,
	}, checkpoint.SyncWriterDeps{Client: client, Metrics: f.shared.positions.syncs, Logger: f.log})
	return w, client, err
}

func (f *flow) newTask(p positions) (*checkpoint.Task, error) {
	return checkpoint.New(checkpoint.Config{
		Flow: f.cfg.Flow, Groups: f.cfg.Groups.Filter,
		Emit: f.cfg.Checkpoints.Emit, Interval: f.cfg.Checkpoints.Interval, ReplicationFactor: f.cfg.Checkpoints.ReplicationFactor,
		Sync: f.cfg.Groups.Sync, SyncInterval: f.cfg.Groups.SyncInterval,
		Follow: checkpoint.FollowMode(f.cfg.Groups.Follow), PollInterval: f.cfg.Groups.PollInterval,
	}, checkpoint.Deps{
		Source: f.source, Target: f.target, Translator: f.translator(p), Ready: p.ready,
		Acknowledged: func(group string, target pipeline.Partition, latency time.Duration) {
			f.java.ObserveCheckpoint(group, target.Topic, target.Partition, latency)
		},
		Metrics: f.shared.positions.groups, Logger: f.log,
	})
}

// ready waits until everything that was known of offsets before is known here.
func (p positions) ready(ctx context.Context) error {
	for _, x := range []*checkpoint.Index{p.index, p.back} {
		if x == nil {
			continue
		}
		select {
		case <-x.Ready():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	pause := backoff.Backoff{First: 20 * time.Millisecond, Max: time.Second}
	for !p.syncs.Ready() {
		if !backoff.Sleep(ctx, pause.Next()) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// translator maps positions by the index and by Java's syncs, and where topics
// keep their names, as [sameNames] says.
func (f *flow) translator(p positions) checkpoint.Translator {
	forth := checkpoint.OffsetMap{Index: p.index, Java: p.syncs, RemoteTopic: f.cfg.RemoteTopic}
	if f.routes == nil {
		return forth
	}
	m := sameNames{flow: f.cfg.ID, routes: f.routes, alone: forth}
	if p.back != nil {
		m.both = checkpoint.Merged(forth, p.back)
	}
	return m
}

// controls are what runs once in a flow, on the owner of lane 0.
func (f *flow) positionControls(p positions) []replicator.Control {
	if p.index == nil {
		return nil
	}
	out := []replicator.Control{
		{Name: "offset-map", Run: p.index.Run},
		{Name: "offset-syncs-follower", Run: p.syncs.Run},
		{Name: "groups", Run: func(ctx context.Context) error {
			defer f.java.KeepCheckpoints(nil)
			return p.task.Run(ctx)
		}},
	}
	if p.back != nil {
		out = append(out, replicator.Control{Name: "offset-map-back", Run: p.back.Run})
	}
	return out
}

// prepare makes the topic of the offset map, which lanes write in each of their
// transactions.
func (f *flow) prepare(ctx context.Context, target *kadm.Client, lanes int) error {
	if !needsSegments(f.cfg) {
		return nil
	}
	st, err := kafka.EnsureInternalTopic(ctx, target, checkpoint.SegmentsTopic(f.cfg.ID.Source, lanes, f.cfg.LanesReplicationFactor))
	switch {
	case err != nil:
		return err
	case int(st.Partitions) < lanes:
		return errors.New("topic " + topology.SegmentsTopic(f.cfg.ID.Source) + " has fewer partitions than the flow has lanes: add partitions to it, or delete it, which forgets how offsets of older records map")
	}
	return nil
}

// companions are what adds to the transactions of one lane.
func (f *flow) companions(lane int) []kafka.Companion {
	var out []kafka.Companion
	if needsSegments(f.cfg) {
		out = append(out, checkpoint.NewSegmentWriter(checkpoint.SegmentConfig{
			Topic: topology.SegmentsTopic(f.cfg.ID.Source), Lane: int32(lane), RemoteTopic: f.cfg.RemoteTopic,
			AtLeastOnce: f.cfg.Delivery == config.AtLeastOnce,
		}))
	}
	if f.over != nil {
		out = append(out, f.over)
	}
	return out
}
