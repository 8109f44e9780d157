package runtime

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"mm2/streams/internal/assign"
	"mm2/streams/internal/balancer"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/task"
	"mm2/streams/state"
)

// layout is what follows from a topology and an application id alone.
type layout struct {
	top         *graph.Topology
	application string
	home        string // alias of the home cluster; may be empty
	direct      bool   // sources are read in no group, see direct.go
	fingerprint assign.Fingerprint
	parts       []*part
	global      *part // all global parts as one; nil if there are none
	patterns    bool
}

// part is a sub-topology: what its tasks have in common.
type part struct {
	id          int
	nodes       []*graph.Node
	stores      []*graph.Store
	numbers     map[string]uint16 // of stores, in the task's DB
	fingerprint string            // of the numbers
	persistent  bool              // some rows outlive the task
	changelogs  []changelog
}

type changelog struct {
	store *graph.Store
	topic string
}

func newLayout(top *graph.Topology, application, home string) *layout {
	l := &layout{top: top, application: application, home: home}
	hash := sha256.New()
	fmt.Fprintln(hash, top.Describe())
	for _, s := range top.Subtopologies {
		if s.Global {
			if l.global == nil {
				l.global = &part{id: -1}
			}
			l.global.nodes = append(l.global.nodes, s.Nodes...)
			l.global.stores = append(l.global.stores, s.Stores...)
			continue
		}
		p := &part{id: s.ID, nodes: s.Nodes, stores: s.Stores}
		p.number()
		fmt.Fprintln(hash, p.id, p.fingerprint)
		for _, store := range s.Stores {
			if store.Builder.Spec().Changelog && store.SourceTopic == "" {
				p.changelogs = append(p.changelogs, changelog{store, task.ChangelogTopic(application, store.Name)})
			}
		}
		l.parts = append(l.parts, p)
	}
	if l.global != nil {
		l.global.number()
	}
	for _, n := range top.Nodes {
		l.patterns = l.patterns || n.Kind == graph.Source && n.Pattern != nil
		l.direct = l.direct || n.Kind == graph.Source && !n.Global && l.clusterOf(n) != ""
	}
	if l.direct {
		fmt.Fprintln(hash, "positions in the topic of tasks, home", home)
	}
	l.fingerprint = assign.Fingerprint(hash.Sum(nil))
	return l
}

// number gives each store the number of its rows: its place by name. Another set
// of stores gets another fingerprint, so that no rows are taken for those of
// another store.
func (p *part) number() {
	stores := slices.SortedFunc(slices.Values(p.stores), func(a, b *graph.Store) int { return cmp.Compare(a.Name, b.Name) })
	p.numbers = make(map[string]uint16, len(stores))
	hash := sha256.New()
	for i, s := range stores {
		spec := s.Builder.Spec()
		p.numbers[s.Name] = uint16(i + 1)
		p.persistent = p.persistent || !spec.InMemory
		fmt.Fprintln(hash, s.Name, spec.Kind, spec.Timestamped, spec.Duplicates, spec.Retention)
	}
	p.fingerprint = hex.EncodeToString(hash.Sum(nil))
}

// openDB opens the rows of the part's tasks in a directory.
func (p *part) openDB(dir string, open func(string) (state.DB, error)) (state.DB, error) {
	if !p.persistent {
		return state.NewMemory(), nil
	}
	return open(dir)
}

// sourceTopics are the topics of a source, by their real and qualified names;
// exists has those that a pattern may match.
func (l *layout) sourceTopics(n *graph.Node, exists []string) []string {
	if n.Pattern != nil {
		var topics []string
		for _, name := range exists {
			cluster, topic := unqualified(name)
			if cluster == l.clusterOf(n) && graph.Matches(n.Pattern, topic) && (cluster != "" || !l.internal(topic)) {
				topics = append(topics, name)
			}
		}
		return topics
	}
	topics := slices.Clone(n.Topics)
	if n.Internal {
		for i, topic := range topics {
			topics[i] = task.InternalTopic(l.application, topic)
		}
	}
	for i, topic := range topics {
		topics[i] = qualified(l.clusterOf(n), topic)
	}
	return topics
}

func (l *layout) internal(topic string) bool {
	if l.direct && topic == l.tasksTopic() {
		return true
	}
	for _, r := range l.top.Repartitions {
		if task.InternalTopic(l.application, r.Topic) == topic {
			return true
		}
	}
	return slices.ContainsFunc(l.parts, func(p *part) bool {
		return slices.ContainsFunc(p.changelogs, func(c changelog) bool { return c.topic == topic })
	})
}

