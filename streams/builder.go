package streams

import (
	"errors"
	"fmt"

	"mm2/streams/internal/graph"
	"mm2/streams/serde"
)

// Builder collects the operators of a topology. Errors are collected too, and
// come with Build. It is used by one goroutine.
type Builder struct {
	counter int
	serdes  serde.Registry
	steps   []func(g *graph.Graph) error
	errs    []error
	naming  bool     // every internal name must be given
	made    []string // internal names that were generated
	built   bool
}

// BuilderOption is a setting of a whole topology.
type BuilderOption func(*Builder)

// EnsureExplicitNaming refuses a topology in which the name of a store or an
// internal topic is generated: such names change with the operators before them,
// and their state is then orphaned.
func EnsureExplicitNaming() BuilderOption { return func(b *Builder) { b.naming = true } }

// NewBuilder returns an empty topology.
func NewBuilder(opts ...BuilderOption) *Builder {
	b := &Builder{}
	for _, o := range opts {
		o(b)
	}
	return b
}

// RegisterSerde makes s the serde of all keys and values of type T.
func RegisterSerde[T any](b *Builder, s serde.Serde[T]) { serde.Add(&b.serdes, s) }

// Build checks everything and gives the topology, or all errors at once.
func (b *Builder) Build() (*Topology, error) {
	if b.built {
		return nil, errors.New("the topology was built before: a Builder builds one")
	}
	b.built = true
	g := &graph.Graph{}
	for _, step := range b.steps {
		if err := step(g); err != nil {
			b.fail(err)
		}
	}
	if b.naming && len(b.made) > 0 {
		b.fail(fmt.Errorf("EnsureExplicitNaming: these internal names are generated: %q; name their operators with Named, Store or JoinStores", b.made))
	}
	if len(b.errs) > 0 {
		return nil, &TopologyError{errs: b.errs}
	}
	t, err := g.Build()
	if err != nil {
		return nil, &TopologyError{errs: []error{err}}
	}
	return &Topology{graph: t, generated: b.made, serdes: &b.serdes}, nil
}

// TopologyError is everything that is wrong with a topology.
type TopologyError struct{ errs []error }

func (e *TopologyError) Error() string { return "topology: " + errors.Join(e.errs...).Error() }

// Unwrap gives the single errors.
func (e *TopologyError) Unwrap() []error { return e.errs }

func (b *Builder) fail(err error) { b.errs = append(b.errs, err) }

// add has a step done when the topology is built, after those before it. By then
// all operators are known, and so is what they want of each other.
func (b *Builder) add(step func(g *graph.Graph) error) { b.steps = append(b.steps, step) }

// next is the next generated name with this prefix.
func (b *Builder) next(prefix string) string {
	name := fmt.Sprintf("%s%010d", prefix, b.counter)
	b.counter++
	return name
}

// name is the given name, or a generated one. The number is used up either way,
// as in Kafka.
func (b *Builder) name(prefix string, o *options) string {
	name := b.next(prefix)
	if o.has(optNamed) {
		return o.name
	}
	return name
}

// internal notes the generated name of a store or topic.
func (b *Builder) internal(name string) string {
	b.made = append(b.made, name)
	return name
}

// processor has a processor node added.
func addProcessor[KI, VI, KO, VO any](b *Builder, name string, supply func() Processor[KI, VI, KO, VO], parents ...string) {
	b.add(func(g *graph.Graph) error {
		return g.Add(&graph.Node{Name: name, Kind: graph.Processor, Impl: processorMaker[KI, VI, KO, VO]{supply}}, parents...)
	})
}
