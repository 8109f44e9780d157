package streamsgolden

import (
	"testing"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// Program is a topology of the golden files.
type Program struct {
	build func(b *streams.Builder)
	top   func(t *streams.TopologyBuilder) // in the place of build

	// Config, if any, changes how the application runs.
	Config func(c *streams.Config)
	// Check, if any, looks at the stores at the end, which have types.
	Check func(t testing.TB, d *streamstest.Driver, c Case)
	// NoInternal, if any, is why what goes to internal topics is not compared.
	NoInternal string
	// Adjust, if any, changes what is expected, where the case's quirk says that a
	// better answer is right too.
	Adjust func(c *Case)
}

// NewProgram is a program of the DSL.
func NewProgram(build func(b *streams.Builder)) Program { return Program{build: build} }

// Topology builds the topology.
func (p Program) Topology() (*streams.Topology, error) {
	if p.top != nil {
		b := streams.NewTopology()
		p.top(b)
		return b.Build()
	}
	b := streams.NewBuilder()
	p.build(b)
	return b.Build()
}

// registry collects programs by file and case, and why others are skipped.
type registry struct {
	programs map[string]Program
	skipped  map[string]string
}

func (r *registry) register(file string, cases map[string]Program) {
	for id, p := range cases {
		r.programs[file+"/"+id] = p
	}
}

func (r *registry) skip(name, why string) { r.skipped[name] = why }

// Programs are all that are written, as "file/case", and, for the cases that are
// not, why.
func Programs() (programs map[string]Program, skipped map[string]string) {
	r := &registry{make(map[string]Program), make(map[string]string)}
	for _, add := range []func(*registry){aggregates, joins, naming, stateless, suppressions, tables, windows} {
		add(r)
	}
	return r.programs, r.skipped
}
