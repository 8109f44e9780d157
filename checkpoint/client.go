package checkpoint

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// clientRole is the role of the clients of RemoteOffsets, as brokers see it.
const clientRole = "mirror-client"

// RemoteOffsets tells where on the cluster of d the group would go on that read
// topics of source, by target partition: its checkpoints, as Java's
// RemoteClusterUtils.translateOffsets reads them. p is the policy of the flow.
// A group without checkpoints has an empty map.
//
// It reads the whole checkpoints topic and fails if that is not possible before
// ctx ends.
func RemoteOffsets(ctx context.Context, d *kafka.Dialer, p topology.Policy, source topology.Alias, group string) (map[pipeline.Partition]Checkpoint, error) {
	if group == "" {
		return nil, errors.New("remote offsets: no group")
	}
	all, err := remoteOffsets(ctx, d, p, source, func(g string) bool { return g == group })
	if err != nil {
		return nil, fmt.Errorf("remote offsets of group %s: %w", group, err)
	}
	if found, ok := all[group]; ok {
		return found, nil
	}
	return map[pipeline.Partition]Checkpoint{}, nil
}

// RemoteOffsetsMatching is [RemoteOffsets] of all groups whose whole id matches
// a regular expression of Java (KIP-1239). Groups without checkpoints are not
// in the result.
func RemoteOffsetsMatching(ctx context.Context, d *kafka.Dialer, p topology.Policy, source topology.Alias, groups string) (Checkpoints, error) {
	if groups == "" {
		return nil, errors.New("remote offsets: no pattern for groups")
	}
	filter, err := topology.NewFilter([]string{groups}, nil)
	if err != nil {
		return nil, fmt.Errorf("remote offsets: %w", err)
	}
	var undecided error
	all, err := remoteOffsets(ctx, d, p, source, func(group string) bool {
		matches, err := filter.Decide(group)
		if undecided == nil {
			undecided = err
		}
		return matches && err == nil
	})
	if err == nil {
		err = undecided
	}
	if err != nil {
		return nil, fmt.Errorf("remote offsets of groups %s: %w", groups, err)
	}
	return all, nil
}

func remoteOffsets(ctx context.Context, d *kafka.Dialer, p topology.Policy, source topology.Alias, keep func(string) bool) (Checkpoints, error) {
	if d == nil || p == nil || source == "" {
		return nil, errors.New("a cluster, a policy and a source are required")
	}
	topic := p.CheckpointsTopic(source)
	stored, err := ReadCheckpoints(ctx, d, clientRole, topic, keep)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, fmt.Errorf("cluster %s has no topic %s: no flow from %s writes checkpoints there, or it uses another separator: %w",
			d.Alias(), topic, source, err)
	}
	return stored.Checkpoints, err
}
