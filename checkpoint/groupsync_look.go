package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/pipeline"
)

// groupLook is what the target says about one group.
type groupLook struct {
	state string
	err   error
}

const deadGroup = "Dead"

// lookAtGroups describes groups of either protocol. The answer has an entry for
// every group. Groups of the new protocol are unknown to the old request, and
// the other way round; what neither knows does not exist.
func lookAtGroups(ctx context.Context, client *kgo.Client, groups []string, newProtocol bool) map[string]groupLook {
	looks := make(map[string]groupLook, len(groups))
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = groups
	for _, shard := range client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			for _, g := range shard.Req.(*kmsg.DescribeGroupsRequest).Groups {
				looks[g] = groupLook{err: shard.Err}
			}
			continue
		}
		for _, g := range shard.Resp.(*kmsg.DescribeGroupsResponse).Groups {
			looks[g.Group] = look(g.ErrorCode, g.State)
		}
	}
	var unknown []string
	for _, g := range groups {
		l, answered := looks[g]
		switch {
		case !answered:
			looks[g] = groupLook{err: errors.New("the coordinator did not answer for it")}
		case l.err == nil && l.state == deadGroup:
			unknown = append(unknown, g)
		}
	}
	if newProtocol && len(unknown) > 0 {
		maps.Copy(looks, lookAtNewGroups(ctx, client, unknown))
	}
	return looks
}

func lookAtNewGroups(ctx context.Context, client *kgo.Client, groups []string) map[string]groupLook {
	looks := make(map[string]groupLook, len(groups))
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = groups
	for _, shard := range client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			for _, g := range shard.Req.(*kmsg.ConsumerGroupDescribeRequest).Groups {
				looks[g] = groupLook{err: shard.Err}
			}
			continue
		}
		for _, g := range shard.Resp.(*kmsg.ConsumerGroupDescribeResponse).Groups {
			looks[g.Group] = look(g.ErrorCode, g.State)
		}
	}
	return looks
}

func look(code int16, state string) groupLook {
	err := kerr.ErrorForCode(code)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return groupLook{state: deadGroup}
	}
	return groupLook{state: state, err: err}
}

// knowsNewGroups reports whether the cluster has groups of KIP-848.
func knowsNewGroups(ctx context.Context, client *kgo.Client) (bool, error) {
	versions, err := kadm.NewClient(client).ApiVersions(ctx)
	if err != nil {
		return false, fmt.Errorf("ask for the target's API versions: %w", err)
	}
	known := false
	for _, v := range versions {
		if _, ok := v.KeyMaxVersion(int16(kmsg.ConsumerGroupDescribe)); ok {
			known = true
		}
	}
	return known, nil
}

// lookAtBounds lists where the partitions of the wanted topics start and end,
// and which topics they are of.
func lookAtBounds(ctx context.Context, client *kgo.Client, jobs []*syncJob) (map[pipeline.Partition]bounds, error) {
	wanted := map[string]bool{}
	for _, j := range jobs {
		for _, w := range j.wants {
			wanted[w.target.Topic] = true
		}
	}
	topics := slices.Sorted(maps.Keys(wanted))
	adm := kadm.NewClient(client)
	// The ids come first: a topic that is made anew from here on is taken for
	// the old one, whose positions lie beyond its end.
	details, err := adm.ListTopics(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("look up the ids of copies: %w", err)
	}
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("list the starts of copies: %w", err)
	}
	ends, err := adm.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("list the stable ends of copies: %w", err)
	}
	highs, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("list the ends of copies: %w", err)
	}
	out := map[pipeline.Partition]bounds{}
	starts.Each(func(start kadm.ListedOffset) {
		end, stable := ends.Lookup(start.Topic, start.Partition)
		high, ok := highs.Lookup(start.Topic, start.Partition)
		if !stable || !ok || start.Err != nil || end.Err != nil || high.Err != nil {
			return
		}
		out[pipeline.Partition{Topic: start.Topic, Partition: start.Partition}] = bounds{
			start: start.Offset, end: end.Offset, high: high.Offset, id: topicID(details[start.Topic].ID), known: true,
		}
	})
	return out, nil
}

// topicID is an id as marks have it; empty if there is none.
func topicID(id kadm.TopicID) string {
	if id == (kadm.TopicID{}) {
		return ""
	}
	return id.String()
}
