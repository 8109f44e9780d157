// Package graph is a topology as a plain graph: nodes with names, edges, the
// stores that they share, the parts that these hold together, and what of it
// lies in topics. It knows nothing of types or of records.
package graph

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"mm2/streams/state"
)

// Kind tells nodes apart.
type Kind int

// The kinds of nodes.
const (
	Source Kind = iota
	Processor
	Sink
)

// Node is a step of a topology.
type Node struct {
	Name string
	Kind Kind

	Topics   []string       // of a source
	Pattern  *regexp.Regexp // of a source that has no list of topics
	Topic    string         // of a sink; empty when it is chosen for each record
	Internal bool           // the topic is a repartition topic, named without the application id
	Cluster  string         // of a source or sink; empty is the home cluster
	Reset    Reset          // of a source: where it starts without a committed position
	Global   bool           // part of a global store

	Direct, Duplicates bool // of a sink on another cluster: it writes past the commit, and may repeat

	Stores   []string // names of the connected stores, as they were connected
	Parents  []*Node
	Children []*Node

	// Impl makes the node's part of a task; see package task.
	Impl any
}

// Reset says where a source without a committed position starts.
type Reset struct {
	Policy ResetPolicy
	Since  time.Duration // of ByDuration
}

// ResetPolicy is one of Kafka's auto.offset.reset.
type ResetPolicy int

// The policies. Unset is what the configuration says.
const (
	Unset ResetPolicy = iota
	Earliest
	Latest
	None
	ByDuration
)

// Store is a state store of a topology.
type Store struct {
	Name    string
	Builder state.Builder
	Global  bool
	// SourceTopic is the topic that serves as the store's changelog, if the store
	// has none of its own: that of a global table.
	SourceTopic string
	Users       []*Node
}

// Repartition is an internal topic through which records are placed by key.
type Repartition struct {
	Topic      string // without the application id
	Partitions int32  // fixed by the user; 0 if not
	Configs    map[string]string
}

// Copartition is a group of source nodes whose topics must have the same number
// of partitions, because a node joins them.
type Copartition struct {
	Node    string // that joins them
	Sources []string
}

// Graph is a topology while it is built. The zero value is empty.
type Graph struct {
	nodes        []*Node
	byName       map[string]*Node
	stores       []*Store
	storeByName  map[string]*Store
	repartitions []*Repartition
	copartitions []Copartition
}

// Add puts a node behind its parents, which were added before.
func (g *Graph) Add(n *Node, parents ...string) error {
	if n.Name == "" {
		return errors.New("a node has no name")
	}
	if g.byName[n.Name] != nil {
		return fmt.Errorf("there are two nodes with the name %q: give one of them another name", n.Name)
	}
	if n.Kind == Source && len(n.Topics) == 0 && n.Pattern == nil {
		return fmt.Errorf("source %q has no topics", n.Name)
	}
	if n.Kind != Source && len(parents) == 0 {
		return fmt.Errorf("node %q has no parent", n.Name)
	}
	if err := g.checkTopics(n); err != nil {
		return err
	}
	for _, name := range parents {
		p := g.byName[name]
		if p == nil {
			return fmt.Errorf("node %q has the parent %q, which does not exist", n.Name, name)
		}
		if p.Kind == Sink {
			return fmt.Errorf("node %q has the sink %q as its parent: a sink has no children", n.Name, name)
		}
		if slices.Contains(n.Parents, p) {
			return fmt.Errorf("node %q has the parent %q twice", n.Name, name)
		}
		n.Parents = append(n.Parents, p)
	}
	for _, p := range n.Parents {
		p.Children = append(p.Children, n)
	}
	if g.byName == nil {
		g.byName = make(map[string]*Node)
	}
	g.byName[n.Name] = n
	g.nodes = append(g.nodes, n)
	return nil
}

