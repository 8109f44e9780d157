package configsync

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// grow asks for the missing partitions, one request for each chunk of topics.
func (r *round) grow(ctx context.Context, short []*topic) {
	for _, chunk := range chunked(short) {
		r.growChunk(ctx, chunk)
	}
}

func (r *round) growChunk(ctx context.Context, chunk []*topic) {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = adminTimeoutMillis
	for _, p := range chunk {
		rt := kmsg.NewCreatePartitionsRequestTopic()
		rt.Topic, rt.Count = p.want.Target, int32(p.want.Partitions)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, r.deps.Target)
	if err != nil {
		for _, p := range chunk {
			p.err = fmt.Errorf("grow target topic %s to %d partitions: %w", p.want.Target, p.want.Partitions, err)
		}
		return
	}
	for _, answer := range resp.Topics {
		if p := r.topics[answer.Topic]; p != nil {
			p.grown(r, kerr.ErrorForCode(answer.ErrorCode), deref(answer.ErrorMessage))
		}
	}
}

// grown takes the answer to one topic. Without an error the wait for leaders
// looks until it sees the partitions.
func (p *topic) grown(r *round, err error, message string) {
	switch {
	case err == nil:
		r.log.Info("target topic grown", "topic", p.want.Target, "from", p.partitions, "partitions", p.want.Partitions)
		p.expected = p.want.Partitions
	case errors.Is(err, kerr.InvalidPartitions), errors.Is(err, kerr.RequestTimedOut):
		// Somebody else has grown it, or the controller was slow to answer.
		p.expected = p.want.Partitions
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		p.err = fmt.Errorf("grow target topic %s to %d partitions: not allowed; grant ALTER on Topic %s of cluster %s, or grow it yourself: %w",
			p.want.Target, p.want.Partitions, p.want.Target, r.cfg.Flow.Target, err)
	default:
		said := ""
		if message != "" {
			said = fmt.Sprintf(" (the broker says: %s)", message)
		}
		p.err = fmt.Errorf("grow target topic %s to %d partitions%s: %w", p.want.Target, p.want.Partitions, said, err)
	}
}
