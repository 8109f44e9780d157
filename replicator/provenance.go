package replicator

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
	"mm2/topology"
)

// OriginHeader is the header that names the cluster a record was written on, by
// its alias. It is on copies in topics that keep their names, where they may
// meet records of other clusters; see topology.Provenance.
const OriginHeader = "mm2-origin"

// Provenance is the stage that keeps records from going round, and from
// arriving by two ways, among flows that keep names: it drops what another flow
// carries, and marks what this one does. Marks of the source pass what is
// dropped. Topics that need no marks it does not look into.
type Provenance struct {
	flow   topology.FlowID
	routes *topology.Routes
	topics map[string]*carriage
}

// carriage is what the flow does with the records of one topic; nil: it carries
// all of them as they are.
type carriage struct {
	known map[string]verdict // by the origin that a record is marked with
	here  verdict            // of records without a mark, or with one that means nothing here
}

// verdict is about the records of one origin.
type verdict struct {
	carried bool
	mark    []byte // the value of the header; shared by all records
}

func newCarriage(c *topology.Carried) *carriage {
	if c == nil {
		return nil
	}
	of := func(origin topology.Alias) verdict {
		as, carried := c.Of(origin)
		return verdict{carried: carried, mark: []byte(as)}
	}
	out := &carriage{known: map[string]verdict{}, here: of("")}
	for _, origin := range c.Origins() {
		out.known[string(origin)] = of(origin)
	}
	return out
}

// NewProvenance follows routes, which must come from the flows of the whole mesh.
func NewProvenance(flow topology.FlowID, routes *topology.Routes) *Provenance {
	return &Provenance{flow: flow, routes: routes, topics: map[string]*carriage{}}
}

// Process implements pipeline.Stage.
func (p *Provenance) Process(_ context.Context, b *pipeline.Batch) error {
	c, known := p.topics[b.Source.Topic]
	if !known {
		c = newCarriage(p.routes.Topic(p.flow, b.Source.Topic))
		p.topics[b.Source.Topic] = c
	}
	if c == nil || b.Len() == 0 {
		return nil
	}
	records := b.Records()
	kept := records[:0]
	for i := range records {
		grown, carried := c.mark(records[i].Record)
		if !carried {
			b.Bytes -= pipeline.Size(records[i].Record)
			continue
		}
		b.Bytes += int64(grown)
		kept = append(kept, records[i])
	}
	clear(records[len(kept):])
	b.SetRecords(kept)
	return nil
}

// mark tells whether a record is carried, names its origin on it if so, and
// tells how many bytes that took.
func (c *carriage) mark(r *kgo.Record) (grown int, carried bool) {
	at := -1
	for i := range r.Headers {
		if r.Headers[i].Key == OriginHeader {
			at = i // the last one counts
		}
	}
	if at < 0 {
		if c.here.carried {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: OriginHeader, Value: c.here.mark})
		}
		return len(OriginHeader) + len(c.here.mark), c.here.carried
	}
	h := &r.Headers[at]
	v, known := c.known[string(h.Value)]
	if known {
		return 0, v.carried
	}
	grown = len(c.here.mark) - len(h.Value)
	h.Value = c.here.mark
	return grown, c.here.carried
}
