package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
	"mm2/topology"
)

const (
	// upkeep is how often the topic is brought in step with the index: often
	// enough that an overfull topic shrinks while it is read, seldom enough to
	// cost nothing.
	upkeep = 30 * time.Second
	// trimming is how often the starts of the copies are looked up. Brokers
	// apply retention every five minutes.
	trimming = 5 * time.Minute
	// silence is how long nothing comes of a partition before it counts as read
	// although its last offsets were not seen: compaction may have removed them,
	// or a hanging transaction hides them. What is missing then makes
	// translations early, never late.
	silence = 10 * time.Second
	// indexPatience bounds one request of the upkeep.
	indexPatience = 30 * time.Second
)

// Run fills the index and follows the topic until ctx ends (nil) or it cannot
// be read (an error; the caller runs it again after a pause). It also removes
// from the topic what the index no longer needs, unless it is ReadOnly; so it
// runs once in a flow, on the owner of lane 0. A second one at a time does no
// harm but for lost exactness: whatever they write is true.
func (x *Index) Run(ctx context.Context) error {
	x.reset()
	defer x.reset()
	t := &tail{x: x, topic: topology.SegmentsTopic(x.cfg.Flow.Source), marks: newMarks(x.cfg)}
	if err := t.run(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow %s: %w", t.topic, err)
	}
	return nil
}

// tail reads the segments topic.
type tail struct {
	x       *Index
	topic   string
	client  *kgo.Client
	adm     *kadm.Client
	missing map[int32]*unread // partitions not read up to where they ended at the start
	kept    time.Time         // when the last upkeep was
	trimmed time.Time
	next    map[int32]int64 // offsets to come of the topic's partitions
	marks   marks
}

type unread struct {
	end   int64
	heard time.Time // when something last came
}

func (t *tail) run(ctx context.Context) error {
	var err error
	t.client, err = t.x.cfg.Dialer.Client(t.x.cfg.Flow.String()+"|offset-map",
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxBytes(4<<20), kgo.FetchMaxWait(500*time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()))
	if err != nil {
		return err
	}
	defer t.client.Close()
	defer t.client.PurgeTopicsFromClient(t.topic, t.marks.topic) // waits for a fetch that is under way
	t.adm = kadm.NewClient(t.client)
	if err := t.seek(ctx); err != nil {
		return err
	}
	t.kept = time.Now()
	for {
		if err := t.countMarks(ctx); err != nil {
			return err
		}
		if err := t.settle(ctx); err != nil {
			return err
		}
		if err := t.poll(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		if !t.x.cfg.ReadOnly && t.x.Complete() && time.Since(t.kept) >= upkeep {
			t.tidy(ctx)
		}
	}
}

// seek starts at the beginning of every partition. Ends are listed first: what
// comes later is of no interest, but a start that moves past an old end would be.
func (t *tail) seek(ctx context.Context) error {
	starts, ends, err := t.listBounds(ctx, t.topic)
	if err != nil {
		return err
	}
	t.missing, t.next = map[int32]*unread{}, map[int32]int64{}
	from := map[int32]kgo.Offset{}
	starts.Each(func(start kadm.ListedOffset) {
		from[start.Partition] = kgo.NewOffset().At(start.Offset)
		t.next[start.Partition] = start.Offset
		if end, ok := ends.Lookup(t.topic, start.Partition); ok && end.Offset > start.Offset {
			t.missing[start.Partition] = &unread{end.Offset, time.Now()}
		}
	})
	if len(from) == 0 {
		return errors.New("the topic is not there")
	}
	t.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{t.topic: from})
	return t.seekMarks(ctx)
}

func (t *tail) listBounds(ctx context.Context, topic string) (starts, ends kadm.ListedOffsets, err error) {
	ends, err = t.adm.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list end offsets of %s: %w", topic, err)
	}
	starts, err = t.adm.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list start offsets of %s: %w", topic, err)
	}
	return starts, ends, nil
}

func (t *tail) poll(ctx context.Context) error {
	wait := upkeep
	if len(t.missing) > 0 {
		wait = silence
	}
	if t.marks.pending() {
		wait = markPause
	}
	pctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	fs := t.client.PollFetches(pctx)
	if pctx.Err() != nil && fs.NumRecords() == 0 {
		return nil // silence, or asked to stop
	}
	for _, e := range fs.Errors() {
		if !errors.Is(e.Err, context.DeadlineExceeded) && !errors.Is(e.Err, context.Canceled) {
			return fmt.Errorf("partition %d: %w", e.Partition, e.Err)
		}
	}
	var records []*kgo.Record
	for it := fs.RecordIter(); !it.Done(); {
		if r := it.Next(); r.Topic == t.topic {
			records = append(records, r)
		} else {
			t.marks.take(r)
		}
	}
	t.x.apply(records)
	for _, r := range records {
		t.next[r.Partition] = r.Offset + 1
		if u := t.missing[r.Partition]; u == nil {
			continue
		} else if u.heard = time.Now(); r.Offset+1 >= u.end {
			delete(t.missing, r.Partition)
		}
	}
	return nil
}

