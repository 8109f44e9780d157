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

// userTopics are the partition counts of the user topics that exist, by
// qualified names.
func (a *App) userTopics(ctx context.Context) (map[string]int32, error) {
	topics := a.layout.userTopics()
	for _, cluster := range a.layout.sourceClusters() {
		if !a.layout.patterns {
			break
		}
		all, err := a.adminOf(cluster).ListTopics(ctx)
		if err != nil {
			return nil, onCluster(cluster, fmt.Errorf("look for topics that match the patterns of sources: %w", fromBroker(err)))
		}
		for _, topic := range all.Names() {
			name := qualified(cluster, topic)
			if _, n := a.layout.sourceOf(name); n != nil && n.Pattern != nil {
				topics = append(topics, name)
			}
		}
	}
	return a.partitionsOf(ctx, topics...)
}

// precheck refuses what no rebalance could set right, before the group is
// joined: a member that joins and fails would disturb the others.
func (a *App) precheck(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Settings.TaskTimeout)
	defer cancel()
	r, plan, err := a.planTopics(ctx)
	if err != nil {
		return err
	}
	a.first = r.UserTopics
	if err := a.checkPositions(r); err != nil {
		return err
	}
	a.warnOfDirectSinks()
	// Topics that are missing are made by the leader.
	if err := a.topics.Check(ctx, plan.Topics); err != nil && !errors.Is(err, internaltopics.ErrMissingInternalTopic) {
		return err
	}
	// No client joins the group before a topic is there that it subscribes to.
	return a.ensureTasks(ctx, r, plan)
}

// lead is what the leader of the group does at a rebalance.
func (a *App) lead(ctx context.Context, _ balancer.Request) ([]balancer.Task, error) {
	r, plan, err := a.planTopics(ctx)
	if err == nil {
		err = a.ensureTasks(ctx, r, plan)
	}
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
