package checkpoint

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// IndexConfig is what an [Index] needs.
type IndexConfig struct {
	Flow   topology.FlowID
	Dialer *kafka.Dialer // of the target
	// Bytes bounds the memory for chunks; 0 is 64 MiB. What one chunk for each
	// partition takes is kept in any case.
	Bytes int64
	// ReadOnly leaves the topic as it is: it is another's to keep in order.
	ReadOnly bool
	// SameNames says that copies keep their names among records of others. Then
	// the marks of the flow are followed, too: they say up to where the source
	// has no records that are not in the map.
	SameNames bool

	Metrics *IndexMetrics
	Logger  *slog.Logger // names the flow already
}

// Index is the map of offsets between source and target of one flow, as the
// lanes commit it to the segments topic. It is filled by Run; until that has
// read what was there when it began, and after it has ended, nothing is known.
//
// Its methods are safe for concurrent use. Translations allocate nothing.
type Index struct {
	cfg     IndexConfig
	log     *slog.Logger
	metrics indexMetrics

	mu      sync.RWMutex // guards what follows
	lines   map[pipeline.Partition]*line
	targets map[pipeline.Partition]*line // by the partition of the copy
	bytes   int64
	// segments is how many there are; thinned, how many were left out.
	segments int
	thinned  int64
	ready    chan struct{} // closed once everything was read
	revision uint64        // see Revision
	edits    map[edit]struct{}
	passed   map[pipeline.Partition]kafka.Mark // by source partition; see marks
}

// edit is a chunk of which the topic has something else than the index.
type edit struct {
	source pipeline.Partition
	id     chunkID
}

const defaultIndexBytes = 64 << 20

// NewIndex returns an empty index that does nothing until Run.
func NewIndex(cfg IndexConfig) (*Index, error) {
	if cfg.Dialer == nil || cfg.Metrics == nil || cfg.Logger == nil {
		return nil, errors.New("offset index: dialer, metrics and logger are required")
	}
	if cfg.Bytes <= 0 {
		cfg.Bytes = defaultIndexBytes
	}
	x := &Index{cfg: cfg, log: cfg.Logger, metrics: cfg.Metrics.of(cfg.Flow)}
	x.reset()
	return x, nil
}

func (x *Index) reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lines, x.targets = map[pipeline.Partition]*line{}, map[pipeline.Partition]*line{}
	x.edits = map[edit]struct{}{}
	x.passed = map[pipeline.Partition]kafka.Mark{}
	x.bytes, x.segments, x.thinned = 0, 0, 0
	if x.ready == nil || x.isReady() {
		x.ready = make(chan struct{})
	}
	x.metrics.set(x.stats())
}

func (x *Index) isReady() bool {
	select {
	case <-x.ready:
		return true
	default:
		return false
	}
}

// Ready is closed when the index has read what the topic held when Run began.
// A later Run has another channel.
func (x *Index) Ready() <-chan struct{} {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.ready
}

// IndexStats is how much an index holds.
type IndexStats struct {
	Ready      bool
	Partitions int   // of the source
	Segments   int   // held
	Bytes      int64 // memory for them
	Thinned    int64 // segments left out since Run began
}

// Stats is a snapshot.
func (x *Index) Stats() IndexStats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.stats()
}

func (x *Index) stats() IndexStats {
	return IndexStats{Ready: x.isReady(), Partitions: len(x.lines), Segments: x.segments, Bytes: x.bytes, Thinned: x.thinned}
}

// apply takes records in the order of their partitions.
func (x *Index) apply(records []*kgo.Record) {
	if len(records) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	touched := map[*line]struct{}{}
	for _, r := range records {
		if l := x.take(r); l != nil {
			touched[l] = struct{}{}
		}
	}
	for l := range touched {
		x.refresh(l)
	}
	x.shrink()
	x.metrics.set(x.stats())
}