// settle makes the index ready when all was read.
func (t *tail) settle(ctx context.Context) error {
	if t.x.Complete() {
		return nil
	}
	if !t.marks.ready() && len(t.missing) == 0 {
		return nil
	}
	for _, u := range t.missing {
		if time.Since(u.heard) < silence {
			return nil
		}
	}
	if len(t.missing) > 0 {
		// Silent because there is nothing more, or because nobody answers?
		if _, err := t.adm.ListCommittedOffsets(ctx, t.topic); err != nil {
			return fmt.Errorf("list offsets: %w", err)
		}
	}
	st := t.x.finish()
	t.x.log.Info("offset map read", "partitions", st.Partitions, "segments", st.Segments, "bytes", st.Bytes, "unread", len(t.missing))
	t.missing = nil
	return nil
}

func (x *Index) finish() IndexStats {
	x.mu.Lock()
	defer x.mu.Unlock()
	close(x.ready)
	x.revision++
	st := x.stats()
	x.metrics.set(st)
	return st
}

// tidy brings the topic in step with the index. What fails is tried again at
// the next upkeep: until then the topic is larger than it need be.
func (t *tail) tidy(ctx context.Context) {
	t.kept = time.Now()
	ctx, cancel := context.WithTimeout(ctx, indexPatience)
	defer cancel()
	err := t.trim(ctx)
	if werr := t.write(ctx); err == nil {
		err = werr
	}
	if err != nil && ctx.Err() == nil {
		t.x.log.Warn("the offset map's topic is not tidied, trying again", "topic", t.topic, "err", err)
	}
}

// trim drops chunks whose records the copies no longer have.
func (t *tail) trim(ctx context.Context) error {
	if time.Since(t.trimmed) < trimming {
		return nil
	}
	t.trimmed = time.Now()
	topics := t.x.copies()
	if len(topics) == 0 {
		return nil
	}
	listed, err := t.adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return fmt.Errorf("list start offsets of the copies: %w", err)
	}
	starts := map[pipeline.Partition]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			starts[pipeline.Partition{Topic: o.Topic, Partition: o.Partition}] = o.Offset
		}
	})
	t.x.trim(starts)
	return nil
}

// copies are the names of the target topics.
func (x *Index) copies() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	names := map[string]struct{}{}
	for p := range x.targets {
		names[p.Topic] = struct{}{}
	}
	return slices.Collect(maps.Keys(names))
}

// write produces what the topic lacks.
func (t *tail) write(ctx context.Context) error {
	edits, records := t.x.pending(t.topic)
	if len(records) == 0 {
		return nil
	}
	if err := t.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.x.again(edits)
		return fmt.Errorf("write %d chunks: %w", len(records), err)
	}
	t.x.log.Debug("offset map tidied", "chunks", len(records))
	return nil
}

// pending takes the edits, as records: chunks first, then tombstones for those
// that went into them. A crash in between leaves both, which agree.
func (x *Index) pending(topic string) (map[edit]struct{}, []*kgo.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	edits := x.edits
	x.edits = map[edit]struct{}{}
	records := make([]*kgo.Record, 0, len(edits))
	for e := range edits {
		l := x.lines[e.source]
		if l == nil {
			continue
		}
		r := &kgo.Record{Topic: topic, Partition: l.lane, Key: e.id.key(e.source)}
		switch b := l.chunks[e.id]; {
		case b == nil:
		case b.runs.n == 0:
			continue // of a source topic that is gone: the topic keeps what it has
		case b.thinned:
			c := chunk{source: e.source, id: e.id, identity: *b.identity, order: b.order, from: b.from, next: b.next, thinned: true, runs: b.runs}
			r.Value = c.encode()
		default:
			continue // its lane has written it since, without a fence
		}
		records = append(records, r)
	}
	slices.SortStableFunc(records, func(a, b *kgo.Record) int { return cmp.Compare(len(b.Value), len(a.Value)) })
	return edits, records
}

func (x *Index) again(edits map[edit]struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	maps.Copy(x.edits, edits)
}
