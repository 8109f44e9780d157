package checkpoint

import "mm2/internal/pipeline"

// Merged translates where two flows copy into one another's topics under the
// same names, so that a topic holds records of both clusters on either side, in
// another order. A position of the source then is two positions on the target:
// behind the source's own records, and behind the target's records that were
// copied back. The lower one skips nothing. forward is the map of the flow, back
// that of the flow the other way. Nothing is known while one of them is not
// complete. Their indexes have SameNames: what was not copied yet counts as well.
func Merged(forward, back Translator) Translator { return merged{forward, back} }

type merged struct{ forward, back Translator }

// completes is a translator that knows nothing before it has read everything.
type completes interface {
	Complete() bool
}

func (m merged) complete() bool {
	for _, part := range []Translator{m.forward, m.back} {
		if c, ok := part.(completes); ok && !c.Complete() {
			return false
		}
	}
	return true
}

func (m merged) Forward(source pipeline.Partition, offset int64) Translation {
	if !m.complete() {
		return Translation{}
	}
	return lower(m.forward.Forward(source, offset), beside(m.back, source, offset))
}

func (m merged) Backward(target pipeline.Partition, offset int64) Translation {
	if !m.complete() {
		return Translation{}
	}
	return lower(beside(m.forward, target, offset), m.back.Forward(target, offset))
}

func (m merged) Revision() uint64 { return revision(m.forward) + revision(m.back) }

// beside also counts what was not copied yet, where the translator can.
func beside(by Translator, target pipeline.Partition, offset int64) Translation {
	if b, ok := by.(interface {
		Beside(target pipeline.Partition, offset int64) Translation
	}); ok {
		return b.Beside(target, offset)
	}
	return by.Backward(target, offset)
}

// lower is the earlier of two translations of one position. What nothing is
// known of holds no records. It is exact only where both say the same: who goes
// on at the earlier one reads again what lies before the other.
func lower(a, b Translation) Translation {
	switch {
	case !a.Known:
		return b
	case !b.Known:
		return a
	case b.Offset < a.Offset:
		a, b = b, a
	}
	out := a
	out.Exact = a.Exact && b.Exact && a.Offset == b.Offset
	out.settled = a.settled && b.settled
	out.bound, out.bounded = a.highest()
	if most, ok := b.highest(); ok && (!out.bounded || most < out.bound) {
		out.bound, out.bounded = most, true
	}
	switch {
	case out.TargetID == "":
		out.TargetID = b.TargetID
	case b.TargetID != "" && b.TargetID != a.TargetID:
		// One of the maps has not seen yet that the topic was made anew: only
		// its beginning is right under both ids.
		out.Offset, out.Exact, out.TargetID = 0, false, ""
	}
	return out
}
