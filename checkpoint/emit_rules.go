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

// Revised is a [Translator] that can tell when answers which were final are no
// longer true: when Revision returns another number, all positions are
// translated again.
type Revised interface {
	Revision() uint64
}

func revision(by Translator) uint64 {
	if r, ok := by.(Revised); ok {
		return r.Revision()
	}
	return 0
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
// repeat the last one or take readers back. Unlike Java's it is also written if
// the last one is of a copy that is no more; see [Translation.refutes].
func due(last Checkpoint, known bool, next Checkpoint, tr Translation) bool {
	return !known || next.Upstream < last.Upstream || next.Downstream > last.Downstream || tr.refutes(last.Downstream)
}

// usable reports whether a translation may become a checkpoint.
func usable(tr Translation) bool { return tr.Known && tr.Offset >= 0 }
