package streams

import (
	"fmt"
	"regexp"
	"slices"

	"mm2/streams/internal/graph"
)

// maybe is a value that may be missing: a row of a table, or one side of a join.
type maybe[T any] struct {
	v  T
	ok bool
}

func some[T any](v T) maybe[T] { return maybe[T]{v, true} }

// pointer is how a joiner sees a side that may be missing.
func (m maybe[T]) pointer() *T {
	if !m.ok {
		return nil
	}
	return &m.v
}

// newRow and oldRow are the two rows of a change.
func (c change[V]) newRow() maybe[V] { return maybe[V]{c.New, c.HasNew} }
func (c change[V]) oldRow() maybe[V] { return maybe[V]{c.Old, c.HasOld} }

// sameBuilder complains of operators that work on streams of two topologies.
func sameBuilder(operator string, b, other *Builder) {
	if b != other {
		b.fail(fmt.Errorf("%s: the two sides are of different Builders: declare both with the same", operator))
	}
}

// checkSerde complains of a serde option that is for another type. Not every join
// comes to use its serdes, and a wrong one should be found all the same.
func checkSerde[T any](b *Builder, operator string, given any) {
	if given != nil {
		serdeOf[T](b, operator, given)
	}
}

// copartition declares that a node joins what comes from other nodes, so that the
// topics behind them must be partitioned alike.
func copartition(b *Builder, node string, sides ...string) {
	b.add(func(g *graph.Graph) error {
		var sources []string
		for _, side := range sides {
			for _, s := range g.SourcesOf(side) {
				if !slices.Contains(sources, s) {
					sources = append(sources, s)
				}
			}
		}
		g.AddCopartition(graph.Copartition{Node: node, Sources: sources})
		return nil
	})
}

var (
	// generatedBase is the generated name of a stream's node: nodes of a
	// repartition topic that is called after it have generated names too.
	generatedBase = regexp.MustCompile(`^KSTREAM.*-[0-9]{10}$`)
	// generatedPart is in every name that was made of a generated one.
	generatedPart = regexp.MustCompile(`-[0-9]{10}`)
)

// placement is a stream's passage through a repartition topic.
type placement[K, V any] struct {
	stream    *KStream[K, V]
	keepNulls *bool
}

// placedForJoin is the stream placed by key: itself, or what comes back from a
// repartition topic, which is named base, or else for the stream. Joins without a
// name share one topic. Null keys pass if any of them wants them.
func (s *KStream[K, V]) placedForJoin(operator, base string, keepNulls bool, o *options) *KStream[K, V] {
	if !s.rekeyed {
		return s
	}
	if base == "" && s.placed != nil {
		for range 3 { // the nodes' names are used up all the same, as in Kafka
			s.b.next("")
		}
		*s.placed.keepNulls = *s.placed.keepNulls || keepNulls
		return s.placed.stream
	}
	if base == "" {
		base = s.node
		if generatedPart.MatchString(base) {
			s.b.internal(base + repartitionSuffix)
		}
	}
	r := repartition{operator: operator, base: base, given: !generatedBase.MatchString(base), alsoNulls: &keepNulls}
	s.placed = &placement[K, V]{s.through(r, o), &keepNulls}
	return s.placed.stream
}
