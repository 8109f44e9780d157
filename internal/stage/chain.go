package stage

import (
	"context"
	"slices"
	"sync/atomic"

	"mm2/internal/pipeline"
	"mm2/topology"
)

// Chain is the stages of one flow. It is shared by the flow's lanes and safe for
// concurrent use.
type Chain struct {
	flow   topology.Flow
	stages []Config
	counts []counts
}

// counts are of what was committed.
type counts struct{ in, out, dropped, routed atomic.Int64 }

// Compile makes the stages of a flow; nil if there are none. They are as the
// reader of the configuration accepts them.
func Compile(flow topology.Flow, stages []Config) *Chain {
	if len(stages) == 0 {
		return nil
	}
	return &Chain{flow: flow, stages: slices.Clone(stages), counts: make([]counts, len(stages))}
}

// Routes are the topics on the target, besides its copy, that records of a source
// topic may be sent to, in order. A nil Chain has none.
func (c *Chain) Routes(topic string) []string {
	if c == nil || !c.about(topic) {
		return nil
	}
	var out []string
	for _, s := range c.stages {
		for _, to := range s.Leads(topic) {
			out = append(out, c.flow.RemoteTopic(to))
		}
	}
	return sorted(out)
}

// about tells whether stages look at a topic at all. Heartbeats are copied as
// they are: what they say is about the link.
func (c *Chain) about(topic string) bool { return !c.flow.Policy.IsHeartbeatsTopic(topic) }

// Status is what one stage has done on this worker since it started, of what was
// committed.
type Status struct {
	Name    string `json:"name"`
	Type    Kind   `json:"type"`
	Does    string `json:"does"`
	In      int64  `json:"records_in"`
	Out     int64  `json:"records_out"`
	Dropped int64  `json:"records_dropped"`
	Routed  int64  `json:"records_routed"` // of those out: sent elsewhere than to the copy by this stage
}

// Status is a snapshot; nil Chains have an empty one.
func (c *Chain) Status() []Status {
	if c == nil {
		return nil
	}
	out := make([]Status, len(c.stages))
	for i, s := range c.stages {
		n := &c.counts[i]
		out[i] = Status{
			Name: s.Name, Type: s.Kind, Does: s.String(),
			In: n.in.Load(), Out: n.out.Load(), Dropped: n.dropped.Load(), Routed: n.routed.Load(),
		}
	}
	return out
}

// Lane is the chain at work in one lane: a pipeline.Stage, to be rewound after a
// failure, and an observer of the lane's commits. It belongs to the lane's
// goroutine.
type Lane struct {
	chain   *Chain
	topics  map[string][]step // by source topic; nil steps: the stage is not about it
	pending []tally
	items   []item
}

type tally struct{ in, out, dropped, routed int64 }

// Lane makes the stages of one lane.
func (c *Chain) Lane() *Lane {
	return &Lane{chain: c, topics: map[string][]step{}, pending: make([]tally, len(c.stages))}
}

// steps are made once for each topic: a stage that is not about a topic costs
// its records nothing.
func (l *Lane) steps(topic string) []step {
	steps, known := l.topics[topic]
	if known {
		return steps
	}
	if l.chain.about(topic) {
		for i, s := range l.chain.stages {
			made := s.step(l.chain.flow, topic)
			if made != nil && steps == nil {
				steps = make([]step, len(l.chain.stages))
			}
			if made != nil {
				steps[i] = made
			}
		}
	}
	l.topics[topic] = steps
	return steps
}

// step is the stage for the records of one topic; nil if it leaves them alone.
func (c Config) step(flow topology.Flow, topic string) step {
	if !c.Topics.Match(topic) {
		return nil
	}
	there := func(to string) string {
		if to == topic || to == "" {
			return ""
		}
		return flow.RemoteTopic(to)
	}
	switch c.Kind {
	case Filter:
		return filter{condition: c.If, keep: c.Action == Keep}
	case Mask:
		return mask{fields: c.Fields, headers: c.Headers, with: c.With, text: c.Replacing, secret: []byte(c.HashingWith)}
	}
	if c.Pattern != nil {
		if to, ok := c.renamed(topic); ok {
			return route{always: there(to)}
		}
		return nil
	}
	r := route{part: c.If.Part, values: make(map[string]string, len(c.Values)), others: there(c.Otherwise)}
	for value, to := range c.Values {
		r.values[value] = there(to)
	}
	return r
}

// Process implements pipeline.Stage.
func (l *Lane) Process(_ context.Context, b *pipeline.Batch) error {
	steps := l.steps(b.Source.Topic)
	if steps == nil || b.Len() == 0 {
		return nil
	}
	records := b.Records()
	items := l.items[:0]
	for i := range records {
		items = append(items, item{record: records[i].Record, offset: records[i].From, made: records[i].From < 0})
	}
	for i, s := range steps {
		if s == nil {
			continue
		}
		n := &l.pending[i]
		before := len(items)
		routed := sent(items)
		left, at, err := s.apply(items, items[:0])
		if err != nil {
			return l.refuse(i, b, items[at], err)
		}
		items = left
		n.in += int64(before)
		n.out += int64(len(items))
		n.dropped += int64(max(before-len(items), 0))
		n.routed += max(sent(items)-routed, 0)
	}
	l.items = items[:0]
	l.fill(b, items)
	clear(items)
	return nil
}

// sent counts what goes elsewhere than to the copy.
func sent(items []item) (n int64) {
	for i := range items {
		if items[i].topic != "" {
			n++
		}
	}
	return n
}

// fill puts what is left into the batch. A record that goes elsewhere has no
// place in the map of offsets: the map is of the copy, and a position in the
// source topic has no single one in several topics.
func (l *Lane) fill(b *pipeline.Batch, items []item) {
	records := b.Records()
	clear(records)
	records = records[:0]
	b.Bytes, b.ValueBytes = 0, 0
	var to string
	for i, it := range items {
		r := pipeline.Record{Record: it.record, From: it.offset}
		if it.made || it.topic != "" {
			r.From = -1
		}
		switch {
		case i == 0:
			to = it.topic
		case to != it.topic:
			b.Scattered = true
		}
		if it.topic != "" {
			r.Topic, r.Partition = it.topic, b.Source.Partition
		}
		b.Bytes += pipeline.Size(it.record)
		b.ValueBytes += int64(len(it.record.Value))
		records = append(records, r)
	}
	b.SetRecords(records)
	if !b.Scattered && to != "" {
		b.To = pipeline.Partition{Topic: to, Partition: b.Source.Partition}
	}
}

// refuse names the record that a stage cannot treat.
func (l *Lane) refuse(i int, b *pipeline.Batch, it item, err error) error {
	return &pipeline.RefusedError{
		Source: b.Source, Offset: max(it.offset, b.Base), Stage: l.chain.stages[i].Name,
		Target: pipeline.Partition{Topic: l.chain.flow.RemoteTopic(b.Source.Topic), Partition: b.Source.Partition},
		Err:    err,
	}
}

// Rewind implements pipeline.Rewinder.
func (l *Lane) Rewind() { clear(l.pending) }

// Committed implements pipeline.Observer: from now on it counts.
func (l *Lane) Committed(*pipeline.Receipt) {
	for i, p := range l.pending {
		n := &l.chain.counts[i]
		n.in.Add(p.in)
		n.out.Add(p.out)
		n.dropped.Add(p.dropped)
		n.routed.Add(p.routed)
	}
	clear(l.pending)
}
