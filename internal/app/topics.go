package app

import (
	"context"

	"mm2/configsync"
	"mm2/replicator"
)

// topics lets configsync make the replicator's topics: the two do not know each
// other.
type topics struct{ made *configsync.Topics }

// Ensure implements replicator.Topics.
func (t topics) Ensure(ctx context.Context, want []replicator.WantedTopic) (map[string]replicator.TargetTopic, error) {
	wants := make([]configsync.Want, len(want))
	for i, w := range want {
		wants[i] = configsync.Want(w)
	}
	results, err := t.made.EnsureAll(ctx, wants)
	if err != nil {
		return nil, err
	}
	out := make(map[string]replicator.TargetTopic, len(results))
	for name, r := range results {
		out[name] = replicator.TargetTopic{Partitions: r.Partitions, ID: r.ID, MaxBatchBytes: r.MaxMessageBytes, Err: r.Err}
	}
	return out, nil
}
