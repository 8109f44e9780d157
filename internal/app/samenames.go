package app

import (
	"fmt"

	"mm2/checkpoint"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// sameNames translates where flows keep names. A topic that has records of both
// clusters under one name is looked up both ways; one that has records of more
// is not translated, for then no position stands for another.
type sameNames struct {
	flow   topology.FlowID
	routes *topology.Routes
	alone  checkpoint.Translator // topics that only this flow writes
	both   checkpoint.Translator // topics that two clusters write; nil without a flow back
}

// by is what translates positions in a topic, or why nothing does.
func (m sameNames) by(topic string) (by checkpoint.Translator, why string) {
	c := m.routes.Topic(m.flow, topic)
	switch {
	case c == nil || !c.Shared():
		return m.alone, ""
	case m.both != nil && c.Clusters() == 2:
		return m.both, ""
	}
	return nil, fmt.Sprintf("%s has records of %d clusters under one name, which are mixed differently on each: a position on %s stands for none on %s",
		topic, c.Clusters(), m.flow.Source, m.flow.Target)
}

// Forward implements checkpoint.Translator.
func (m sameNames) Forward(source pipeline.Partition, offset int64) checkpoint.Translation {
	by, why := m.by(source.Topic)
	if by == nil {
		return checkpoint.Translation{Why: why}
	}
	return by.Forward(source, offset)
}

// Backward implements checkpoint.Translator.
func (m sameNames) Backward(target pipeline.Partition, offset int64) checkpoint.Translation {
	by, why := m.by(target.Topic)
	if by == nil {
		return checkpoint.Translation{Why: why}
	}
	return by.Backward(target, offset)
}

// Revision implements checkpoint.Revised.
func (m sameNames) Revision() uint64 {
	by := m.alone
	if m.both != nil {
		by = m.both // which asks alone as well
	}
	if r, ok := by.(checkpoint.Revised); ok {
		return r.Revision()
	}
	return 0
}
