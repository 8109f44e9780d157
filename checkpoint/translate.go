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
	p := l.forward(offset)
	t = Translation{Target: l.view[len(l.view)-1].target, Offset: p.offset, Exact: p.exact, Known: true}
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
	p := l.backward(offset)
	return Translation{
		Target: l.source, Offset: p.offset, Exact: p.exact, Known: true,
		Deleted: offset < min(l.deletedEnd, l.view[0].runs.target),
	}
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

// complete tells whether everything was read.
func (x *Index) complete() bool {
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
	if !t.Known && offset == 0 && m.Index.complete() {
		return Translation{Target: m.remote(source), Exact: true, Known: true}
	}
	if m.Java == nil || t.Known && limit == t.Offset || !m.Index.complete() {
		return t
	}
	java, ok := m.Java.Translate(source, offset)
	switch {
	case !ok || java < 0:
	case !t.Known:
		t = Translation{Target: m.remote(source), Offset: java, Known: true}
	default:
		// Java's syncs may be older than the chunk behind the position.
		t.Offset = max(t.Offset, min(java, limit))
	}
	return t
}

func (m OffsetMap) remote(source pipeline.Partition) pipeline.Partition {
	return pipeline.Partition{Topic: m.RemoteTopic(source.Topic), Partition: source.Partition}
}

// Backward translates a position on a copy to the source; see [Index.Backward].
func (m OffsetMap) Backward(target pipeline.Partition, offset int64) Translation {
	return m.Index.Backward(target, offset)
}
