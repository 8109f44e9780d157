package configsync

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

	"mm2/topology"
)

// ReadSource reads what the rules need of the source: its topics in one
// request, the configs of those that are copied in one for each thousand, and
// ACLs in one for each kind of resource.
//
// The error is one that concerns the whole cluster. A topic that cannot be read
// is a problem of the snapshot. owned is what the flow made on the target: the
// sources of its topics that are not listed are asked for by name.
func ReadSource(ctx context.Context, cl *kgo.Client, rules Rules, owned Owned) (Snapshot, error) {
	r := newReading(cl, rules.Flow.ID.Source)
	if err := r.list(ctx); err != nil {
		return Snapshot{}, err
	}
	var copied []string
	for name, t := range r.Topics {
		if !t.Internal && rules.Flow.Replicates(name) {
			copied = append(copied, name)
		}
	}
	if err := r.describe(ctx, copied); err != nil {
		return Snapshot{}, err
	}
	if err := r.confirmGone(ctx, rules, owned); err != nil {
		return Snapshot{}, err
	}
	err := r.readACLs(ctx, rules.ACLs)
	return r.Snapshot, err
}

// ReadTarget reads what the rules need of the target: the copies of the
// source's topics and what mm2 owns there.
func ReadTarget(ctx context.Context, cl *kgo.Client, rules Rules, source Snapshot, owned Owned) (Snapshot, error) {
	r := newReading(cl, rules.Flow.ID.Target)
	r.Owned = owned
	names := make(map[string]bool)
	for name, t := range source.Topics {
		if !t.Internal && rules.Flow.Replicates(name) {
			names[rules.Flow.RemoteTopic(name)] = true
		}
	}
	copies := slices.Collect(maps.Keys(names))
	for _, w := range rules.Routed(source.sizes(rules)) {
		names[w.Target] = true
	}
	if rules.DeleteTopics {
		for name := range owned.Topics {
			names[name] = true
		}
	}
	if err := r.look(ctx, slices.Collect(maps.Keys(names))); err != nil {
		return Snapshot{}, err
	}
	if rules.Configs {
		copies = slices.DeleteFunc(copies, func(name string) bool { _, found := r.Topics[name]; return !found })
		if err := r.describe(ctx, copies); err != nil {
			return Snapshot{}, err
		}
	}
	err := r.readACLs(ctx, rules.ACLs)
	return r.Snapshot, err
}

// reading is a snapshot in the making.
type reading struct {
	Snapshot
	cl *kgo.Client
}

func newReading(cl *kgo.Client, cluster topology.Alias) *reading {
	return &reading{cl: cl, Snapshot: Snapshot{
		Cluster: cluster, Topics: make(map[string]TopicState), Unseen: make(map[string]bool), Gone: make(map[string]bool), Complete: true,
	}}
}

func (r *reading) problem(text string, args ...any) {
	r.Problems = append(r.Problems, Problem{Kind: Unreadable, Text: fmt.Sprintf(text, args...)})
}

// metadata goes past the client's cache, and past kadm, where one topic
// without rights fails the answer for all.
func (r *reading) metadata(ctx context.Context, req *kmsg.MetadataRequest) (*kmsg.MetadataResponse, error) {
	req.AllowAutoTopicCreation = false
	resp, err := req.RequestWith(ctx, r.cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("list topics of %s: %w", r.Cluster, err)
	}
	return resp, nil
}

func (r *reading) list(ctx context.Context) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil // all
	resp, err := r.metadata(ctx, req)
	if err != nil {
		return err
	}
	for i := range resp.Topics {
		r.see(&resp.Topics[i])
	}
	return nil
}

// maxLook bounds how many topics are asked for by name in one request.
const maxLook = 5000

func (r *reading) look(ctx context.Context, names []string) error {
	slices.Sort(names)
	for chunk := range slices.Chunk(names, maxLook) {
		req := kmsg.NewPtrMetadataRequest()
		for _, name := range chunk {
			rt := kmsg.NewMetadataRequestTopic()
			rt.Topic = &name
			req.Topics = append(req.Topics, rt)
		}
		resp, err := r.metadata(ctx, req)
		if err != nil {
			return err
		}
		for i := range resp.Topics {
			r.see(&resp.Topics[i])
		}
	}
	return nil
}

