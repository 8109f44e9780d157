package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// SourceConfig is what a PartitionSource needs. Zero tuning fields mean the
// default named beside them.
type SourceConfig struct {
	Dialer *Dialer
	Role   string
	Admin  *kadm.Client // of the source; shared, not closed by the source

	ReadUncommitted bool

	MinBytes          int32         // 1
	MaxWait           time.Duration // 500 ms, as Java
	MaxBytes          int32         // 2 MiB for each broker: what is fetched ahead, before decompression
	MaxPartitionBytes int32         // 1 MiB, as Java

	// Limit, if set, is called with the uncompressed bytes of each batch before
	// it is handed out and may wait.
	Limit func(ctx context.Context, bytes int64) error

	// Latest, if set, allows partitions that ask for it (Assigned.Latest) to
	// start at their end: true while the lane was never owned before.
	Latest func() bool

	// Resume, if set, is asked at each Seek, which comes after the fence and
	// the marks, where another tool's copying of a partition ended: the next
	// offset. It counts for partitions that have no mark or a smaller one.
	Resume func(ctx context.Context) (map[pipeline.Partition]int64, error)

	Logger *slog.Logger
}

// maxResponseBytes bounds one fetch response: a record batch of any size that a
// broker can hold by default must pass, also when it exceeds MaxBytes.
const maxResponseBytes = 512 << 20

// Assigned is one source partition that a lane copies.
type Assigned struct {
	pipeline.Partition
	TopicID kadm.TopicID
	// Latest starts a partition that has no mark at its end instead of its beginning.
	Latest bool
}

// Mark is where a source partition resumes. It is stored as JSON.
type Mark struct {
	Offset  int64  `json:"offset"`          // next source offset
	Epoch   int32  `json:"epoch"`           // leader epoch of the last record; -1 unknown
	TopicID string `json:"topic,omitempty"` // topic id, base64; empty on brokers without
}

// MarkKey is the key under which a partition's mark is stored.
func MarkKey(p pipeline.Partition) string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

func (m Mark) encode() string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode mark %+v: %v", m, err)) // two numbers and a string
	}
	return string(b)
}

// Position is what is known of one partition of a source.
type Position struct {
	pipeline.Partition
	Next   int64     // next source offset to read
	End    int64     // last stable offset (high watermark when reading uncommitted) as last fetched; -1 unknown
	Newest time.Time // timestamp of the newest record read; zero if none
	Parked string    // why it is not copied; empty if it is
}

// Lag is the number of source offsets not read yet; 0 while End is unknown.
func (p Position) Lag() int64 { return max(p.End-p.Next, 0) }

// PartitionSource reads source partitions directly, without a group: which ones
// is said by Assign, where they start by the marks. Marks advance past control,
// aborted and filtered records. Methods other than Assign and Positions are
// called by one goroutine.
type PartitionSource struct {
	cfg    SourceConfig
	client *kgo.Client
	queue  []*pipeline.Batch
	marks  pipeline.Marks // where each partition resumes: as of Seek, moved on by every batch handed out
	resume map[pipeline.Partition]int64
	active map[pipeline.Partition]*partition

	mu       sync.Mutex // guards what follows
	assigned map[pipeline.Partition]Assigned
	changed  bool
	status   map[pipeline.Partition]Position
	parked   map[pipeline.Partition]*parking
}

// partition is one partition being read.
type partition struct {
	Assigned
	key string
	pos Position
	// drained: parked, and everything before the refused offset was read.
	drained bool
}

