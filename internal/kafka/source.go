package kafka

import (
	"context"
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

	// Policies say what is done about trouble, and Trouble, if set, is told of
	// it on the loop's goroutine. With Target, the admin client of the target,
	// copies are looked at and emptied; it is shared. Without it neither is done.
	Policies Policies
	Trouble  func(Trouble)
	Target   *kadm.Client
	// Forget, if set, is told of a copy that is not what it was: TxnSink.Forget.
	Forget func(target pipeline.Partition)
	// DeadLetters makes the topic that the policy DeadLetter needs. It is asked
	// each time a record goes there.
	DeadLetters func(ctx context.Context) (DeadLetters, error)
	Flow        string // named in dead letters
	// Shared says that others write into the copies by design: they are never
	// emptied, for what the others wrote would be lost.
	Shared bool

	Logger *slog.Logger
}

// maxResponseBytes bounds one fetch response: a record batch of any size that a
// broker can hold by default must pass, also when it exceeds MaxBytes.
const maxResponseBytes = 512 << 20

// Assigned is one source partition that a lane copies.
type Assigned struct {
	pipeline.Partition
	TopicID kadm.TopicID
	// Target is the topic that the partition of the same number is copied to,
	// and TargetID its id; empty if unknown.
	Target   string
	TargetID kadm.TopicID
	// Latest starts a partition that has no mark at its end instead of its beginning.
	Latest bool
}

// Position is what is known of one partition of a source.
type Position struct {
	pipeline.Partition
	Next   int64     // next source offset to read
	End    int64     // last stable offset (high watermark when reading uncommitted) as last fetched; -1 unknown
	Newest time.Time // timestamp of the newest record read; zero if none
	Parked string    // why it is not copied; empty if it is
	// Lost are the source offsets given up so far, by committed marks.
	Lost map[Kind]int64
}

// Lag is the number of source offsets not read yet; 0 while End is unknown.
func (p Position) Lag() int64 { return max(p.End-p.Next, 0) }

// PartitionSource reads source partitions directly, without a group: which ones
// is said by Assign, where they start by the marks. Marks advance past control,
// aborted and filtered records. What goes wrong with one partition is treated as
// Policies say. It is an Observer of its own loop. Methods other than Assign and
// Positions are called by one goroutine.
type PartitionSource struct {
	cfg    SourceConfig
	client *kgo.Client
	queue  []*pipeline.Batch
	marks  pipeline.Marks               // where each partition resumes: as of Seek, moved on by every batch handed out
	others map[pipeline.Partition]int64 // where another tool stood, as of Seek
	active map[pipeline.Partition]*partition
	fresh  bool // the sink was just opened: nothing is in flight

	starting map[string]map[int32]kgo.Offset // what add is about to fetch
	looks    map[looked]kadm.TopicID         // what add has asked for

	found    map[pipeline.Partition]*finding  // trouble to treat when the partition is next added
	proposed map[pipeline.Partition]*proposal // marks that have to be committed before the partition goes on
	cautions map[pipeline.Partition]*caution  // partitions copied carefully
	told     map[pipeline.Partition]string    // trouble that was told of

	mu       sync.Mutex // guards what follows
	assigned map[pipeline.Partition]Assigned
	changed  bool
	status   map[pipeline.Partition]Position
	parked   map[pipeline.Partition]*parking
}

// partition is one partition being read.
type partition struct {
	Assigned
	key  string
	pos  Position
	mark Mark // at pos.Next: what the next batch's mark is made from
	// drained: parked, and everything before the refused offset was read.
	drained bool
	// held are records that were read and wait for their turn in a careful copy;
	// full, if so many that no more are fetched.
	held []*kgo.Record
	full bool
}

// passed makes the mark behind what was read.
func (p *partition) passed(next int64, epoch int32) string {
	p.pos.Next, p.mark.Offset, p.mark.Epoch = next, next, epoch
	return p.mark.encode()
}

// NewPartitionSource opens nothing.
func NewPartitionSource(cfg SourceConfig) *PartitionSource {
	cfg.MinBytes = orDefault(cfg.MinBytes, 1)
	cfg.MaxWait = orDefault(cfg.MaxWait, 500*time.Millisecond)
	cfg.MaxBytes = orDefault(cfg.MaxBytes, 2<<20)
	cfg.MaxPartitionBytes = min(orDefault(cfg.MaxPartitionBytes, 1<<20), cfg.MaxBytes)
	return &PartitionSource{
		cfg:      cfg,
		found:    map[pipeline.Partition]*finding{},
		proposed: map[pipeline.Partition]*proposal{},
		cautions: map[pipeline.Partition]*caution{},
		told:     map[pipeline.Partition]string{},
		status:   map[pipeline.Partition]Position{},
		parked:   map[pipeline.Partition]*parking{},
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
	s.reopened()
	s.again()
	if s.cfg.Resume != nil {
		if s.others, err = s.cfg.Resume(ctx); err != nil {
			return err
		}
	}
	s.fresh = true
	defer func() { s.fresh = false }()
	return s.apply(ctx)
}

// again makes the next Poll look at what is assigned.
func (s *PartitionSource) again() {
	s.mu.Lock()
	s.changed = true
	s.mu.Unlock()
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

// Poll implements pipeline.Source.
func (s *PartitionSource) Poll(ctx context.Context, wait time.Duration) (*pipeline.Batch, error) {
	if err := s.apply(ctx); err != nil {
		return nil, err
	}
	s.chunks()
	if len(s.queue) == 0 {
		if err := s.fetch(ctx, wait); err != nil {
			return nil, err
		}
		s.chunks()
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
