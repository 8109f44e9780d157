package checkpoint

import (
	"mm2/internal/pipeline"
	"mm2/topology"
)

// Translator maps positions between a source partition and its copy. A
// position is the offset of the next record to read.
//
// Forward never names an offset behind the first copied record at or after the
// position: who resumes there may read again and never skips. A position before
// the first copied record is that record's offset. It is called often and must
// not block for long; it is safe for concurrent use.
type Translator interface {
	Forward(source pipeline.Partition, offset int64) Translation
	Backward(target pipeline.Partition, offset int64) Translation
}

// Merged translates where two flows copy into one another's topics under the
// same names, so that a topic holds records of both clusters on either side, in
// another order. A position of the source then is two positions on the target:
// behind the source's own records, and behind the target's records that were
// copied back. The lower one skips nothing. forward is the map of the flow, back
// that of the flow the other way.
func Merged(forward, back Translator) Translator { return merged{forward, back} }

type merged struct{ forward, back Translator }

func (m merged) Forward(source pipeline.Partition, offset int64) Translation {
	return lower(m.forward.Forward(source, offset), m.back.Backward(source, offset))
}

func (m merged) Backward(target pipeline.Partition, offset int64) Translation {
	return lower(m.forward.Backward(target, offset), m.back.Forward(target, offset))
}

// lower is the earlier of two translations of one position. What nothing is
// known of holds no records.
func lower(a, b Translation) Translation {
	switch {
	case !a.Known:
		return b
	case b.Known && b.Offset < a.Offset:
		return b
	}
	return a
}

// DownstreamTopic is what a topic of the source is called on the target when
// groups are carried over: its copy, or the topic that it is itself a copy of.
// Java strips every hop in the second case; only the target's own is right, for
// "B.C.orders" of A is "C.orders" on B.
func DownstreamTopic(flow topology.Flow, topic string) string {
	if source, ok := flow.Policy.TopicSource(topic); ok && source == flow.ID.Target {
		if upstream, ok := flow.Policy.UpstreamTopic(topic); ok {
			return upstream
		}
	}
	return flow.RemoteTopic(topic)
}

// due is Java's rule: a checkpoint is written if there is none, if the group
// was reset backwards, or if the copy's position advanced. Otherwise it would
// repeat the last one or take readers back.
func due(last Checkpoint, known bool, next Checkpoint) bool {
	return !known || next.Upstream < last.Upstream || next.Downstream > last.Downstream
}

// usable reports whether a translation may become a checkpoint.
func usable(tr Translation) bool { return tr.Known && tr.Offset >= 0 }
