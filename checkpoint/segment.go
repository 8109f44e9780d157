package checkpoint

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// SegmentsTopic is the topic on the target in which the offset map of a flow is
// kept. It must exist before a lane writes into it: a transaction that cannot
// reach it fails with the records.
func SegmentsTopic(source topology.Alias, lanes int, replicationFactor int16) kafka.InternalTopic {
	return kafka.InternalTopic{
		Name: topology.SegmentsTopic(source), Partitions: int32(lanes), ReplicationFactor: replicationFactor,
		ReplicationSetting: "lanes_replication_factor",
		// A busy chunk is written again with each commit until it is full: the
		// topic is mostly what compaction removes, and it is read from its
		// start whenever lane 0 is taken.
		Configs: map[string]string{"segment.bytes": "16777216", "min.cleanable.dirty.ratio": "0.1"},
	}
}

// SegmentConfig is what a [SegmentWriter] needs.
type SegmentConfig struct {
	Topic string // topology.SegmentsTopic
	Lane  int32  // which is the partition

	// RemoteTopic names the copy of a source topic. Records that a stage sent
	// elsewhere are not copies and get no place in the map.
	RemoteTopic func(topic string) string
	// TopicID, if set, is the id of a target topic, empty if unknown, for marks
	// that do not say. It shows that a target topic was made anew. Called from
	// the lane's goroutine.
	TopicID func(topic string) string

	// AtLeastOnce: there are no transactions, and no markers behind the records.
	AtLeastOnce bool
}

// SegmentWriter adds to each transaction of one lane what it makes true of the
// offset map: for each partition that it touches, the open chunk as it is
// then. It implements kafka.Companion, and is made anew each time the lane is
// taken.
//
// It holds what the transactions of one owner have said, and nothing survives
// a failure: a sink that opened afresh claims the lane, and with the claim all
// chunks are left as they were last committed and new ones begin.
type SegmentWriter struct {
	cfg        SegmentConfig
	generation int64
	open       map[pipeline.Partition]*openChunk
}

// NewSegmentWriter returns a writer without open chunks.
func NewSegmentWriter(cfg SegmentConfig) *SegmentWriter {
	if cfg.TopicID == nil {
		cfg.TopicID = func(string) string { return "" }
	}
	return &SegmentWriter{cfg: cfg, generation: time.Now().UnixMilli(), open: map[pipeline.Partition]*openChunk{}}
}

// openChunk is a chunk that still grows.
type openChunk struct {
	chunk         // without the last run
	last   run    // of the chunk; it can still grow
	dirty  bool   // has something that no record says
	remote string // name of the copy
}

type run struct{ source, target, count int64 }

func (r run) sourceEnd() int64 { return r.source + r.count }
func (r run) targetEnd() int64 { return r.target + r.count }

// Partitions implements kafka.Companion.
func (w *SegmentWriter) Partitions() []pipeline.Partition {
	return []pipeline.Partition{{Topic: w.cfg.Topic, Partition: w.cfg.Lane}}
}

// Records implements kafka.Companion.
func (w *SegmentWriter) Records(next pipeline.Marks, segments []pipeline.Segment) []*kgo.Record {
	if kafka.IsClaim(next) {
		clear(w.open)
		w.restart()
		return nil
	}
	t := &transaction{w: w, touched: map[pipeline.Partition]kafka.Mark{}}
	for i := range segments {
		if !w.copies(&segments[i]) {
			continue
		}
		mark, ok := t.touched[segments[i].Source]
		if !ok {
			mark = markOf(next, segments[i].Source)
			t.touched[segments[i].Source] = mark
			t.identify(segments[i:], mark)
		}
		t.add(&segments[i], mark)
	}
	for p, mark := range t.touched {
		t.write(w.open[p], mark.Offset)
	}
	return t.records
}

// restart begins a generation that nobody has used: workers take time to fail.
func (w *SegmentWriter) restart() { w.generation = max(w.generation+1, time.Now().UnixMilli()) }

// copies tells whether the segment is about the partition's own copy.
func (w *SegmentWriter) copies(s *pipeline.Segment) bool {
	if s.Count <= 0 || s.Target.Partition != s.Source.Partition {
		return false
	}
	if c := w.open[s.Source]; c != nil {
		return c.remote == s.Target.Topic
	}
	return w.cfg.RemoteTopic(s.Source.Topic) == s.Target.Topic
}

