package configsync

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
)

// maxTopicName is Kafka's bound for the name of a topic.
const maxTopicName = 249

// Diff returns what makes the target as the rules want it. It is pure: the same
// values give the same plan, in the same order, and a target on which the plan
// was carried out gives an empty one.
//
// What could not be read is left alone: Diff never takes it for absent.
func Diff(source, target Snapshot, rules Rules) Plan {
	p := Plan{Problems: slices.Concat(source.Problems, target.Problems)}
	copies := make(map[string]string) // source by target
	for _, name := range slices.Sorted(maps.Keys(source.Topics)) {
		t := source.Topics[name]
		if t.Internal || !rules.Flow.Replicates(name) {
			continue
		}
		remote := rules.Flow.RemoteTopic(name)
		if other, taken := copies[remote]; taken {
			p.Problems = append(p.Problems, Problem{
				Kind: SharedTarget, Topic: remote,
				Text: fmt.Sprintf("topic %s cannot be copied to %s: %s is copied there already", name, remote, other),
			})
			continue
		}
		copies[remote] = name
		rules.diffTopic(&p, name, remote, t, target)
	}
	if rules.Routes != nil {
		rules.diffRoutes(&p, copies, source, target)
	}
	if rules.DeleteTopics {
		rules.diffGone(&p, copies, source, target)
	}
	if rules.ACLs != ACLsOff {
		rules.diffACLs(&p, source, target)
	}
	return p.sorted()
}

func (r Rules) diffTopic(p *Plan, name, remote string, t TopicState, target Snapshot) {
	now, found := target.Topics[remote]
	switch {
	case len(remote) > maxTopicName: // prefixes of several hops make names long
		p.Problems = append(p.Problems, Problem{Kind: BadName, Topic: remote, Text: fmt.Sprintf(
			"topic %s cannot be copied: its name on cluster %s would be %s with %d characters; Kafka takes at most %d",
			name, target.Cluster, remote, len(remote), maxTopicName)})
		return
	case target.Unseen[remote]:
		return
	}
	want := Want{Source: name, Target: remote, Partitions: t.Partitions}
	c, differs := r.sized(want, found, now.Partitions, t.Configs)
	if differs && (found || t.Configs != nil) {
		p.Changes = append(p.Changes, c)
	}
	if found && now.Partitions > t.Partitions {
		p.Problems = append(p.Problems, Problem{Kind: MorePartitions, Topic: remote, Text: fmt.Sprintf(
			"topic %s has %s, its source %s only %d: partitions are never taken away", remote, countOf(now.Partitions, "partition"), name, t.Partitions)})
	}
	if found && r.Configs && r.leads(name) && t.Configs != nil && now.Configs != nil {
		p.Changes = append(p.Changes, r.altered(remote, name, t.Configs, now.Configs)...)
	}
}

// sized is the change that makes a copy exist with all its partitions, if one
// is needed. [Topics] and [Diff] both decide by it.
func (r Rules) sized(w Want, found bool, partitions int, configs []Entry) (Change, bool) {
	switch {
	case !found:
		return Change{Kind: CreateTopic, Topic: w.Target, Source: w.Source, Routed: w.Routed, Partitions: w.Partitions, Configs: r.Created(configs)}, true
	case partitions < w.Partitions:
		return Change{Kind: AddPartitions, Topic: w.Target, Source: w.Source, Routed: w.Routed, Partitions: w.Partitions, Before: partitions}, true
	}
	return Change{}, false
}

// diffGone deletes copies whose source is gone for sure: mm2 made them, the
// source says by name that it does not have the topic and said so before, and
// it has other topics, so that it is no empty cluster under the same address.
func (r Rules) diffGone(p *Plan, copies map[string]string, source, target Snapshot) {
	if !source.Complete || len(source.Topics) == 0 {
		return
	}
	for remote, made := range target.Owned.Topics {
		now, found := target.Topics[remote]
		switch _, copied := copies[remote]; {
		case copied || !r.alone(made.Source) || !source.Gone[made.Source] || !source.GoneBefore[made.Source] || target.Unseen[remote]:
		case found && now.ID == made.ID && made.ID != (kadm.TopicID{}):
			p.Changes = append(p.Changes, Change{Kind: DeleteTopic, Topic: remote, Source: made.Source, TopicID: uuidText(made.ID)})
		default:
			p.forget = append(p.forget, topicKey(remote))
		}
	}
}
