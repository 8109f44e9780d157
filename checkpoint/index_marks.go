package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// marks follows the marks of a flow whose copies lie among records of others.
//
// A mark says that everything before it was read, and that it is copied or is
// not the flow's to copy. With all chunks at hand that were committed up to the
// mark it says where on the source the first record can be that a reader of all
// known copies has not read. So a mark counts only after the segments topic was
// read up to where it ended when the mark was at hand.
type marks struct {
	topic string // of the lanes; empty: marks are not followed
	// missing are its partitions that were not read to where they ended at the
	// start.
	missing map[int32]*unread
	began   time.Time

	heard map[pipeline.Partition]kafka.Mark // since ends were last listed
	due   map[pipeline.Partition]kafka.Mark // count when nothing is unread
	// unread are the partitions of the segments topic that due waits for.
	unread map[int32]int64
	listed time.Time
	counts bool // the first ones do
}

// markPause is the shortest time between two looks at where the segments topic
// ends.
const markPause = 500 * time.Millisecond

func newMarks(cfg IndexConfig) marks {
	m := marks{heard: map[pipeline.Partition]kafka.Mark{}}
	if cfg.SameNames {
		m.topic = topology.LanesTopic(cfg.Flow.Source)
	}
	return m
}

// seekMarks starts at the beginning of every lane.
func (t *tail) seekMarks(ctx context.Context) error {
	m := &t.marks
	if m.topic == "" {
		return nil
	}
	starts, ends, err := t.listBounds(ctx, m.topic)
	if err != nil {
		return err
	}
	from := map[int32]kgo.Offset{}
	m.missing, m.began = map[int32]*unread{}, time.Now()
	starts.Each(func(start kadm.ListedOffset) {
		from[start.Partition] = kgo.NewOffset().At(start.Offset)
		if end, ok := ends.Lookup(m.topic, start.Partition); ok && end.Offset > start.Offset {
			m.missing[start.Partition] = &unread{end.Offset, time.Now()}
		}
	})
	t.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{m.topic: from})
	return nil
}

// ready tells whether the marks count that were there at the start, or there is
// no use waiting for them: until they do positions are early, never late.
func (m *marks) ready() bool {
	return m.topic == "" || m.counts || time.Since(m.began) >= silence
}

// pending tells whether there is something to do soon.
func (m *marks) pending() bool {
	return m.topic != "" && (m.due != nil || len(m.heard) > 0 || !m.ready())
}

// take keeps the newest mark of each partition. A claim is none.
func (m *marks) take(r *kgo.Record) {
	if u := m.missing[r.Partition]; u != nil && r.Offset+1 >= u.end {
		delete(m.missing, r.Partition)
	}
	p, ok := kafka.MarkPartition(string(r.Key))
	if !ok || r.Attrs.IsControl() {
		return
	}
	var mark kafka.Mark // none, if it was removed or cannot be read
	if err := json.Unmarshal(r.Value, &mark); r.Value != nil && err != nil {
		mark = kafka.Mark{}
	}
	m.heard[p] = mark
}

// readOnce tells whether the lanes were read to where they ended at the start,
// or nothing more comes of them.
func (m *marks) readOnce() bool { return len(m.missing) == 0 || time.Since(m.began) >= silence }

// countMarks lets marks count whose chunks were read. It is called after each poll.
func (t *tail) countMarks(ctx context.Context) error {
	m := &t.marks
	if m.topic == "" || !m.counts && !m.readOnce() {
		return nil
	}
	if m.due != nil {
		for p, end := range m.unread {
			if t.next[p] < end {
				return nil
			}
		}
		t.x.pass(m.due)
		m.due, m.counts = nil, true
	}
	if len(m.heard) == 0 && m.counts || time.Since(m.listed) < markPause {
		return nil
	}
	m.listed = time.Now()
	ends, err := t.adm.ListCommittedOffsets(ctx, t.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("list end offsets: %w", err)
	}
	m.due, m.heard, m.unread = m.heard, map[pipeline.Partition]kafka.Mark{}, map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) { m.unread[o.Partition] = o.Offset })
	return t.countMarks(ctx)
}

// pass notes marks that count.
func (x *Index) pass(marks map[pipeline.Partition]kafka.Mark) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for p, m := range marks {
		before := x.passed[p]
		if m.Offset < before.Offset || !same(m.TopicID, before.TopicID) {
			x.revision++
		}
		x.passed[p] = m
	}
}

// Beside is Backward where copies lie among records of others, of which
// something is always known once everything was read: no record of the source
// before the mark is to be read behind the last copy, or where there is none.
// Without a mark the beginning of the source skips nothing.
func (x *Index) Beside(target pipeline.Partition, offset int64) Translation {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if !x.isReady() {
		return Translation{}
	}
	l, m := x.targets[target], x.passed[target] // the source has its name
	beside := Translation{Target: target, TargetID: m.TopicID, Offset: m.Offset, Known: true, bound: m.Offset, bounded: m.Offset > 0}
	switch {
	case l == nil:
		return beside
	case !x.usable(l):
		return Translation{Target: target, Known: true}
	}
	last := l.view[len(l.view)-1]
	if !same(m.TopicID, last.sourceID) {
		return beside // the map is of a topic that is no more
	}
	t := l.backwards(offset)
	if offset >= last.targetEnd && m.Offset > t.Offset {
		t.Offset, t.bound = m.Offset, m.Offset
	}
	return t
}
