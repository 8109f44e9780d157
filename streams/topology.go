package streams

import (
	"mm2/streams/internal/graph"
	"mm2/streams/serde"
)

// Topology is a finished topology. It does not change, may be run by several
// Apps, and is safe for concurrent use.
type Topology struct {
	graph     *graph.Topology
	generated []string
	serdes    *serde.Registry
}

// Describe is the topology as text, the same that Kafka's TopologyDescription
// prints.
func (t *Topology) Describe() string { return t.graph.Describe() }

// GeneratedNames are the stores and internal topics that no option has named.
// Their names change when operators are added before them.
func (t *Topology) GeneratedNames() []string { return t.generated }

// Graph is for the packages below this one.
func (t *Topology) Graph() *graph.Topology { return t.graph }

// Serdes are the serdes that the topology knows by type, for the packages below
// this one.
func (t *Topology) Serdes() *serde.Registry { return t.serdes }
