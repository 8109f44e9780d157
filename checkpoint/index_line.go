package checkpoint

import (
	"cmp"
	"math"
	"slices"
	"unsafe"

	"mm2/internal/pipeline"
)

// line is what is known of one source partition. Newer chunks supersede older
// ones: a chunk that begins at a source offset says that the copy was made from
// there on, and everything older at or behind that offset, or behind its place
// on the target, no longer counts.
type line struct {
	source pipeline.Partition
	lane   int32
	stamp  int64 // timestamp of the newest record, in ms
	chunks map[chunkID]*block

	// view are the chunks that count, in the order of their offsets, which is
	// the same on both sides. Each answers for the source offsets from its from
	// to the from of the next.
	view   []*block
	newest *block // by order; a lane may still write it, or it is unreadable
	stale  bool   // view and what follows are to be made anew

	// deletedEnd is the end on the target of what was copied from source topics
	// that no longer exist; 0 if there is none.
	deletedEnd int64
	segments   int
	bytes      int64
}

// block is a chunk in the index.
type block struct {
	*identity
	id         chunkID
	order      int64
	from, next int64
	tail       int64
	thinned    bool
	unreadable bool
	runs       runList

	// Runs count up to here, where a newer chunk takes over.
	limitSource, limitTarget int64
	// What is left of the chunk within the limits: its end, and what it knows
	// all of.
	sourceEnd, targetEnd, known int64
	cut                         bool
	// So many of the first records may be on the target once more, before the
	// chunk: without transactions a crash leaves copies there that are made
	// again.
	repeats int64
}

// Sizes of what is kept beside the runs, as allocated; the map's share of an
// entry is estimated.
const (
	blockOverhead = int64(unsafe.Sizeof(block{})) + 8 + 40
	lineOverhead  = int64(unsafe.Sizeof(line{})+unsafe.Sizeof(identity{})) + 200
)

func (b *block) bytes() int64 { return blockOverhead + int64(cap(b.runs.data)) }

// limit cuts off what a newer chunk has taken over.
func (b *block) limit(source, target int64) {
	b.limitSource, b.limitTarget = source, target
	b.sourceEnd, b.targetEnd, b.known, b.cut = b.runs.sourceEnd, b.runs.targetEnd, b.next, false
	if b.sourceEnd <= source && b.targetEnd <= target {
		return
	}
	for r := b.visible(); r.next(); {
		b.sourceEnd, b.targetEnd = r.source+r.count, r.target+r.count
	}
	b.known, b.cut = b.sourceEnd, true
}

// visible reads the runs within the limits.
func (b *block) visible() visibleRuns {
	return visibleRuns{b.runs.reader(), b.limitSource, b.limitTarget}
}

type visibleRuns struct {
	runReader
	limitSource, limitTarget int64
}

func (r *visibleRuns) next() bool {
	if !r.runReader.next() {
		return false
	}
	r.count = min(r.count, r.limitSource-r.source, r.limitTarget-r.target)
	if r.count <= 0 {
		r.data = nil
		return false
	}
	return true
}

// put takes a chunk in the order of the log.
func (l *line) put(b *block) {
	old := l.chunks[b.id]
	l.chunks[b.id] = b
	l.bytes += b.bytes()
	l.segments += b.runs.n
	if old != nil {
		l.bytes -= old.bytes()
		l.segments -= old.runs.n
	}
	last := len(l.view) - 1
	switch {
	case l.stale:
	case b.unreadable, last < 0, l.view[last] != l.newest, b.order < l.newest.order, *b.identity != *l.newest.identity:
		l.stale = true
	case old == l.newest && b.runs.source == old.runs.source && b.from == old.from:
		b.limit(math.MaxInt64, math.MaxInt64)
		b.repeats = old.repeats
		l.view[last], l.newest = b, b
	case old == nil && b.from >= l.newest.runs.sourceEnd && b.runs.target >= l.newest.runs.targetEnd:
		b.limit(math.MaxInt64, math.MaxInt64)
		b.comesAfter(l.view[last])
		l.view, l.newest = append(l.view, b), b
	default:
		l.stale = true
	}
}

func (l *line) remove(id chunkID) {
	b := l.chunks[id]
	if b == nil {
		return
	}
	delete(l.chunks, id)
	l.bytes -= b.bytes()
	l.segments -= b.runs.n
	l.stale = true
}

// refresh makes the view anew if it is stale. It calls dead for each chunk that
// says nothing any more, which is gone then.
func (l *line) refresh(dead func(chunkID)) {
	if !l.stale {
		return
	}
	l.stale, l.newest, l.deletedEnd = false, nil, 0
	clear(l.view)
	l.view = l.view[:0]
	all := make([]*block, 0, len(l.chunks))
	for _, b := range l.chunks {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *block) int {
		return cmp.Or(cmp.Compare(b.order, a.order), cmp.Compare(b.runs.target, a.runs.target))
	})
	if len(all) == 0 {
		return
	}
	l.newest = all[0]
	source, target := int64(math.MaxInt64), int64(math.MaxInt64)
	var now *identity // of the newest that can be read
	for _, b := range all {
		if b.unreadable {
			continue
		}
		if now == nil {
			now = b.identity
		}
		switch {
		case !same(b.targetID, now.targetID) || b.target != now.target, b.runs.target >= target:
			l.bury(b, dead)
		case !same(b.sourceID, now.sourceID):
			l.deletedEnd = max(l.deletedEnd, min(b.runs.targetEnd+b.tail, target))
			l.forget(b)
		case b.runs.source >= source:
			l.bury(b, dead)
		default:
			b.limit(source, target)
			source, target = min(source, b.from), min(target, b.runs.target)
			l.view = append(l.view, b)
		}
	}
	slices.Reverse(l.view)
	var before *block
	for _, b := range l.view {
		b.comesAfter(before)
		before = b
	}
}

