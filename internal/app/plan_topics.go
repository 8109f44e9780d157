package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/configsync"
	"mm2/internal/config"
	"mm2/internal/kafka"
	"mm2/topology"
)

// InternalTopic is a topic that mm2 keeps state in, or writes for Java's tools.
type InternalTopic struct {
	Cluster    topology.Alias `json:"cluster"`
	Name       string         `json:"name"`
	For        string         `json:"for"`
	Partitions int            `json:"partitions"`         // when it is created
	Replicas   int16          `json:"replication_factor"` // when it is created; -1: the cluster's default
	Exists     bool           `json:"exists"`
}

// internalTopics are those of one flow, in the order in which they are needed.
func internalTopics(cfg config.Flow) []InternalTopic {
	a, b := cfg.ID.Source, cfg.ID.Target
	var out []InternalTopic
	add := func(when bool, on topology.Alias, name, why string, partitions int, replicas int16) {
		if when {
			out = append(out, InternalTopic{Cluster: on, Name: name, For: why, Partitions: partitions, Replicas: replicas})
		}
	}
	add(true, b, topology.LanesTopic(a), "lanes and marks", cfg.Lanes, cfg.LanesReplicationFactor)
	add(cfg.Copy, b, topology.OwnedTopic(a), "what mm2 made", 1, cfg.LanesReplicationFactor)
	add(needsSegments(cfg), b, topology.SegmentsTopic(a), "the exact map of offsets", cfg.Lanes, cfg.LanesReplicationFactor)
	add(syncsOn(cfg, "source"), a, cfg.Policy.OffsetSyncsTopic(b), "offset syncs", 1, cfg.OffsetSyncs.ReplicationFactor)
	add(syncsOn(cfg, "target"), b, cfg.Policy.OffsetSyncsTopic(a), "offset syncs", 1, cfg.OffsetSyncs.ReplicationFactor)
	add(cfg.Copy && cfg.Checkpoints.Emit, b, cfg.Policy.CheckpointsTopic(a), "checkpoints", 1, cfg.Checkpoints.ReplicationFactor)
	add(cfg.Heartbeats.Emit, b, cfg.Policy.HeartbeatsTopic(), "heartbeats", 1, cfg.HeartbeatsReplicationFactor)
	add(cfg.Heartbeats.Seed, a, cfg.Policy.HeartbeatsTopic(), "heartbeats", 1, cfg.HeartbeatsReplicationFactor)
	return out
}

func needsSegments(cfg config.Flow) bool {
	return cfg.Copy && (cfg.Checkpoints.Emit || cfg.Groups.Sync)
}

func syncsOn(cfg config.Flow, location string) bool {
	return cfg.Copy && cfg.OffsetSyncs.Emit && cfg.OffsetSyncs.Location == location
}

// findInternal asks the clusters which of the topics exist.
func findInternal(ctx context.Context, topics []InternalTopic, clients map[topology.Alias]*kgo.Client) ([]InternalTopic, error) {
	for alias, cl := range clients {
		req := kmsg.NewPtrMetadataRequest()
		req.AllowAutoTopicCreation = false
		for _, t := range topics {
			if t.Cluster == alias {
				rt := kmsg.NewMetadataRequestTopic()
				rt.Topic = new(t.Name)
				req.Topics = append(req.Topics, rt)
			}
		}
		if len(req.Topics) == 0 {
			continue
		}
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return topics, fmt.Errorf("look for internal topics on cluster %s: %w", alias, kafka.Explain(err))
		}
		for _, answer := range resp.Topics {
			i := slices.IndexFunc(topics, func(t InternalTopic) bool {
				return t.Cluster == alias && answer.Topic != nil && t.Name == *answer.Topic
			})
			if i < 0 {
				continue
			}
			switch err := kerr.ErrorForCode(answer.ErrorCode); {
			case errors.Is(err, kerr.UnknownTopicOrPartition):
			case err == nil, errors.Is(err, kerr.LeaderNotAvailable):
				topics[i].Exists = true
			case errors.Is(err, kerr.TopicAuthorizationFailed):
				return topics, fmt.Errorf("look for topic %s on cluster %s: not allowed; grant what the plan lists as rights: %w", topics[i].Name, alias, err)
			default:
				return topics, fmt.Errorf("look for topic %s on cluster %s: %w", topics[i].Name, alias, err)
			}
		}
	}
	return topics, nil
}

// features are what a flow does, as far as it takes rights.
func features(cfg config.Flow, back bool) configsync.Features {
	f := configsync.Features{
		Flow: cfg.Flow, AtLeastOnce: cfg.Delivery == config.AtLeastOnce, Heartbeats: cfg.Heartbeats.Emit, Seed: cfg.Heartbeats.Seed,
		Segments: needsSegments(cfg), OffsetSyncsOnSource: syncsOn(cfg, "source"), OffsetSyncsOnTarget: syncsOn(cfg, "target"),
		Checkpoints: cfg.Copy && cfg.Checkpoints.Emit,
		TailGroups:  cfg.Groups.Follow != "poll", SyncGroups: cfg.Groups.Sync,
		Configs: cfg.ConfigSync.Configs && cfg.ConfigSync.Mode == config.Enforce, ACLs: cfg.ConfigSync.ACLs,
		ReverseACLs: readsReverse(cfg, back), DeleteTopics: cfg.ConfigSync.DeleteTopics,
	}
	if cfg.Checkpoints.Emit || cfg.Groups.Sync {
		f.Groups = cfg.Groups.Filter
	}
	if cfg.Java.TakeOver {
		f.JavaOffsets, f.JavaGroup = cfg.Java.OffsetsTopic, cfg.Java.Group
	}
	if cfg.OnTrouble.RecordRefused == config.DeadLetter {
		f.DeadLetter = cfg.OnTrouble.DeadLetterTopic
	}
	t := cfg.OnTrouble
	f.EmptyPartitions = slices.Contains([]config.Loss{t.RetentionOvertook, t.SourceTruncated, t.SourceRecreated, t.TargetRecreated}, config.Restart)
	return f
}
