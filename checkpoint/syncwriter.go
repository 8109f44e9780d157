package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// SyncWriterConfig says which offset syncs a [SyncWriter] writes and where.
type SyncWriterConfig struct {
	Flow              topology.Flow
	OnTarget          bool  // the topic lives on the target (offset-syncs.topic.location)
	LagMax            int64 // offset.lag.max: how many records a translation may lag; 0 or more
	ReplicationFactor int16 // of the topic if it is created; -1 is the cluster's default
}

// SyncWriterDeps are what a [SyncWriter] works with. All are required, and the
// client is the caller's to close after Run has returned.
type SyncWriterDeps struct {
	// Client is on the cluster that the topic lives on, made with
	// [SyncClientOpts] and used for nothing else.
	Client  *kgo.Client
	Metrics *SyncMetrics
	Logger  *slog.Logger // names the flow already
}

// SyncClientOpts are the options that the client of a [SyncWriter] needs: an
// idempotent producer that gives up a record in time rather than write it when
// the lane may long be another worker's. Writing a sync twice does no harm.
func SyncClientOpts() []kgo.Opt {
	return []kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0), // a round is written at once
		kgo.AllowIdempotentProduceCancellation(),
	}
}

// SyncWriter writes the offset syncs of one worker's lanes in one flow, in the
// format and with the spacing of Java MirrorMaker 2. It is a
// [pipeline.Observer] of all of the lanes: safe for concurrent use, never
// blocking, and bounded in memory by the number of partitions.
//
// Each sync is the pair of one copied record. Of a partition the syncs are
// written in order, and never one with a lower upstream offset than an earlier
// one unless the source was really copied again from there: that would make
// every reader forget what it knows of the partition. A worker that takes a
// lane over knows nothing of the syncs before, and need not: what it commits is
// behind all that was committed. What remains is that the last owner writes no
// more, and the owner of a lane therefore calls Release when its work ends. A
// worker that was suspended drops what it had not written.
//
// Unlike Java, a SyncWriter writes in batches and tries again what fails. Where
// syncs wait, because the topic cannot be written or many are due at once, it
// keeps of each partition the newest and a few before it. A gap upstream, which
// every transaction of the source leaves behind, gives a sync at most once in
// syncInterval: translations do not need it. And what Java writes once a
// minute, the last record of each partition, it writes at once for a partition
// that was quiet, and otherwise once in syncInterval.
type SyncWriter struct {
	cfg     SyncWriterConfig
	deps    SyncWriterDeps
	topic   string
	admin   *kadm.Client
	log     *slog.Logger
	metrics syncMetrics
	wake    chan struct{} // something may be due

	// writing has one element while a round is written; its holder owns what
	// follows.
	writing  chan struct{}
	ready    bool // the topic was found or created since the last failure
	failures int  // in a row
	remark   string

	mu     sync.Mutex // guards what follows
	tracks map[pipeline.Partition]*track
	unsent []*track // those with something to write, each once, the oldest first
	awake  time.Time
}

const (
	// syncInterval is how often a partition gets a sync that only its lag
	// does not ask for: the last record, or a gap.
	syncInterval = 500 * time.Millisecond

	// gatherTime is how long a round waits for the commits of other lanes.
	gatherTime = 10 * time.Millisecond

	// syncPatience is how long a round may take before its syncs are given
	// up and written anew. Half of the shortest session that is sensible: a
	// worker that lost its cluster does not write into another's time.
	syncPatience = 5 * time.Second

	// suspended is how long a sync may lie while nothing keeps the writer
	// from writing it. More means that the process was stopped meanwhile.
	suspended = 5 * time.Second

	firstSyncRetry = 250 * time.Millisecond
	maxSyncRetry   = 30 * time.Second

	// maxLag stands for "never": sums with it do not overflow.
	maxLag = 1 << 62
)