// NewPartitionSource opens nothing.
func NewPartitionSource(cfg SourceConfig) *PartitionSource {
	cfg.MinBytes = orDefault(cfg.MinBytes, 1)
	cfg.MaxWait = orDefault(cfg.MaxWait, 500*time.Millisecond)
	cfg.MaxBytes = orDefault(cfg.MaxBytes, 2<<20)
	cfg.MaxPartitionBytes = min(orDefault(cfg.MaxPartitionBytes, 1<<20), cfg.MaxBytes)
	return &PartitionSource{
		cfg:    cfg,
		status: map[pipeline.Partition]Position{},
		parked: map[pipeline.Partition]*parking{},
	}
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Assign replaces the set of partitions to read. It takes effect at the next
// Poll. Safe for concurrent use.
func (s *PartitionSource) Assign(parts []Assigned) {
	set := make(map[pipeline.Partition]Assigned, len(parts))
	for _, p := range parts {
		set[p.Partition] = p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !maps.Equal(set, s.assigned) {
		s.assigned, s.changed = set, true
	}
}

// Positions is a snapshot of every assigned partition, sorted. Safe for
// concurrent use.
func (s *PartitionSource) Positions() []Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, now := make([]Position, 0, len(s.status)), time.Now()
	for p, pos := range s.status {
		if park := s.parked[p]; park.holds(now) {
			pos.Parked = park.reason
		}
		out = append(out, pos)
	}
	slices.SortFunc(out, func(a, b Position) int { return comparePartitions(a.Partition, b.Partition) })
	return out
}

func comparePartitions(a, b pipeline.Partition) int {
	switch {
	case a.Topic < b.Topic:
		return -1
	case a.Topic > b.Topic:
		return 1
	}
	return int(a.Partition - b.Partition)
}

// Seek implements pipeline.Source. It starts with a new client: what the old
// one had buffered or in flight belongs to what was aborted.
func (s *PartitionSource) Seek(ctx context.Context, to pipeline.Marks) error {
	s.Close()
	isolation := kgo.ReadCommitted()
	if s.cfg.ReadUncommitted {
		isolation = kgo.ReadUncommitted()
	}
	cl, err := s.cfg.Dialer.Client(s.cfg.Role,
		kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMinBytes(s.cfg.MinBytes), kgo.FetchMaxWait(s.cfg.MaxWait), kgo.FetchMaxBytes(s.cfg.MaxBytes),
		kgo.FetchMaxPartitionBytes(s.cfg.MaxPartitionBytes), kgo.BrokerMaxReadBytes(maxResponseBytes))
	if err != nil {
		return err
	}
	s.client, s.queue, s.marks = cl, nil, pipeline.Marks{}
	s.marks.Merge(to)
	s.active = map[pipeline.Partition]*partition{}
	s.mu.Lock()
	s.changed = true
	s.mu.Unlock()
	if s.cfg.Resume != nil {
		if s.resume, err = s.cfg.Resume(ctx); err != nil {
			return err
		}
	}
	return s.apply(ctx)
}

// Close stops fetching. Seek starts again.
func (s *PartitionSource) Close() {
	if s.client == nil {
		return
	}
	// A client that is closed while it starts a fetch races with itself;
	// taking its partitions away first waits for what is under way.
	var all []*partition
	for _, p := range s.active {
		all = append(all, p)
	}
	s.remove(all)
	s.client.Close()
	s.client, s.active, s.queue = nil, nil, nil
}

// apply brings the client's partitions in step with Assign and parking.
func (s *PartitionSource) apply(ctx context.Context) error {
	want, ok := s.wanted()
	if !ok {
		return nil
	}
	var gone []*partition
	for p, a := range s.active {
		if w, keep := want[p]; !keep || w.TopicID != a.TopicID || a.drained && s.refused(p) < 0 {
			gone = append(gone, a)
			delete(s.active, p)
		}
	}
	s.remove(gone)
	var fresh []Assigned
	for p, a := range want {
		if s.active[p] == nil {
			fresh = append(fresh, a)
		}
	}
	if err := s.add(ctx, fresh); err != nil {
		s.mu.Lock()
		s.changed = true // try again at the next Poll
		s.mu.Unlock()
		return err
	}
	return nil
}

// wanted are the partitions to read now, or false if nothing changed.
func (s *PartitionSource) wanted() (map[pipeline.Partition]Assigned, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for p, park := range s.parked {
		if _, ok := s.assigned[p]; !ok {
			delete(s.parked, p)
		} else if a := s.active[p]; (a == nil || a.drained) && !park.holds(now) {
			s.changed = true
		}
	}
	if !s.changed {
		return nil, false
	}
	s.changed = false
	want := make(map[pipeline.Partition]Assigned, len(s.assigned))
	for p, a := range s.assigned {
		// A partition that the target refused is read up to the refused offset.
		if park := s.parked[p]; !park.holds(now) || park.refused && s.before(p, park.offset) {
			want[p] = a
		}
		if _, ok := s.status[p]; !ok {
			s.status[p] = Position{Partition: p, End: -1}
		}
	}
	for p := range s.status {
		if _, ok := s.assigned[p]; !ok {
			delete(s.status, p)
		}
	}
	return want, true
}

func (s *PartitionSource) remove(gone []*partition) {
	if len(gone) == 0 {
		return
	}
	set := map[string][]int32{}
	for _, p := range gone {
		set[p.Topic] = append(set[p.Topic], p.Partition.Partition)
	}
	s.client.RemoveConsumePartitions(set)
	s.queue = slices.DeleteFunc(s.queue, func(b *pipeline.Batch) bool { return slices.Contains(set[b.Source.Topic], b.Source.Partition) })
}

// add starts partitions at their marks, or where the configuration says. The
// start of a partition without a mark becomes a mark at the first commit, so
// that the next owner does not look for another one.
func (s *PartitionSource) add(ctx context.Context, fresh []Assigned) error {
	if len(fresh) == 0 {
		return nil
	}
	offsets := map[string]map[int32]kgo.Offset{}
	var unmarked []Assigned
	begin := func(a Assigned, m Mark) {
		if offsets[a.Topic] == nil {
			offsets[a.Topic] = map[int32]kgo.Offset{}
		}
		offsets[a.Topic][a.Partition.Partition] = kgo.NewOffset().At(m.Offset).WithEpoch(m.Epoch)
		s.active[a.Partition] = &partition{Assigned: a, key: MarkKey(a.Partition), pos: Position{Partition: a.Partition, Next: m.Offset, End: -1}}
		s.publish(s.active[a.Partition])
	}
	resumed := 0
	for _, a := range fresh {
		text, ok := s.marks[MarkKey(a.Partition)]
		if !ok {
			if m, ok := s.further(a, Mark{Offset: -1}); ok {
				s.note(a.Partition, m, false)
				begin(a, m)
				resumed++
				continue
			}
			unmarked = append(unmarked, a)
			continue
		}
		var m Mark
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return &pipeline.FatalError{Err: fmt.Errorf("mark of %s partition %d is %q: %w", a.Topic, a.Partition.Partition, text, err)}
		}
		if id := topicID(a.TopicID); m.TopicID != "" && id != "" && m.TopicID != id {
			s.park(a.Partition, m.Offset, fmt.Errorf("topic %s was deleted and created again on the source: its id was %s and is %s. What was copied up to offset %d belongs to the old topic", a.Topic, m.TopicID, id, m.Offset), false)
			continue
		}
		if m, ok = s.further(a, m); ok {
			s.note(a.Partition, m, false)
			resumed++
		}
		begin(a, m)
	}
	if resumed > 0 {
		s.cfg.Logger.Info("partitions go on where another tool stood", "partitions", resumed)
	}
	starts, err := s.starts(ctx, unmarked)
	if err != nil {
		return err
	}
	for _, a := range unmarked {
		m := Mark{Offset: starts[a.Partition], Epoch: -1, TopicID: topicID(a.TopicID)}
		s.note(a.Partition, m, a.Latest) // the end moves: another owner would find another one
		begin(a, m)
	}
	if len(offsets) > 0 {
		s.client.AddConsumePartitions(offsets)
	}
	return nil
}

