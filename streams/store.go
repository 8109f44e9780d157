package streams

import (
	"fmt"
	"reflect"

	"mm2/streams/internal/graph"
	"mm2/streams/state"
)

// AddStateStore declares a store that processors use which are given access to it
// with Connect.
func (b *Builder) AddStateStore(s state.Builder) {
	if err := checkName(s.Name()); err != nil {
		b.fail(fmt.Errorf("AddStateStore: store: %w", err))
	}
	b.add(func(g *graph.Graph) error { return addStore(b, g, &graph.Store{Name: s.Name(), Builder: s}) })
}

// connect gives a node access to stores.
func connect(b *Builder, node string, stores []string) {
	if len(stores) == 0 {
		return
	}
	b.add(func(g *graph.Graph) error {
		for _, s := range stores {
			if err := g.Connect(s, node); err != nil {
				return err
			}
		}
		return nil
	})
}

// addStore puts a store into the graph, with its serdes found.
func addStore(b *Builder, g *graph.Graph, s *graph.Store, users ...string) error {
	if g.Store(s.Name) == nil {
		find := func(t reflect.Type) any { return b.serdes.Lookup(t) }
		if err := s.Builder.Resolve(find); err != nil {
			return fmt.Errorf("store %q: %w", s.Name, err)
		}
	}
	return g.AddStore(s, users...)
}
