package replicator

import (
	"context"

	"mm2/internal/pipeline"
	"mm2/topology"
)

// Router is the last stage of a lane: it says where a batch goes, under the
// replication policy's name and to the partition it came from. It looks at no
// record, unless an earlier stage has scattered them: then it addresses those
// that stay. A batch that an earlier stage has sent somewhere stays so.
type Router struct {
	flow  topology.Flow
	names map[string]string
}

// NewRouter names topics as the flow says.
func NewRouter(flow topology.Flow) *Router {
	return &Router{flow: flow, names: map[string]string{}}
}

// Process implements pipeline.Stage.
func (r *Router) Process(_ context.Context, b *pipeline.Batch) error {
	if b.To.Topic != "" {
		return nil
	}
	name, ok := r.names[b.Source.Topic]
	if !ok {
		name = r.flow.RemoteTopic(b.Source.Topic)
		r.names[b.Source.Topic] = name
	}
	if b.Scattered {
		for _, rec := range b.Records() {
			if rec.From >= 0 {
				rec.Topic, rec.Partition = name, b.Source.Partition
			}
		}
		return nil
	}
	b.To = pipeline.Partition{Topic: name, Partition: b.Source.Partition}
	return nil
}