// take puts one record into its line, and returns it; nil if it concerns none.
func (x *Index) take(r *kgo.Record) *line {
	if r.Attrs.IsControl() {
		return nil
	}
	source, id, err := parseChunkKey(string(r.Key))
	if err != nil {
		x.log.Warn("a record of the segments topic is none of ours", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "err", err)
		return nil
	}
	l := x.lines[source]
	// The lane of a partition changes only if the lanes topic was deleted: what
	// the other lane has written then is of the past.
	if l != nil && l.lane != r.Partition {
		if r.Timestamp.UnixMilli() < l.stamp {
			return nil
		}
		x.drop(l)
		l = nil
	}
	if r.Value == nil {
		if l != nil {
			x.resize(l, func() { l.remove(id) })
		}
		return l
	}
	if l == nil {
		l = &line{source: source, lane: r.Partition, chunks: map[chunkID]*block{}, stale: true}
		x.lines[source] = l
		x.bytes += lineOverhead + int64(len(source.Topic))
	}
	l.stamp = max(l.stamp, r.Timestamp.UnixMilli())
	b := x.block(l, r)
	b.id = id
	x.resize(l, func() { l.put(b) })
	return l
}

// block is what the index keeps of a record. A chunk that cannot be read keeps
// its place: what it says is not known.
func (x *Index) block(l *line, r *kgo.Record) *block {
	c, err := decodeChunk(r.Key, r.Value)
	if err != nil {
		if l.newest == nil || !l.newest.unreadable {
			x.log.Error("a chunk of the offset map cannot be read; its partition is not translated until a newer one follows: is a newer version of mm2 running?",
				"topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "err", err)
		}
		return &block{identity: &identity{}, order: r.Offset, unreadable: true}
	}
	b := &block{order: c.order, from: c.from, next: c.next, tail: c.tail, thinned: c.thinned, runs: c.runs}
	if b.order < 0 {
		b.order = r.Offset
	}
	b.runs.data = append(make([]byte, 0, len(c.runs.data)), c.runs.data...) // not the whole fetched batch
	if l.newest != nil && *l.newest.identity == c.identity {
		b.identity = l.newest.identity
	} else {
		b.identity = &c.identity
	}
	return b
}

// resize keeps the account while fn changes the line.
func (x *Index) resize(l *line, fn func()) {
	bytes, segments := l.bytes, l.segments
	fn()
	x.bytes += l.bytes - bytes
	x.segments += l.segments - segments
}

func (x *Index) drop(l *line) {
	delete(x.lines, l.source)
	for p, t := range x.targets {
		if t == l {
			delete(x.targets, p)
		}
	}
	x.bytes -= lineOverhead + int64(len(l.source.Topic)) + l.bytes
	x.segments -= l.segments
}

func (x *Index) refresh(l *line) {
	if l.stale && len(l.view) > 0 {
		x.revision++
	}
	x.resize(l, func() { l.refresh(func(id chunkID) { x.changed(l, id) }) })
	if len(l.chunks) == 0 {
		x.drop(l)
		return
	}
	if n := len(l.view); n > 0 {
		x.targets[l.view[n-1].target] = l
	}
}

func (x *Index) changed(l *line, id chunkID) { x.edits[edit{l.source, id}] = struct{}{} }

// shrink thins until the index is an eighth below its budget, or nothing can
// be left out. Partitions with many segments come first.
func (x *Index) shrink() {
	if x.bytes <= x.cfg.Bytes {
		return
	}
	left := slices.Collect(maps.Values(x.lines))
	for enough := x.cfg.Bytes - x.cfg.Bytes/8; len(left) > 0; {
		most := 0
		for _, l := range left {
			most = max(most, l.segments)
		}
		left = slices.DeleteFunc(left, func(l *line) bool {
			if x.bytes <= enough || l.segments < most-most/4 {
				return false
			}
			before := l.bytes
			x.resize(l, func() { x.thinned += int64(l.thin(func(id chunkID) { x.changed(l, id) })) })
			return l.bytes >= before
		})
		if x.bytes <= enough {
			return
		}
	}
}

// trim forgets chunks that lie before the start of their target's log.
func (x *Index) trim(starts map[pipeline.Partition]int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, l := range x.lines {
		for id, b := range l.chunks {
			start, ok := starts[b.target]
			if ok && b != l.newest && !b.unreadable && b.runs.targetEnd <= start {
				x.resize(l, func() { l.remove(id) })
				x.changed(l, id)
			}
		}
		x.refresh(l)
	}
	x.metrics.set(x.stats())
}