// markOf is where a partition resumes once the transaction is committed; zero
// if that is not known.
func markOf(next pipeline.Marks, p pipeline.Partition) kafka.Mark {
	var m kafka.Mark
	if err := json.Unmarshal([]byte(next[kafka.MarkKey(p)]), &m); err != nil {
		return kafka.Mark{} // not a mark of Kafka: the segments say enough
	}
	return m
}

func (w *SegmentWriter) targetID(mark kafka.Mark, topic string) string {
	return cmp.Or(mark.TargetID, w.cfg.TopicID(topic))
}

// transaction is one call of Records.
type transaction struct {
	w       *SegmentWriter
	touched map[pipeline.Partition]kafka.Mark
	records []*kgo.Record
}

// identify closes the partition's chunk when a topic was made anew. A source
// topic may have been replaced within the transaction, whose mark names the new
// one: then offsets start over among the segments, and add closes the chunk
// there.
func (t *transaction) identify(segments []pipeline.Segment, mark kafka.Mark) {
	p := segments[0].Source
	c := t.w.open[p]
	if c == nil {
		return
	}
	targetID := t.w.targetID(mark, c.target.Topic)
	switch {
	case !same(c.targetID, targetID), !same(c.sourceID, mark.TopicID) && !startsOver(segments, c.last.sourceEnd()):
		t.close(c)
		t.w.restart()
		delete(t.w.open, p)
		return
	case c.targetID == "":
		c.targetID = targetID
	}
	if c.sourceID == "" {
		c.sourceID = mark.TopicID
	}
}

// startsOver tells whether the segments of the first one's partition go back
// behind end or one another.
func startsOver(segments []pipeline.Segment, end int64) bool {
	p := segments[0].Source
	for i := range segments {
		switch s := &segments[i]; {
		case s.Source != p:
		case s.SourceBase < end:
			return true
		default:
			end = s.SourceBase + s.Count
		}
	}
	return false
}

func (t *transaction) add(s *pipeline.Segment, mark kafka.Mark) {
	r := run{s.SourceBase, s.TargetBase, s.Count}
	c := t.w.open[s.Source]
	switch {
	case c == nil:
		t.begin(s, mark, r.source)
	case r.source < c.last.sourceEnd() || r.target < c.last.targetEnd():
		// The copy starts over, or the source or the target lost its end.
		t.close(c)
		t.w.restart()
		t.begin(s, mark, r.source)
	case r.source == c.last.sourceEnd() && r.target == c.last.targetEnd():
		c.last.count += r.count
		c.dirty = true
	case c.runs.n+1 == maxRuns:
		t.close(c)
		t.begin(s, mark, min(c.next, r.source))
	default:
		c.runs.add(c.last.source, c.last.target, c.last.count)
		c.last, c.dirty = r, true
	}
}

// begin opens a chunk that knows of everything from an offset on.
func (t *transaction) begin(s *pipeline.Segment, mark kafka.Mark, from int64) {
	c := &openChunk{
		chunk: chunk{
			source: s.Source, id: chunkID{t.w.generation, s.TargetBase}, order: -1, from: from,
			identity: identity{target: s.Target, sourceID: mark.TopicID, targetID: t.w.targetID(mark, s.Target.Topic)},
		},
		last: run{s.SourceBase, s.TargetBase, s.Count}, dirty: true, remote: s.Target.Topic,
	}
	if !t.w.cfg.AtLeastOnce {
		c.tail = 1
	}
	t.w.open[s.Source] = c
}

// close ends a chunk in the middle of the transaction.
func (t *transaction) close(c *openChunk) { t.write(c, 0) }

// write adds the record of the chunk if it has news. What was read up to next
// is in the chunk or was not copied.
func (t *transaction) write(c *openChunk, next int64) {
	if !c.dirty {
		return
	}
	c.dirty, c.next = false, max(next, c.last.sourceEnd())
	whole := c.chunk
	whole.runs.data = slices.Clip(whole.runs.data)
	whole.runs.add(c.last.source, c.last.target, c.last.count)
	t.records = append(t.records, &kgo.Record{
		Topic: t.w.cfg.Topic, Partition: t.w.cfg.Lane, Key: whole.id.key(whole.source), Value: whole.encode(),
	})
}
