package configsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	keyMaxMessageBytes = "max.message.bytes"
	keyCleanupPolicy   = "cleanup.policy"

	// limitsAge is how long a described limit is believed. An operator who
	// raises max.message.bytes to free a parked partition waits at most that
	// long; ten thousand topics cost one answer of about a megabyte each time.
	limitsAge = 5 * time.Minute

	// A topic has some 35 configs of some 60 bytes. A thousand topics make an
	// answer of about two megabytes.
	maxDescribe = 1000
)

// limits are the configs of a target topic that copying has to know.
type limits struct {
	id              kadm.TopicID // a topic created anew is described anew
	read            time.Time
	maxMessageBytes int32 // 0: we may not read it
	compacted       bool
}

func (l limits) or(maxMessageBytes int32) limits {
	if l.maxMessageBytes == 0 {
		l.maxMessageBytes = maxMessageBytes
	}
	return l
}

// describe reads the limits of topics that are new or were last read long ago.
// It never fails a topic: without rights or answer the defaults stand in.
func (r *round) describe(ctx context.Context) {
	now := time.Now()
	var stale []string
	for target, p := range r.topics {
		l := r.limits[target]
		if p.found && (l.id != p.id || l.read.IsZero() || now.Sub(l.read) >= limitsAge) {
			stale = append(stale, target)
		}
	}
	slices.Sort(stale)
	for chunk := range slices.Chunk(stale, maxDescribe) {
		answers, err := describeTopics(ctx, r.deps.Target, chunk, keyMaxMessageBytes, keyCleanupPolicy)
		if err != nil {
			r.log.Debug("cannot read the configs of target topics", "topics", len(chunk), "err", err)
			return // the next round tries again
		}
		for target, answer := range answers {
			r.take(target, answer, now)
		}
	}
}

// take keeps what was described of a topic. An answer that passes, such as
// "unknown topic" from a broker that lags behind, is not kept.
func (r *round) take(target string, a described, now time.Time) {
	l := limits{id: r.topics[target].id, read: now}
	switch {
	case isDenied(a.err):
		if !r.blind {
			r.blind = true
			r.log.Warn("not allowed to read the configs of target topics, assuming Kafka's default max.message.bytes; grant DESCRIBE_CONFIGS on the target's topics",
				"topic", target, "err", a.err)
		}
	case a.err != nil:
		return
	}
	for _, e := range a.entries {
		switch e.Key {
		case keyMaxMessageBytes:
			if n, err := strconv.ParseInt(e.Value, 10, 32); err == nil {
				l.maxMessageBytes = int32(n)
			}
		case keyCleanupPolicy:
			l.compacted = slices.Contains(strings.Split(strings.ReplaceAll(e.Value, " ", ""), ","), "compact")
		}
	}
	r.limits[target] = l
}

// sourceConfigs returns, by source topic, the configs that the copies of the
// topics are created with. A topic whose configs cannot be read gets an error:
// created without them, a compacted topic's copy would lose records.
func (r *round) sourceConfigs(ctx context.Context, topics []*topic) map[string]map[string]string {
	bySource := make(map[string]*topic, len(topics))
	names := make([]string, len(topics))
	for i, p := range topics {
		names[i] = p.want.Source
		bySource[p.want.Source] = p
	}
	configs := make(map[string]map[string]string, len(topics))
	for chunk := range slices.Chunk(names, maxDescribe) {
		answers, err := describeTopics(ctx, r.deps.Source, chunk)
		for _, source := range chunk {
			a := answers[source]
			switch {
			case err != nil:
				a.err = err
			case a.err == nil && a.entries == nil:
				a.err = errors.New("the broker left it out of its answer")
			}
			switch {
			case isDenied(a.err):
				bySource[source].err = fmt.Errorf("read the configs of source topic %s: not allowed; grant DESCRIBE_CONFIGS on Topic %s of cluster %s, or create %s on %s yourself: %w",
					source, source, r.cfg.Flow.Source, bySource[source].want.Target, r.cfg.Flow.Target, a.err)
			case a.err != nil:
				bySource[source].err = fmt.Errorf("read the configs of source topic %s: %w", source, a.err)
			default:
				change, _ := r.cfg.Rules.sized(bySource[source].want, false, 0, a.entries)
				configs[source] = change.Configs
			}
		}
	}
	return configs
}

// described is the answer about one topic.
type described struct {
	entries []Entry
	err     error
}

// describeTopics reads configs of the topics in one request: those with the
// given keys, or all.
func describeTopics(ctx context.Context, cl *kgo.Client, topics []string, keys ...string) (map[string]described, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, name := range topics {
		rr := kmsg.NewDescribeConfigsRequestResource()
		rr.ResourceType, rr.ResourceName, rr.ConfigNames = kmsg.ConfigResourceTypeTopic, name, keys
		req.Resources = append(req.Resources, rr)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, err
	}
	answers := make(map[string]described, len(resp.Resources))
	for _, rr := range resp.Resources {
		a := described{entries: make([]Entry, 0, len(rr.Configs)), err: kerr.ErrorForCode(rr.ErrorCode)}
		for _, c := range rr.Configs {
			a.entries = append(a.entries, entryOf(c))
		}
		answers[rr.ResourceName] = a
	}
	return answers, nil
}

func isDenied(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed)
}
