package internaltopics

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Plan works out partition counts, tasks and internal topics. The error is an
// [*Error] when the user's topics do not fit, and another one when the request
// itself is broken.
func (r Request) Plan() (*Plan, error) {
	p := &planner{Request: r, counts: make(map[string]int32), repartition: make(map[string]*Repartition, len(r.Repartition))}
	for i := range r.Repartition {
		topic := &r.Repartition[i]
		p.repartition[topic.Name] = topic
		p.counts[topic.Name] = topic.Enforced
	}
	if err := p.missing(); err != nil {
		return nil, err
	}
	for _, group := range merged(r.Groups) {
		if err := p.checkFixed(group); err != nil {
			return nil, err
		}
	}
	if err := p.settle(); err != nil {
		return nil, err
	}
	return p.finish()
}

type planner struct {
	Request
	repartition map[string]*Repartition
	counts      map[string]int32 // of repartition topics; 0: not known yet
}

// count is the partition count of any topic, as far as it is known.
func (p *planner) count(topic string) int32 {
	if _, internal := p.repartition[topic]; internal {
		return p.counts[topic]
	}
	return p.UserTopics[topic]
}

// missing names all user topics that are read and do not exist.
func (p *planner) missing() error {
	absent := make(map[string]int32)
	look := func(topics []string) {
		for _, topic := range topics {
			if _, internal := p.repartition[topic]; !internal && p.UserTopics[topic] == 0 {
				absent[topic] = 0
			}
		}
	}
	for _, s := range p.Subtopologies {
		look(s.Sources)
	}
	for _, g := range p.Groups {
		look(g.Topics)
	}
	for _, topic := range p.Repartition {
		look(topic.Upstream)
	}
	if len(absent) == 0 {
		return nil
	}
	return &Error{
		Kind: ErrMissingSourceTopic, Topics: absent,
		Remedy: "Create what is missing before the application starts, and check the names and the right to DESCRIBE the topics.",
	}
}

// settle gives every repartition topic its count. As in Java, the default by
// what is upstream comes before the rule of the group, and a topic keeps a
// default that it took from a topic whose own count a group changed later.
func (p *planner) settle() error {
	groups := merged(p.Groups)
	for {
		p.fromUpstream()
		for _, group := range groups {
			p.enforce(group)
		}
		unknown := p.unknown()
		if len(unknown) == 0 {
			return nil
		}
		if !slices.ContainsFunc(unknown, p.ready) {
			return fmt.Errorf("work out the partition count of %s: it follows from no topic upstream that has one; give it a count of its own",
				strings.Join(unknown, ", "))
		}
	}
}

// fromUpstream sets defaults until nothing more follows.
func (p *planner) fromUpstream() {
	for again := true; again; {
		again = false
		for _, name := range p.unknown() {
			if p.ready(name) {
				p.counts[name] = p.largest(p.repartition[name].Upstream)
				again = true
			}
		}
	}
}

// ready reports whether the counts of all topics upstream are known.
func (p *planner) ready(name string) bool {
	upstream := p.repartition[name].Upstream
	return len(upstream) > 0 && !slices.ContainsFunc(upstream, func(topic string) bool { return p.count(topic) == 0 })
}

func (p *planner) unknown() []string {
	var names []string
	for _, topic := range p.Repartition {
		if p.counts[topic.Name] == 0 {
			names = append(names, topic.Name)
		}
	}
	return names
}

func (p *planner) largest(topics []string) int32 {
	var most int32
	for _, topic := range topics {
		most = max(most, p.count(topic))
	}
	return most
}

// finish writes the plan down once all counts are known.
func (p *planner) finish() (*Plan, error) {
	plan := &Plan{Partitions: maps.Clone(p.UserTopics), Tasks: make(map[int]int32, len(p.Subtopologies))}
	if plan.Partitions == nil {
		plan.Partitions = make(map[string]int32)
	}
	for _, s := range p.Subtopologies {
		plan.Tasks[s.ID] = p.largest(s.Sources)
	}
	for _, topic := range p.Repartition {
		plan.Topics = append(plan.Topics, p.Defaults.repartition(topic, p.counts[topic.Name]))
	}
	for _, c := range p.Changelogs {
		tasks := plan.Tasks[c.Subtopology]
		if tasks == 0 {
			return nil, fmt.Errorf("plan changelog topic %s: sub-topology %d has no tasks", c.Name, c.Subtopology)
		}
		plan.Topics = append(plan.Topics, p.Defaults.changelog(c, tasks))
	}
	for _, topic := range plan.Topics {
		if err := CheckName(topic.Name); err != nil {
			return nil, fmt.Errorf("internal topic %q %w", topic.Name, err)
		}
		plan.Partitions[topic.Name] = topic.Partitions
	}
	return plan, nil
}
