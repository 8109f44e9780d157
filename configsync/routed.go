package configsync

import (
	"fmt"
	"maps"
	"slices"
)

// Routed are the topics that records of the given source topics may be sent to,
// in the order of names. Each has as many partitions as the largest topic that
// leads there, because a record keeps the number of its partition.
func (r Rules) Routed(partitions map[string]int) []Want {
	if r.Routes == nil {
		return nil
	}
	wants := make(map[string]Want)
	for _, source := range slices.Sorted(maps.Keys(partitions)) {
		for _, target := range r.Routes(source) {
			w, known := wants[target]
			if !known {
				w = Want{Source: source, Target: target, Routed: true}
			}
			w.Partitions = max(w.Partitions, partitions[source])
			wants[target] = w
		}
	}
	var out []Want
	for _, target := range slices.Sorted(maps.Keys(wants)) {
		out = append(out, wants[target])
	}
	return out
}

// sizes are the partitions of the source topics that are copied.
func (s Snapshot) sizes(rules Rules) map[string]int {
	out := make(map[string]int)
	for name, t := range s.Topics {
		if !t.Internal && rules.Flow.Replicates(name) {
			out[name] = t.Partitions
		}
	}
	return out
}

// diffRoutes makes what records are routed to exist. Its configs are whoever's
// who looks after it: it is no copy of a single topic.
func (r Rules) diffRoutes(p *Plan, copies map[string]string, source, target Snapshot) {
	for _, w := range r.Routed(source.sizes(r)) {
		now, found := target.Topics[w.Target]
		switch other, taken := copies[w.Target]; {
		case taken:
			p.Problems = append(p.Problems, Problem{Kind: SharedTarget, Topic: w.Target, Text: w.taken(other).Error()})
			continue
		case target.Unseen[w.Target]:
			continue
		}
		configs := source.Topics[w.Source].Configs
		if c, differs := r.sized(w, found, now.Partitions, configs); differs && (found || configs != nil) {
			p.Changes = append(p.Changes, c)
		}
	}
}

// taken says that the target is the copy of another topic.
func (w Want) taken(other string) error {
	if w.Routed {
		return fmt.Errorf("records of topic %s cannot be routed to %s: it is the copy of %s, which would no longer be one", w.Source, w.Target, other)
	}
	return fmt.Errorf("topic %s cannot be copied to %s: %s is copied there already", w.Source, w.Target, other)
}
