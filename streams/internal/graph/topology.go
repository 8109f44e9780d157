package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Topology is a finished graph. It does not change and is safe for concurrent
// use.
type Topology struct {
	Nodes         []*Node // parents before their children
	Stores        []*Store
	Subtopologies []*Subtopology
	Repartitions  []*Repartition
	Copartitions  []Copartition
}

// Subtopology is a connected part of a topology. Parts meet only through topics.
type Subtopology struct {
	ID     int
	Global bool    // of a global store: it gives no tasks
	Nodes  []*Node // in the order in which they were added
	Stores []*Store
}

// Sources are the part's sources.
func (s *Subtopology) Sources() []*Node {
	var sources []*Node
	for _, n := range s.Nodes {
		if n.Kind == Source {
			sources = append(sources, n)
		}
	}
	return sources
}

// Build checks the graph as a whole and finishes it.
func (g *Graph) Build() (*Topology, error) {
	var errs []error
	if len(g.nodes) == 0 {
		errs = append(errs, errors.New("the topology is empty: it has no source"))
	}
	for _, s := range g.stores {
		if len(s.Users) == 0 {
			errs = append(errs, fmt.Errorf("store %q is used by no processor: connect it to one", s.Name))
		}
	}
	for _, n := range g.nodes {
		if n.Kind == Source && n.Global {
			continue
		}
		if n.Kind == Sink && n.Topic != "" && !n.Internal {
			for _, o := range g.nodes {
				if o.Kind == Source && o.Global && o.Cluster == n.Cluster && slices.Contains(o.Topics, n.Topic) {
					errs = append(errs, fmt.Errorf("sink %q writes to %q, which is the topic of a global table", n.Name, n.Topic))
				}
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Topology{
		Nodes: g.nodes, Stores: g.stores, Subtopologies: g.parts(),
		Repartitions: g.repartitions, Copartitions: g.copartitions,
	}, nil
}

// parts numbers the connected parts in the order of their first nodes.
func (g *Graph) parts() []*Subtopology {
	root := make(map[*Node]*Node, len(g.nodes))
	for _, n := range g.nodes {
		root[n] = n
	}
	find := func(n *Node) *Node {
		for root[n] != n {
			root[n] = root[root[n]]
			n = root[n]
		}
		return n
	}
	for _, n := range g.nodes {
		for _, p := range n.Parents {
			root[find(n)] = find(p)
		}
	}
	for _, s := range g.stores {
		for _, n := range s.Users[1:] {
			root[find(n)] = find(s.Users[0])
		}
	}
	byRoot := make(map[*Node]*Subtopology)
	var parts []*Subtopology
	for _, n := range g.nodes {
		part := byRoot[find(n)]
		if part == nil {
			part = &Subtopology{ID: len(parts), Global: n.Global}
			byRoot[find(n)] = part
			parts = append(parts, part)
		}
		part.Nodes = append(part.Nodes, n)
	}
	for _, s := range g.stores {
		part := byRoot[find(s.Users[0])]
		part.Stores = append(part.Stores, s)
	}
	return parts
}
