package internaltopics

import (
	"fmt"
	"slices"
)

const copartitionRemedy = "Give both topics the same partition count, call Repartition on the stream, or join with a GlobalTable."

// group is what groups that share topics come to together.
type group struct {
	topics []string // sorted
	joins  []string // in the order of the request
}

// merged unites groups that share a topic. Taken one after another, the second
// could change a count on which the first relies.
func merged(groups []Group) []group {
	var out []group
	for _, g := range groups {
		next := group{topics: slices.Clone(g.Topics)}
		out = slices.DeleteFunc(out, func(have group) bool {
			if !slices.ContainsFunc(have.topics, func(topic string) bool { return slices.Contains(next.topics, topic) }) {
				return false
			}
			next.topics = append(next.topics, have.topics...)
			next.joins = append(next.joins, have.joins...)
			return true
		})
		if g.Join != "" && !slices.Contains(next.joins, g.Join) {
			next.joins = append(next.joins, g.Join)
		}
		slices.Sort(next.topics)
		next.topics = slices.Compact(next.topics)
		out = append(out, next)
	}
	return out
}

// split tells user topics, repartition topics with an enforced count, and the
// others apart.
func (p *planner) split(g group) (user, enforced, free []string) {
	for _, topic := range g.topics {
		switch declared, internal := p.repartition[topic]; {
		case !internal:
			user = append(user, topic)
		case declared.Enforced > 0:
			enforced = append(enforced, topic)
		default:
			free = append(free, topic)
		}
	}
	return user, enforced, free
}

// checkFixed compares the counts that nothing can change. It needs no count
// that is still to be found, so it runs first.
func (p *planner) checkFixed(g group) error {
	user, enforced, _ := p.split(g)
	if !p.equal(user) {
		return p.unequal(g, user, "", copartitionRemedy)
	}
	if !p.equal(slices.Concat(user, enforced)) {
		detail, remedy := "the repartition topics were given different counts", "Give them the same count, or leave it out."
		if len(user) > 0 {
			detail = fmt.Sprintf("a repartition topic was given another count than the %d of the source topic", p.count(user[0]))
			remedy = fmt.Sprintf("Ask for %d partitions, leave the count out, or call Repartition on the other side of the join, too.", p.count(user[0]))
		}
		return p.unequal(g, slices.Concat(user, enforced), detail, remedy)
	}
	return nil
}

// enforce gives the free topics of a group the count of the others, or the
// largest of theirs.
func (p *planner) enforce(g group) {
	user, enforced, free := p.split(g)
	want := p.largest(slices.Concat(user, enforced))
	if want == 0 {
		if slices.ContainsFunc(free, func(topic string) bool { return p.count(topic) == 0 && p.waits(topic) }) {
			return // the largest is not known yet
		}
		want = p.largest(free)
	}
	for _, topic := range free {
		p.counts[topic] = want
	}
}

// waits reports whether the count of a topic may still follow from upstream.
func (p *planner) waits(topic string) bool { return len(p.repartition[topic].Upstream) > 0 }

func (p *planner) equal(topics []string) bool {
	return !slices.ContainsFunc(topics, func(topic string) bool { return p.count(topic) != p.count(topics[0]) })
}

func (p *planner) unequal(g group, topics []string, detail, remedy string) error {
	counts := make(map[string]int32, len(topics))
	for _, topic := range topics {
		counts[topic] = p.count(topic)
	}
	return &Error{Kind: ErrNotCopartitioned, Topics: counts, Joins: g.joins, Detail: detail, Remedy: remedy}
}