func (g *Graph) checkTopics(n *Node) error {
	if n.Kind != Source {
		return nil
	}
	for i, topic := range n.Topics {
		if slices.Contains(n.Topics[:i], topic) {
			return fmt.Errorf("source %q reads the topic %q twice", n.Name, topic)
		}
	}
	for _, other := range g.nodes {
		if other.Kind != Source || other.Cluster != n.Cluster {
			continue
		}
		for _, topic := range n.Topics {
			if slices.Contains(other.Topics, topic) {
				return fmt.Errorf("topic %q is read by two sources, %q and %q: read it once and use the stream twice", topic, other.Name, n.Name)
			}
			if other.Pattern != nil && Matches(other.Pattern, topic) {
				return fmt.Errorf("topic %q of source %q also matches the pattern %v of source %q", topic, n.Name, other.Pattern, other.Name)
			}
		}
		if n.Pattern == nil {
			continue
		}
		if other.Pattern != nil && other.Pattern.String() == n.Pattern.String() {
			return fmt.Errorf("pattern %v is read by two sources, %q and %q", n.Pattern, other.Name, n.Name)
		}
		for _, topic := range other.Topics {
			if Matches(n.Pattern, topic) {
				return fmt.Errorf("topic %q of source %q also matches the pattern %v of source %q", topic, other.Name, n.Pattern, n.Name)
			}
		}
	}
	return nil
}

// Matches is whether a pattern matches the whole name, as Kafka's do.
func Matches(re *regexp.Regexp, topic string) bool {
	// The first alternative that fits may match a part of the name only, where
	// another one matches all of it.
	longest := *re
	longest.Longest()
	at := longest.FindStringIndex(topic)
	return at != nil && at[0] == 0 && at[1] == len(topic)
}

// AddStore puts a store at the disposal of nodes. The same store may be added
// again for more nodes.
func (g *Graph) AddStore(s *Store, users ...string) error {
	known := g.storeByName[s.Name]
	switch {
	case known == nil:
		if g.storeByName == nil {
			g.storeByName = make(map[string]*Store)
		}
		g.storeByName[s.Name] = s
		g.stores = append(g.stores, s)
	case known.Builder != s.Builder:
		return fmt.Errorf("there are two stores with the name %q: give one of them another name", s.Name)
	}
	return g.Connect(s.Name, users...)
}

// Connect puts a store at the disposal of more nodes. Global stores need none.
func (g *Graph) Connect(store string, users ...string) error {
	s := g.storeByName[store]
	if s == nil {
		return fmt.Errorf("store %q does not exist", store)
	}
	for _, name := range users {
		n := g.byName[name]
		if n == nil {
			return fmt.Errorf("store %q is for the node %q, which does not exist", store, name)
		}
		if n.Kind != Processor {
			return fmt.Errorf("store %q is for %q, which is not a processor: sources and sinks have no stores", store, name)
		}
		if s.Global && !n.Global {
			continue // all processors may read it
		}
		if !slices.Contains(n.Stores, store) {
			n.Stores = append(n.Stores, store)
			s.Users = append(s.Users, n)
		}
	}
	return nil
}

// AddRepartition declares an internal topic. It is an error to declare a topic
// twice.
func (g *Graph) AddRepartition(r *Repartition) error {
	for _, known := range g.repartitions {
		if known.Topic == r.Topic {
			return fmt.Errorf("there are two repartition topics with the name %q: give one of the operators another name", r.Topic)
		}
	}
	g.repartitions = append(g.repartitions, r)
	return nil
}

// AddCopartition declares that the topics of these sources must have the same
// number of partitions.
func (g *Graph) AddCopartition(c Copartition) { g.copartitions = append(g.copartitions, c) }

// Node is the node of that name, or nil.
func (g *Graph) Node(name string) *Node { return g.byName[name] }

// Store is the store of that name, or nil.
func (g *Graph) Store(name string) *Store { return g.storeByName[name] }

// SourcesOf are the names of the sources that a node has its records from, in
// the order in which they were added.
func (g *Graph) SourcesOf(name string) []string {
	seen := make(map[*Node]bool)
	var up func(n *Node)
	up = func(n *Node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		for _, p := range n.Parents {
			up(p)
		}
	}
	up(g.byName[name])
	var sources []string
	for _, n := range g.nodes {
		if n.Kind == Source && seen[n] {
			sources = append(sources, n.Name)
		}
	}
	return sources
}
