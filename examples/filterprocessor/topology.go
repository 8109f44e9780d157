package main

import "mm2/streams"

// FilterProcessor passes on the words that have more than five letters.
type FilterProcessor struct {
	ctx streams.ProcessorContext[string, string]
}

// Init implements streams.Processor.
func (p *FilterProcessor) Init(ctx streams.ProcessorContext[string, string]) error {
	p.ctx = ctx
	return nil
}

// Process implements streams.Processor.
func (p *FilterProcessor) Process(r streams.Record[string, string]) error {
	if len(r.Value) > 5 {
		p.ctx.Forward(r)
	}
	return nil
}

// Close implements streams.Processor.
func (p *FilterProcessor) Close() error { return nil }

func newFilter() streams.Processor[string, string, string, string] { return &FilterProcessor{} }

// topology puts the processor between a source and a sink.
func topology() (*streams.Topology, error) {
	t := streams.NewTopology()
	words := streams.AddSource[string, string](t, "source", []string{"words"})
	long := streams.AddProcessor(t, "filter", newFilter, words)
	streams.AddSink(t, "sink", "long-words", long)
	return t.Build()
}