// NewSyncWriter returns a writer that writes nothing until Run or Release. It
// refuses a config or dependencies that cannot work.
func NewSyncWriter(cfg SyncWriterConfig, deps SyncWriterDeps) (*SyncWriter, error) {
	switch {
	case cfg.Flow.Policy == nil || cfg.Flow.ID.Source == "" || cfg.Flow.ID.Target == "":
		return nil, fmt.Errorf("offset syncs: flow %q has no source, no target or no policy", cfg.Flow.ID)
	case cfg.LagMax < 0:
		return nil, fmt.Errorf("offset syncs: lag of %d records is negative", cfg.LagMax)
	case deps.Client == nil || deps.Metrics == nil || deps.Logger == nil:
		return nil, errors.New("offset syncs: client, metrics and logger are required")
	}
	cfg.LagMax = min(cfg.LagMax, maxLag)
	topic := OffsetSyncsTopic(cfg.Flow, cfg.OnTarget)
	return &SyncWriter{
		cfg: cfg, deps: deps, topic: topic,
		admin:   kadm.NewClient(deps.Client),
		log:     deps.Logger.With("topic", topic),
		metrics: deps.Metrics.of(cfg.Flow.ID),
		wake:    make(chan struct{}, 1),
		writing: make(chan struct{}, 1),
		tracks:  make(map[pipeline.Partition]*track),
		awake:   time.Now(),
	}, nil
}

// Committed implements pipeline.Observer.
func (w *SyncWriter) Committed(r *pipeline.Receipt) {
	if len(r.Segments) == 0 {
		return
	}
	w.mu.Lock()
	for _, s := range r.Segments {
		w.note(s, r.At)
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run writes offset syncs until ctx ends; then it writes what is left, within
// two seconds, and returns nil. Nothing else ends it: failures are counted and
// tried again. It should outlive the lanes, whose last commits would not be
// written otherwise. It may be called again after it has returned, never
// concurrently.
func (w *SyncWriter) Run(ctx context.Context) error {
	retry := backoff.Backoff{First: firstSyncRetry, Max: maxSyncRetry}
	w.stayAwake()
	for ctx.Err() == nil {
		wait, err := w.round(ctx, nil)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			backoff.Sleep(ctx, retry.Next())
			w.stayAwake()
		default:
			retry.Reset()
			w.pause(ctx, wait)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	w.Release(last, func(pipeline.Partition) bool { return true })
	return nil
}

// pause waits for a commit, or until wait is over if it is not zero.
func (w *SyncWriter) pause(ctx context.Context, wait time.Duration) {
	var over <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
	case <-over:
	case <-w.wake:
		backoff.Sleep(ctx, gatherTime)
	}
}

// Release writes what is left of the source partitions that mine selects and
// forgets them. The owner of a lane calls it after the last commit and before
// it gives the lane up: later, the next owner's syncs may be ahead. It waits
// until ctx ends at the longest, and what is not written by then never will be;
// a ctx that has ended makes it forget at once, which is right where the lane
// was lost. The next commit of such a partition starts anew. mine is called with
// a lock held, so it must be quick and take none.
func (w *SyncWriter) Release(ctx context.Context, mine func(pipeline.Partition) bool) {
	lost := ctx.Err() != nil
	if !lost {
		_, _ = w.round(ctx, mine) // a failure is counted and logged
	}
	if n := w.forget(mine); n > 0 && !lost {
		w.log.Warn("offset syncs dropped, for they were not written before their lane was given up", "partitions", n)
	}
}

// round writes what is due once, or everything of the partitions that mine
// selects. It returns when the next sync will be due, zero if none waits, and
// the error that it has counted and logged.
func (w *SyncWriter) round(ctx context.Context, mine func(pipeline.Partition) bool) (time.Duration, error) {
	select {
	case w.writing <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { <-w.writing }()

	if !w.waiting(mine) {
		return 0, nil
	}
	if err := w.ensureTopic(ctx); err != nil {
		return 0, w.failed(ctx, err)
	}
	batches, wait, late := w.take(time.Now(), mine)
	if late > 0 {
		w.log.Warn("offset syncs dropped, for the process was suspended and others may be ahead", "partitions", late)
	}
	if len(batches) == 0 {
		return wait, nil
	}
	if err := w.write(ctx, batches); err != nil {
		w.putBack(batches)
		return 0, w.failed(ctx, err)
	}
	if w.failures > 0 {
		w.log.Info("offset syncs resumed", "failures", w.failures)
		w.failures = 0
	}
	w.stayAwake()
	return wait, nil
}

// stayAwake notes that the writer was not suspended up to now, or was held up.
func (w *SyncWriter) stayAwake() {
	w.mu.Lock()
	w.awake = time.Now()
	w.mu.Unlock()
}
