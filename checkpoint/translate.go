package checkpoint

import "mm2/internal/pipeline"

// Translation is what a position of one side is on the other. A position is
// the offset of the next record to read.
type Translation struct {
	Target pipeline.Partition // which Offset is about
	// Offset is never behind the first copied record that was not read yet: who
	// goes on there may read again, and never skips. It may lie before the
	// start of the log: the caller clamps it.
	Offset int64
	// Exact: who goes on there reads nothing again either.
	Exact bool
	// Known: something is known of the partition. Without it, nothing else counts.
	Known bool
	// Deleted: the position is among records of a source topic that no longer
	// exists. Offset then is where the present topic begins.
	Deleted bool
	// TargetID is the topic id that Target's topic had when the copy was made;
	// empty if it is not known. Under another id nothing of Offset is true.
	TargetID string
	// Why says why a position can never be translated, where that is so.
	Why string

	// bound: what is right for the position is not beyond it, nor was it ever
	// in this copy. It counts if bounded.
	bound   int64
	bounded bool
	// settled: the answer does not get better when the copy goes on.
	settled bool
}

// refutes tells that an earlier answer for this or an earlier position is not
// about the copy as it is now: there it would skip records. It was made anew,
// or lost its end, since.
func (t Translation) refutes(earlier int64) bool {
	most, ok := t.highest()
	return t.Known && ok && earlier > most
}

// highest is the bound of a translation, and whether it has one.
func (t Translation) highest() (bound int64, ok bool) {
	if t.Exact {
		return t.Offset, true
	}
	return t.bound, t.bounded
}

// Forward translates a position on the source to the copy.
//
// At a copied record it is that record's offset, between copied records the
// next one's. Behind all that was copied it is one past the last copied record,
// and exact as far as Copied goes; before all that is known it is 0.
func (x *Index) Forward(source pipeline.Partition, offset int64) Translation {
	t, _ := x.forward(source, offset)
	return t
}

// forward also tells what a better guess may not reach, if the offset is only
// one; else it is the offset itself.
func (x *Index) forward(source pipeline.Partition, offset int64) (t Translation, limit int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	l := x.lines[source]
	if !x.usable(l) {
		return Translation{}, 0
	}
	p, last := l.forward(offset), l.view[len(l.view)-1]
	t = p.translation(last.target, last.targetID)
	if !p.open {
		return t, p.offset
	}
	return t, p.limit
}

// Backward translates a position on a copy to the source: at a copied record it
// is that record's offset there, elsewhere the next one's.
func (x *Index) Backward(target pipeline.Partition, offset int64) Translation {
	x.mu.RLock()
	defer x.mu.RUnlock()
	l := x.targets[target]
	if !x.usable(l) || l.view[len(l.view)-1].target != target {
		return Translation{}
	}
	return l.backwards(offset)
}

func (l *line) backwards(offset int64) Translation {
	t := l.backward(offset).translation(l.source, l.view[len(l.view)-1].sourceID)
	t.Deleted = offset < min(l.deletedEnd, l.view[0].runs.target)
	return t
}

// Revision counts how often what was said of positions ceased to be true,
// because a copy began anew or a part of it was made again.
func (x *Index) Revision() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.revision
}

// Copied is the source offset up to which the partition is known to be copied:
// what was not copied before it never will be. It is -1 if nothing is known.
func (x *Index) Copied(source pipeline.Partition) int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	l := x.lines[source]
	if !x.usable(l) {
		return -1
	}
	return l.view[len(l.view)-1].known
}

// Complete tells whether everything was read. Until then nothing is known.
func (x *Index) Complete() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.isReady()
}

// usable tells whether a line says anything: everything was read, and the
// newest chunk can be.
func (x *Index) usable(l *line) bool {
	return l != nil && len(l.view) > 0 && !l.newest.unreadable && x.isReady()
}

// SyncRule translates by the offset syncs of Java MirrorMaker 2.
type SyncRule interface {
	// Translate is the position on the copy of a position on the source, by
	// Java's rule. It reports false if no sync says.
	Translate(source pipeline.Partition, upstream int64) (downstream int64, ok bool)
}

// OffsetMap translates by the index, and where that knows of nothing at or
// before a position, because Java MirrorMaker 2 ran before, by Java's syncs. The
// result is never later than exact.
type OffsetMap struct {
	Index *Index
	Java  SyncRule // may be nil
	// RemoteTopic names the copy of a source topic.
	RemoteTopic func(topic string) string
}

// Forward translates a position on the source to the copy; see [Index.Forward].
// Nothing is known before the index is ready. Who has read nothing goes on at
// the beginning, also of a partition that has no records.
func (m OffsetMap) Forward(source pipeline.Partition, offset int64) Translation {
	t, limit := m.Index.forward(source, offset)
	if t.Known && limit == t.Offset || !m.Index.Complete() {
		return t
	}
	java, ok := m.java(source, offset)
	switch {
	case !ok && !t.Known && offset == 0:
		t = Translation{Target: m.remote(source), Exact: true, Known: true}
	case !ok:
	case !t.Known:
		t = Translation{Target: m.remote(source), Offset: java, Known: true}
	default:
		// Java's syncs may be older than the chunk behind the position.
		t.Offset, t.settled = max(t.Offset, min(java, limit)), false
	}
	return t
}

func (m OffsetMap) java(source pipeline.Partition, offset int64) (int64, bool) {
	if m.Java == nil {
		return 0, false
	}
	java, ok := m.Java.Translate(source, offset)
	return java, ok && java >= 0
}

// Beside is [Index.Beside].
func (m OffsetMap) Beside(target pipeline.Partition, offset int64) Translation {
	return m.Index.Beside(target, offset)
}

// Complete tells whether the index is; see [Index.Complete].
func (m OffsetMap) Complete() bool { return m.Index.Complete() }

// Revision counts how often earlier answers ceased to be true; see
// [Index.Revision].
func (m OffsetMap) Revision() uint64 { return m.Index.Revision() }

func (m OffsetMap) remote(source pipeline.Partition) pipeline.Partition {
	return pipeline.Partition{Topic: m.RemoteTopic(source.Topic), Partition: source.Partition}
}

// Backward translates a position on a copy to the source; see [Index.Backward].
func (m OffsetMap) Backward(target pipeline.Partition, offset int64) Translation {
	return m.Index.Backward(target, offset)
}
