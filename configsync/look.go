package configsync

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/topology"
)

// look reads the metadata of the target topics in one request. It goes past
// the client's cache, for what was made a moment ago must be seen, and past
// kadm, where one topic without rights fails the answer for all.
func (r *round) look(ctx context.Context, targets []string) error {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for _, target := range targets {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = &target
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, r.deps.Target)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	r.brokers = len(resp.Brokers)
	for i := range resp.Topics {
		if name := resp.Topics[i].Topic; name != nil && r.topics[*name] != nil {
			r.topics[*name].see(&resp.Topics[i], r.cfg.Flow.Target)
		}
	}
	return nil
}

// see takes over what the metadata say about the topic.
func (p *topic) see(m *kmsg.MetadataResponseTopic, cluster topology.Alias) {
	err := kerr.ErrorForCode(m.ErrorCode)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		p.found, p.partitions, p.leaderless = false, 0, nil
		return
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		p.err = fmt.Errorf("look up target topic %s: not allowed; grant DESCRIBE on Topic %s of cluster %s: %w", p.want.Target, p.want.Target, cluster, err)
		return
	case errors.Is(err, kerr.InvalidTopicException):
		// Prefixes of several hops make names long.
		p.err = fmt.Errorf("topic %s cannot be copied: its name on cluster %s would be %s with %d characters; Kafka takes at most 249 of a-z A-Z 0-9 . _ -: %w",
			p.want.Source, cluster, p.want.Target, len(p.want.Target), err)
	case err != nil:
		p.err = fmt.Errorf("look up target topic %s: %w", p.want.Target, err)
		return
	}
	p.found, p.partitions, p.id, p.leaderless = true, len(m.Partitions), kadm.TopicID(m.TopicID), nil
	for _, part := range m.Partitions {
		if part.ErrorCode != 0 || part.Leader < 0 {
			p.leaderless = append(p.leaderless, part.Partition)
		}
	}
}
