package checkpoint

import (
	"math"
	"slices"
)

// Thinning keeps the index within its budget, and with it the topic.
//
// The rule: where a partition has most segments, or nearly so, every second run
// of each chunk in the older half of them is left out, and neighbouring chunks
// become one. A position in a run that was left out translates to the end of the run
// before: earlier than exact, never later, and it says so. Positions in runs
// that are kept stay exact.
//
// The newest chunk of a partition is never touched, because a lane may still
// write it. Every other one is closed for good: a lane goes on to a new chunk
// only when it leaves the old one for ever, and the index sees the new one only
// when that is committed; the next owner never writes a chunk of the last.

// thin halves the older half of the line, whose view must be fresh. It calls
// changed for each chunk that is another one now, or gone, and tells how many
// runs were left out.
func (l *line) thin(changed func(chunkID)) (dropped int) {
	half, old := 0, 0
	for old < len(l.view) && l.view[old] != l.newest && (old == 0 || half < l.segments/2) {
		half += l.view[old].runs.n
		old++
	}
	if old == 0 {
		return 0
	}
	var kept []*block
	for i := 0; i < old; i += 2 {
		group := l.view[i:min(i+2, old)]
		merged := halve(group)
		dropped -= merged.runs.n
		for _, b := range group {
			dropped += b.runs.n
			l.remove(b.id)
			changed(b.id)
		}
		l.chunks[merged.id] = merged
		l.bytes += merged.bytes()
		l.segments += merged.runs.n
		kept = append(kept, merged)
	}
	l.view = slices.Concat(kept, l.view[old:])
	l.stale = false
	return dropped
}

// halve makes one chunk of every second run of some neighbours.
func halve(group []*block) *block {
	last := group[len(group)-1]
	b := &block{identity: last.identity, id: group[0].id, from: group[0].from, next: last.known, thinned: true}
	var runs runList
	for _, g := range group {
		b.order = max(b.order, g.order)
		keep := false
		for r := g.visible(); r.next(); {
			if keep = !keep; keep {
				runs.add(r.source, r.target, r.count)
			}
		}
		if g == last && !keep {
			b.next = runs.sourceEnd // what follows is not known any more
		}
	}
	runs.data = slices.Clip(slices.Clone(runs.data))
	b.runs = runs
	b.limit(math.MaxInt64, math.MaxInt64)
	return b
}