func topicID(id kadm.TopicID) string {
	if id == (kadm.TopicID{}) {
		return ""
	}
	return id.String()
}

// starts resolves where partitions without a mark begin.
func (s *PartitionSource) starts(ctx context.Context, parts []Assigned) (map[pipeline.Partition]int64, error) {
	out := make(map[pipeline.Partition]int64, len(parts))
	for i := range parts {
		parts[i].Latest = parts[i].Latest && s.cfg.Latest != nil && s.cfg.Latest()
	}
	latestOffsets := s.cfg.Admin.ListCommittedOffsets
	if s.cfg.ReadUncommitted {
		latestOffsets = s.cfg.Admin.ListEndOffsets
	}
	for _, latest := range []bool{false, true} {
		topics := map[string]bool{}
		for _, p := range parts {
			if p.Latest == latest {
				topics[p.Topic] = true
			}
		}
		if len(topics) == 0 {
			continue
		}
		list := s.cfg.Admin.ListStartOffsets
		if latest {
			list = latestOffsets
		}
		got, err := list(ctx, slices.Collect(maps.Keys(topics))...)
		if err != nil {
			return nil, fmt.Errorf("list source offsets: %w", err)
		}
		for _, p := range parts {
			if p.Latest != latest {
				continue
			}
			o, ok := got.Lookup(p.Topic, p.Partition.Partition)
			if ok && o.Err == nil {
				out[p.Partition] = o.Offset
				continue
			}
			if !ok {
				return nil, fmt.Errorf("list source offsets: %s partition %d is not there yet", p.Topic, p.Partition.Partition)
			}
			return nil, fmt.Errorf("list source offsets of %s partition %d: %w", p.Topic, p.Partition.Partition, o.Err)
		}
	}
	return out, nil
}

