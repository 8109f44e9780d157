package runtime

import (
	"context"
	"errors"
	"fmt"

	"mm2/streams/internal/assign"
	"mm2/streams/internal/balancer"
	"mm2/streams/internal/internaltopics"
)

// planTopics works out the internal topics and tasks from the topics that exist.
// An error that is an internaltopics.Error is never cured by trying again.
func (a *App) planTopics(ctx context.Context) (internaltopics.Request, *internaltopics.Plan, error) {
	counts, err := a.userTopics(ctx)
	if err != nil {
		return internaltopics.Request{}, nil, err
	}
	s := a.cfg.Settings
	r := a.layout.request(counts, internaltopics.Defaults{
		ReplicationFactor: s.ReplicationFactor, Configs: s.InternalTopicConfig, WindowExtraRetention: s.WindowChangelogExtraRetention,
	})
	plan, err := r.Plan()
	return r, plan, err
}

// userTopics are the partition counts of the user topics that exist.
func (a *App) userTopics(ctx context.Context) (map[string]int32, error) {
	topics := a.layout.userTopics()
	if a.layout.patterns {
		all, err := a.admin.ListTopics(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for topics that match the patterns of sources: %w", err)
		}
		for _, topic := range all.Names() {
			if _, n := a.layout.sourceOf(topic); n != nil && n.Pattern != nil {
				topics = append(topics, topic)
			}
		}
	}
	return a.topics.Partitions(ctx, topics...)
}

// precheck refuses what no rebalance could set right, before the group is
// joined: a member that joins and fails would disturb the others.
func (a *App) precheck(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Settings.TaskTimeout)
	defer cancel()
	_, plan, err := a.planTopics(ctx)
	if err != nil {
		return err
	}
	// Topics that are missing are made by the leader.
	if err := a.topics.Check(ctx, plan.Topics); err != nil && !errors.Is(err, internaltopics.ErrMissingInternalTopic) {
		return err
	}
	return nil
}

// lead is what the leader of the group does at a rebalance.
func (a *App) lead(ctx context.Context, _ balancer.Request) ([]balancer.Task, error) {
	r, plan, err := a.planTopics(ctx)
	if err == nil {
		err = a.topics.Ensure(ctx, plan.Topics)
	}
	var unfit *internaltopics.Error
	switch {
	case errors.As(err, &unfit) && errors.Is(unfit, internaltopics.ErrMissingSourceTopic):
		return nil, &assign.Error{Code: assign.CodeMissingSourceTopic, Text: unfit.Error()}
	case errors.As(err, &unfit):
		return nil, &assign.Error{Code: assign.CodeNotCopartitioned, Text: unfit.Error()}
	case err != nil:
		return nil, err
	}
	return a.layout.tasks(r, plan), nil
}

// refusal is the error of an answer by the leader that refuses.
func refusal(err error) error {
	switch {
	case errors.Is(err, assign.ErrNotCopartitioned):
		return fmt.Errorf("%w: %w", internaltopics.ErrNotCopartitioned, err)
	case errors.Is(err, assign.ErrMissingSourceTopic):
		return fmt.Errorf("%w: %w", internaltopics.ErrMissingSourceTopic, err)
	case errors.Is(err, assign.ErrStopApplication):
		return fmt.Errorf("%w: %w", ErrStopped, err)
	}
	return err
}
