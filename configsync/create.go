package configsync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/kafka"
)

const (
	// A KRaft controller refuses a request that would write more than 10,000
	// records of metadata; a topic costs one for itself, one for each
	// partition and one for each config.
	maxCreateTopics     = 200
	maxCreatePartitions = 2000

	adminTimeoutMillis = 30_000 // how long the controller may take for a request
)

// create makes the missing topics, at most two requests for each chunk of
// them. A topic that cannot be created gets an error; one that somebody else
// has just created does not.
func (r *round) create(ctx context.Context, missing []*topic) {
	configs := r.sourceConfigs(ctx, missing)
	for _, chunk := range chunked(missing) {
		invalid := r.createChunk(ctx, chunk, configs)
		for _, p := range invalid {
			r.leaveOutRefused(ctx, p, configs[p.want.Source])
		}
		for _, p := range r.createChunk(ctx, invalid, configs) {
			p.err = fmt.Errorf("create target topic %s: %w: the target refuses its configs %v only together", p.want.Target, kerr.InvalidConfig, configs[p.want.Source])
		}
	}
}

// chunked leaves out topics that have failed by now.
func chunked(topics []*topic) [][]*topic {
	var chunks [][]*topic
	partitions := 0
	for _, p := range topics {
		if p.err != nil {
			continue
		}
		last := len(chunks) - 1
		if last < 0 || len(chunks[last]) == maxCreateTopics || partitions+p.want.Partitions > maxCreatePartitions {
			chunks, partitions, last = append(chunks, nil), 0, last+1
		}
		chunks[last] = append(chunks[last], p)
		partitions += p.want.Partitions
	}
	return chunks
}

// createChunk sends one request and returns the topics whose configs the
// target refuses.
func (r *round) createChunk(ctx context.Context, chunk []*topic, configs map[string]map[string]string) (invalid []*topic) {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = adminTimeoutMillis
	for _, p := range chunk {
		if p.err == nil {
			req.Topics = append(req.Topics, r.createTopic(p, configs[p.want.Source]))
		}
	}
	if len(req.Topics) == 0 {
		return nil
	}
	resp, err := req.RequestWith(ctx, r.deps.Target)
	if err != nil {
		for _, p := range chunk {
			p.err = fmt.Errorf("create target topic %s: %w", p.want.Target, err)
		}
		return nil
	}
	for _, answer := range resp.Topics {
		p := r.topics[answer.Topic]
		if p == nil {
			continue
		}
		err := kerr.ErrorForCode(answer.ErrorCode)
		switch {
		case err == nil:
			r.log.Info("target topic created", "topic", answer.Topic, "partitions", p.want.Partitions, "configs", configs[p.want.Source])
			if id := kadm.TopicID(answer.TopicID); id != (kadm.TopicID{}) && !p.want.Routed {
				r.unwritten[answer.Topic] = OwnedTopic{Source: p.want.Source, ID: id}
			}
		case errors.Is(err, kerr.TopicAlreadyExists), errors.Is(err, kerr.RequestTimedOut):
			// Another worker was faster, or the controller was slow to
			// answer. The look that follows tells what is there.
		case errors.Is(err, kerr.InvalidConfig):
			invalid = append(invalid, p)
		default:
			p.err = kafka.CreateRefusal{
				Topic:             answer.Topic,
				ReplicationFactor: r.cfg.ReplicationFactor,
				Brokers:           r.brokers,
				Err:               err,
				Message:           deref(answer.ErrorMessage),
			}.Explain()
		}
	}
	return invalid
}

func (r *round) createTopic(p *topic, configs map[string]string) kmsg.CreateTopicsRequestTopic {
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic = p.want.Target
	rt.NumPartitions = int32(p.want.Partitions)
	rt.ReplicationFactor = r.cfg.ReplicationFactor
	for _, key := range slices.Sorted(maps.Keys(configs)) {
		rc := kmsg.NewCreateTopicsRequestTopicConfig()
		rc.Name, rc.Value = key, new(configs[key])
		rt.Configs = append(rt.Configs, rc)
	}
	return rt
}

// leaveOutRefused deletes from configs what the target refuses. The answer to
// the creation names at most one of them, and only in words, so the configs
// are tried one after another, each together with those already accepted,
// without creating anything.
func (r *round) leaveOutRefused(ctx context.Context, p *topic, configs map[string]string) {
	accepted := make(map[string]string, len(configs))
	for _, key := range slices.Sorted(maps.Keys(configs)) {
		s := setting{key, configs[key]}
		reason, refused := r.refused[s]
		if !refused {
			accepted[key] = configs[key]
			var err error
			if reason, refused, err = r.try(ctx, p, accepted); err != nil {
				p.err = fmt.Errorf("create target topic %s: find the config that the target refuses: %w", p.want.Target, err)
				return
			}
		}
		if refused {
			r.refused[s] = reason
			delete(accepted, key)
			delete(configs, key)
			r.log.Warn("target refuses a topic config, the topic gets the target's default",
				"topic", p.want.Target, "key", key, "value", s.value, "reason", reason)
		}
	}
}

// try asks whether the target would take the configs.
func (r *round) try(ctx context.Context, p *topic, configs map[string]string) (reason string, refused bool, err error) {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = adminTimeoutMillis
	req.ValidateOnly = true
	req.Topics = append(req.Topics, r.createTopic(p, configs))
	resp, err := req.RequestWith(ctx, r.deps.Target)
	if err != nil {
		return "", false, err
	}
	for _, answer := range resp.Topics {
		if errors.Is(kerr.ErrorForCode(answer.ErrorCode), kerr.InvalidConfig) {
			return deref(answer.ErrorMessage), true, nil
		}
	}
	return "", false, nil // anything else comes up again at the creation
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