// behindWait is how long an empty poll waits when the source is known to hold
// more: long enough for a fetch under way to arrive, short enough that an open
// transaction is not held up by a stalled broker.
const behindWait = 20 * time.Millisecond

// Poll implements pipeline.Source.
func (s *PartitionSource) Poll(ctx context.Context, wait time.Duration) (*pipeline.Batch, error) {
	if err := s.apply(ctx); err != nil {
		return nil, err
	}
	if len(s.queue) == 0 {
		if err := s.fetch(ctx, wait); err != nil {
			return nil, err
		}
	}
	if len(s.queue) == 0 {
		return nil, nil
	}
	b := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.marks.Merge(b.Next)
	b.Read = time.Now()
	if s.cfg.Limit != nil && b.Bytes > 0 {
		if err := s.cfg.Limit(ctx, b.Bytes); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (s *PartitionSource) fetch(ctx context.Context, wait time.Duration) error {
	if wait == 0 && s.behind() {
		wait = behindWait
	}
	var fs kgo.Fetches
	if wait == 0 {
		fs = s.client.PollFetches(nil) //nolint:staticcheck // nil is kgo's way to ask for what is buffered
	} else {
		pctx, cancel := context.WithTimeout(ctx, wait)
		fs = s.client.PollFetches(pctx)
		cancel()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var err error
	fs.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil && err == nil {
			err = s.fetchError(ctx, p)
		}
		s.take(p)
	})
	return err
}

func (s *PartitionSource) behind() bool {
	for _, p := range s.active {
		if !p.drained && p.pos.Lag() > 0 {
			return true
		}
	}
	return false
}

// take queues what was fetched of one partition.
func (s *PartitionSource) take(fp kgo.FetchTopicPartition) {
	p := s.active[pipeline.Partition{Topic: fp.Topic, Partition: fp.Partition}]
	if p == nil {
		return
	}
	if end := s.end(fp.FetchPartition); end >= 0 {
		p.pos.End = end
	}
	records := fp.Records
	if limit := s.refused(p.Partition); limit >= 0 {
		n := len(records)
		records = slices.DeleteFunc(records, func(r *kgo.Record) bool { return r.Offset >= limit })
		s.reached(p, len(records) < n)
	}
	for len(records) > 0 {
		b := &pipeline.Batch{Source: p.Partition, Base: p.pos.Next}
		n := fill(b, records)
		last := records[n-1]
		records = records[n:]
		b.Limit = last.Offset + 1
		b.Next = pipeline.Marks{p.key: Mark{Offset: b.Limit, Epoch: last.LeaderEpoch, TopicID: topicID(p.TopicID)}.encode()}
		p.pos.Next = b.Limit
		if b.Newest.After(p.pos.Newest) {
			p.pos.Newest = b.Newest
		}
		s.queue = append(s.queue, b)
	}
	s.publish(p)
}

func (s *PartitionSource) end(p kgo.FetchPartition) int64 {
	if s.cfg.ReadUncommitted || p.LastStableOffset < 0 {
		return p.HighWatermark
	}
	return p.LastStableOffset
}

// batchBytes bounds a batch that is handed out, uncompressed: a slow link must
// be able to commit a few of them within the transaction timeout.
const batchBytes = 256 << 10

// fill moves fetched records into a batch, without the control records, and
// tells how many it has taken: at least one, and no more than batchBytes need.
func fill(b *pipeline.Batch, fetched []*kgo.Record) (n int) {
	records := make([]pipeline.Record, 0, min(len(fetched), batchBytes>>9))
	for n < len(fetched) && b.Bytes < batchBytes {
		r := fetched[n]
		n++
		if r.Attrs.IsControl() {
			continue
		}
		records = append(records, pipeline.Record{Record: r, From: r.Offset})
		b.Bytes += int64(len(r.Key) + len(r.Value))
		b.ValueBytes += int64(len(r.Value))
		for i := range r.Headers {
			b.Bytes += int64(len(r.Headers[i].Key) + len(r.Headers[i].Value))
		}
		b.Times.Add(r.Timestamp)
	}
	b.SetRecords(records)
	return n
}

func (s *PartitionSource) publish(p *partition) {
	s.mu.Lock()
	s.status[p.Partition] = p.pos
	s.mu.Unlock()
}