// see takes in what the metadata say about one topic.
func (r *reading) see(m *kmsg.MetadataResponseTopic) {
	if m.Topic == nil {
		return
	}
	err := kerr.ErrorForCode(m.ErrorCode)
	switch {
	case err == nil && len(m.Partitions) > 0, errors.Is(err, kerr.LeaderNotAvailable) && len(m.Partitions) > 0:
		r.Topics[*m.Topic] = TopicState{ID: kadm.TopicID(m.TopicID), Partitions: len(m.Partitions), Internal: m.IsInternal}
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		r.Gone[*m.Topic] = true
	case errors.Is(err, kerr.InvalidTopicException): // no topic can have that name
	case err == nil, errors.Is(err, kerr.LeaderNotAvailable): // on its way in or out
		r.Complete = false
		r.Unseen[*m.Topic] = true
	default:
		r.Complete = false
		r.Unseen[*m.Topic] = true
		if isDenied(err) {
			r.problem("topic %s of cluster %s cannot be looked at: not allowed; grant DESCRIBE on Topic %s: %v", *m.Topic, r.Cluster, *m.Topic, err)
			return
		}
		r.problem("topic %s of cluster %s cannot be looked at: %v", *m.Topic, r.Cluster, err)
	}
}

// confirmGone asks by name for the topics that mm2 copied and that are not
// listed: a listing leaves out what we may not see.
func (r *reading) confirmGone(ctx context.Context, rules Rules, owned Owned) error {
	listed := maps.Clone(r.Topics)
	clear(r.Gone) // a topic in the listing with that error is on its way in or out
	if !rules.DeleteTopics {
		return nil
	}
	var missing []string
	for _, made := range owned.Topics {
		if _, found := listed[made.Source]; !found && made.Source != "" && !slices.Contains(missing, made.Source) {
			missing = append(missing, made.Source)
		}
	}
	return r.look(ctx, missing)
}

// describe reads the configs of topics that were seen.
func (r *reading) describe(ctx context.Context, names []string) error {
	slices.Sort(names)
	var denied []string
	for chunk := range slices.Chunk(names, maxDescribe) {
		answers, err := describeTopics(ctx, r.cl, chunk)
		if err != nil {
			return fmt.Errorf("read the configs of %s on %s: %w", countOf(len(chunk), "topic"), r.Cluster, err)
		}
		for _, name := range chunk {
			a, answered := answers[name]
			switch {
			case isDenied(a.err):
				denied = append(denied, name)
			case errors.Is(a.err, kerr.UnknownTopicOrPartition):
				// Deleted meanwhile, or new to the broker that was asked.
			case a.err != nil:
				r.problem("the configs of topic %s of cluster %s cannot be read: %v", name, r.Cluster, a.err)
			case answered:
				t := r.Topics[name]
				t.Configs = a.entries
				r.Topics[name] = t
			}
		}
	}
	if len(denied) > 0 {
		r.problem("not allowed to read the configs of %s of cluster %s: %s; grant DESCRIBE_CONFIGS on them",
			countOf(len(denied), "topic"), r.Cluster, some(denied))
	}
	return nil
}

// readACLs reads the ACLs that the mode is about.
func (r *reading) readACLs(ctx context.Context, mode ACLMode) error {
	for _, resource := range mode.resources() {
		req := kmsg.NewPtrDescribeACLsRequest()
		req.ResourceType, req.ResourcePatternType = resource, kmsg.ACLResourcePatternTypeAny
		req.Operation, req.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
		resp, err := req.RequestWith(ctx, r.cl)
		if err != nil {
			return fmt.Errorf("read the ACLs of %s: %w", r.Cluster, err)
		}
		switch err := kerr.ErrorForCode(resp.ErrorCode); {
		case errors.Is(err, kerr.SecurityDisabled):
			r.Authorizer, r.ACLs = NoAuthorizer, nil
			return nil
		case err != nil:
			r.Authorizer, r.ACLs = ACLsUnknown, nil
			advice := ""
			if isDenied(err) {
				advice = "; grant DESCRIBE on Cluster, or switch the copying of ACLs off"
			}
			r.problem("the ACLs of cluster %s cannot be read%s: %v", r.Cluster, advice, err)
			return nil
		}
		r.Authorizer = ACLsKnown
		r.ACLs = appendACLs(r.ACLs, resp)
	}
	return nil
}

func appendACLs(acls []ACL, resp *kmsg.DescribeACLsResponse) []ACL {
	for _, resource := range resp.Resources {
		for _, a := range resource.ACLs {
			acls = append(acls, ACL{
				Resource: resource.ResourceType, Pattern: resource.ResourcePatternType, Name: resource.ResourceName,
				Principal: a.Principal, Host: a.Host, Operation: a.Operation, Permission: a.PermissionType,
			})
		}
	}
	return acls
}