// subscription is what the group consumer subscribes to; expressions if there
// are patterns.
func (l *layout) subscription() []string {
	if l.direct {
		return []string{l.tasksTopic()}
	}
	var topics []string
	for _, p := range l.parts {
		for _, n := range p.nodes {
			if n.Kind != graph.Source {
				continue
			}
			if n.Pattern != nil {
				topics = append(topics, "^(?:"+n.Pattern.String()+")$")
				continue
			}
			for _, topic := range l.sourceTopics(n, nil) {
				if l.patterns {
					topic = "^" + regexp.QuoteMeta(topic) + "$"
				}
				topics = append(topics, topic)
			}
		}
	}
	return topics
}

// userTopics are the source topics that are named and not internal.
func (l *layout) userTopics() []string {
	var topics []string
	for _, p := range l.parts {
		for _, n := range p.nodes {
			if n.Kind == graph.Source && n.Pattern == nil && !n.Internal {
				topics = append(topics, l.sourceTopics(n, nil)...)
			}
		}
	}
	return topics
}

// sourceOf is the part and the source that read a topic.
func (l *layout) sourceOf(topic string) (*part, *graph.Node) {
	for _, p := range l.parts {
		for _, n := range p.nodes {
			if n.Kind == graph.Source && slices.Contains(l.sourceTopics(n, []string{topic}), topic) {
				return p, n
			}
		}
	}
	return nil, nil
}

// request asks which internal topics are needed; counts are the partition counts
// of user topics.
func (l *layout) request(counts map[string]int32, d internaltopics.Defaults) internaltopics.Request {
	exists := slices.Sorted(maps.Keys(counts))
	r := internaltopics.Request{UserTopics: counts, Defaults: d}
	bySource := make(map[string][]string)
	for _, p := range l.parts {
		s := internaltopics.Subtopology{ID: p.id}
		for _, n := range p.nodes {
			if n.Kind == graph.Source {
				bySource[n.Name] = l.sourceTopics(n, exists)
				s.Sources = append(s.Sources, bySource[n.Name]...)
			}
		}
		r.Subtopologies = append(r.Subtopologies, s)
		for _, c := range p.changelogs {
			r.Changelogs = append(r.Changelogs, changelogOf(c, p.id))
		}
	}
	for _, t := range l.top.Repartitions {
		topic := internaltopics.Repartition{Name: task.InternalTopic(l.application, t.Topic), Enforced: t.Partitions, Configs: t.Configs}
		for i, p := range l.parts {
			writes := func(n *graph.Node) bool { return n.Kind == graph.Sink && n.Internal && n.Topic == t.Topic }
			if slices.ContainsFunc(p.nodes, writes) {
				topic.Upstream = append(topic.Upstream, r.Subtopologies[i].Sources...)
			}
		}
		r.Repartition = append(r.Repartition, topic)
	}
	for _, c := range l.top.Copartitions {
		group := internaltopics.Group{Join: c.Node}
		for _, source := range c.Sources {
			group.Topics = append(group.Topics, bySource[source]...)
		}
		r.Groups = append(r.Groups, group)
	}
	return r
}

func changelogOf(c changelog, part int) internaltopics.Changelog {
	spec := c.store.Builder.Spec()
	out := internaltopics.Changelog{Name: c.topic, Subtopology: part, Retention: spec.Retention, Configs: spec.ChangelogConfig}
	switch spec.Kind {
	case state.KindWindow:
		out.Kind = internaltopics.Window
	case state.KindSession:
		out.Kind = internaltopics.Session
	}
	return out
}

// tasks are all tasks of a plan, each with its partitions.
func (l *layout) tasks(r internaltopics.Request, plan *internaltopics.Plan) []balancer.Task {
	var tasks []balancer.Task
	for i, p := range l.parts {
		topics := slices.Compact(slices.Sorted(slices.Values(r.Subtopologies[i].Sources)))
		for n := range plan.Tasks[p.id] {
			t := balancer.Task{Task: assign.Task{ID: assign.TaskID{Subtopology: int32(p.id), Partition: n}}}
			if l.direct {
				t.Partitions = []balancer.TopicPartition{{Topic: l.tasksTopic(), Partition: l.index(task.ID{Subtopology: p.id, Partition: n})}}
				tasks = append(tasks, t)
				continue
			}
			for _, topic := range topics {
				if plan.Partitions[topic] > n {
					t.Partitions = append(t.Partitions, balancer.TopicPartition{Topic: topic, Partition: n})
				}
			}
			tasks = append(tasks, t)
		}
	}
	return tasks
}