// comesAfter sets what depends on the chunk before, which may be nil.
func (b *block) comesAfter(before *block) {
	switch {
	case b.tail > 0:
		b.repeats = 0
	case before == nil:
		b.repeats = b.runs.target
	default:
		b.repeats = max(b.runs.target-before.targetEnd-before.tail, before.repeats-before.runs.records)
	}
}

func (l *line) bury(b *block, dead func(chunkID)) {
	l.remove(b.id)
	l.stale = false
	dead(b.id)
}

// forget drops the runs of a chunk of which only the place matters.
func (l *line) forget(b *block) {
	l.segments -= b.runs.n
	l.bytes -= int64(cap(b.runs.data))
	b.runs.data, b.runs.n = nil, 0
}

// position is an answer of a line.
type position struct {
	offset int64
	exact  bool
	// limit is the place of the first known record that was not read yet: what
	// is right lies at or before it. It is math.MaxInt64 behind all that is
	// known, where the offset is the limit until more is copied.
	limit int64
	// open: a gap that is not known lies between offset and limit.
	open bool
}

// translation is the answer for outside; id is of the target's topic.
func (p position) translation(target pipeline.Partition, id string) Translation {
	t := Translation{
		Target: target, TargetID: id, Offset: p.offset, Exact: p.exact, Known: true,
		bound: p.limit, bounded: true, settled: p.limit != math.MaxInt64,
	}
	if !t.settled {
		t.bound = p.offset
	}
	return t
}

// at is an answer that is a known record.
func at(offset int64) position { return position{offset: offset, exact: true, limit: offset} }

// forward answers for a position on the source. The view must not be empty.
func (l *line) forward(g int64) position {
	i := l.lookup(g, func(b *block) int64 { return b.from })
	if i < 0 {
		return gap(0, l.view[0].runs.target, false)
	}
	b := l.view[i]
	switch {
	case g < b.sourceEnd:
		return b.forward(g)
	case i+1 == len(l.view):
		return position{offset: b.targetEnd, exact: g <= b.known, limit: math.MaxInt64}
	case l.view[i+1].from <= b.known:
		return at(l.view[i+1].runs.target)
	}
	return gap(b.targetEnd, l.view[i+1].runs.target, g <= b.known)
}

// gap is an answer between two places on the target, of which nothing else is
// known. Where they are one, nothing lies between.
func gap(end, next int64, exact bool) position {
	exact = exact || end == next
	return position{offset: end, exact: exact, open: !exact, limit: next}
}

// lookup is the last chunk of the view whose key is at most v, or -1.
func (l *line) lookup(v int64, key func(*block) int64) int {
	low, high := 0, len(l.view)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if key(l.view[mid]) <= v {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

// forward answers for a position before the end of the chunk.
func (b *block) forward(g int64) position {
	var source, target int64 // end of the run before
	between := false
	for r := b.visible(); r.next(); {
		switch {
		case g >= r.source+r.count:
		case g >= r.source:
			return at(r.target + g - r.source)
		case b.thinned && between:
			return position{offset: target, exact: g == source, limit: r.target}
		default:
			return at(r.target)
		}
		source, target, between = r.source+r.count, r.target+r.count, true
	}
	return position{offset: target, limit: math.MaxInt64} // not reached: g is before the end
}

// backward answers for a position on the target.
func (l *line) backward(t int64) position {
	i := l.lookup(t, func(b *block) int64 { return b.runs.target })
	if i < 0 {
		return position{limit: l.view[0].runs.source}
	}
	b := l.view[i]
	switch {
	case t < b.targetEnd:
		return b.backward(t)
	case i+1 == len(l.view):
		return position{offset: b.known, exact: t <= b.targetEnd+b.tail && b.once(b.runs.records), limit: math.MaxInt64}
	}
	after := l.view[i+1]
	if after.from > b.known || b.cut {
		return position{offset: b.known, exact: t == b.targetEnd && b.once(b.runs.records), limit: after.runs.source}
	}
	p := at(after.runs.source)
	p.exact = b.once(b.runs.records) && (t <= b.targetEnd+b.tail || after.once(0))
	return p
}

// once tells whether nobody who has read so many records of the chunk has read
// later ones before.
func (b *block) once(records int64) bool { return records >= b.repeats }

// backward answers for a position before the end of the chunk.
func (b *block) backward(t int64) (p position) {
	var source, target, read int64 // end of the run before, and records up to there
	for r := b.visible(); r.next(); {
		switch {
		case t >= r.target+r.count:
			source, target, read = r.source+r.count, r.target+r.count, read+r.count
			continue
		case t >= r.target:
			p = at(r.source + t - r.target)
			read += t - r.target
		case b.thinned:
			p = position{offset: source, exact: t == target, limit: r.source}
		default:
			p = at(r.source)
		}
		p.exact = p.exact && b.once(read)
		return p
	}
	return position{offset: source, limit: math.MaxInt64} // not reached: t is before the end
}
