package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

var (
	errInjected = errors.New("injected failure")
	errCrashed  = errors.New("process crashed")
)

// world is a source log, a target with transactions and fencing, and workers
// that are interleaved step by step by a seeded scheduler.
type world struct {
	rng    *rand.Rand
	log    map[int32][]entry // the source, by partition
	faults bool

	epoch     int               // of the target's transactional id
	committed map[int32][]int64 // source offsets visible on the target, in order
	dead      map[int32][]int64 // source offsets visible in the dead letter topic, in order
	letters   bool              // refused records go there; else they are left out
	marks     pipeline.Marks    // committed
	broken    string            // first violated invariant
}

// entry is one source offset: a record, maybe one that the target refuses, or
// something that moves marks only.
type entry struct{ control, bad bool }

func newWorld(rng *rand.Rand) *world {
	w := &world{rng: rng, log: map[int32][]entry{}, committed: map[int32][]int64{}, dead: map[int32][]int64{}, marks: pipeline.Marks{}, faults: true}
	w.letters = rng.IntN(2) == 0
	refusals := rng.IntN(3) == 0
	for p := range int32(1 + rng.IntN(3)) {
		for range rng.IntN(30) {
			w.log[p] = append(w.log[p], entry{control: rng.IntN(5) == 0, bad: refusals && rng.IntN(10) == 0})
		}
	}
	return w
}

func (w *world) violated(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

// consistent checks that every mark is exactly past its committed records.
func (w *world) consistent() {
	for p, log := range w.log {
		next, _ := strconv.Atoi(w.marks[strconv.Itoa(int(p))])
		var want, dead []int64
		for o := range next {
			switch {
			case log[o].control || !keeps(int64(o)):
			case !log[o].bad:
				want = append(want, int64(o))
			case w.letters:
				dead = append(dead, int64(o))
			}
		}
		if got := w.committed[p]; fmt.Sprint(got) != fmt.Sprint(want) {
			w.violated("partition %d: mark says %d, so %v should be visible, but %v is", p, next, want, got)
		}
		if got := w.dead[p]; fmt.Sprint(got) != fmt.Sprint(dead) {
			w.violated("partition %d: mark says %d, so %v should be dead letters, but %v are", p, next, dead, got)
		}
	}
}

func (w *world) done() bool {
	for p, log := range w.log {
		if w.marks[strconv.Itoa(int(p))] != strconv.Itoa(len(log)) && len(log) > 0 {
			return false
		}
	}
	return true
}

// keeps is the filter of the test's stage.
func keeps(offset int64) bool { return offset%7 != 3 }

// worker is one process: a loop that yields before every effect. Once it has
// crashed, nothing it does has an effect any more.
type worker struct {
	w       *world
	yield   func() bool
	crashed bool

	// source
	pos      map[int32]int
	stage    *counting
	cautious map[int32]*caution
	// sink
	epoch      int
	open, dead map[int32][]int64
	refusal    error // the first of the open transaction
}

// caution is the search for a refused record, as a source does it.
type caution struct {
	search pipeline.Careful
	from   int // from here on chunks are committed one by one
	base   int // of the chunk that is not committed yet
	limit  int
	n      int
	out    bool  // there is one
	bad    int64 // the record that was found, or -1
}

// step lets others run, then says whether the effect may happen, fails before
// it, or fails after it.
type fate int

const (
	works fate = iota
	failsBefore
	failsAfter
)

func (k *worker) step() (fate, error) {
	if k.crashed || !k.yield() {
		k.crashed = true
		return failsBefore, errCrashed
	}
	if !k.w.faults {
		return works, nil
	}
	switch k.w.rng.IntN(25) {
	case 0:
		return failsBefore, errInjected
	case 1:
		return failsAfter, errInjected
	}
	return works, nil
}

func (k *worker) Seek(_ context.Context, to pipeline.Marks) error {
	f, err := k.step()
	if f == failsBefore {
		return err
	}
	k.pos = map[int32]int{}
	for p := range k.w.log {
		k.pos[p], _ = strconv.Atoi(to[strconv.Itoa(int(p))])
		if c := k.cautious[p]; c != nil {
			c.out = false
			if c.bad < int64(k.pos[p]) {
				c.bad = -1 // it was dealt with by a commit whose success was not seen
			}
		}
	}
	return err
}

func (k *worker) Park(p pipeline.Partition, offset int64, _ error) {
	c := k.cautious[p.Partition]
	switch {
	case c == nil:
		k.cautious[p.Partition] = &caution{from: int(offset), bad: -1}
	case int(offset) < c.from:
		*c = caution{from: int(offset), bad: -1}
	case !c.out:
		k.w.violated("partition %d: offset %d is refused, and nothing from %d on was handed out", p.Partition, offset, c.from)
	case c.search.Refused(c.n, int64(c.limit)):
		c.bad = offset
	}
}

// chunk is the next batch of a partition that is copied carefully, or nil while
// the last one is not committed.
func (k *worker) chunk(p int32, c *caution) *pipeline.Batch {
	from, log := k.pos[p], k.w.log[p]
	if c.out {
		return nil
	}
	to := from
	for n := 0; to < len(log) && n < c.search.Size(); to++ {
		if !log[to].control {
			n++
		}
	}
	b := k.batch(p, from, to)
	if c.bad >= 0 {
		var dead []pipeline.Record
		for _, r := range b.Records() {
			if r.From != c.bad {
				k.w.violated("partition %d: offset %d is left out beside the refused %d", p, r.From, c.bad)
			}
			if k.w.letters {
				dead = append(dead, pipeline.Record{Record: &kgo.Record{Partition: p, Offset: c.bad}, From: -1})
			}
		}
		b.SetRecords(dead)
		b.To.Topic = "dead"
	}
	c.base, c.limit, c.n, c.out = from, to, b.Len(), true
	return b
}

// Committed is told of the end of a chunk.
func (k *worker) Committed(r *pipeline.Receipt) {
	for p, c := range k.cautious {
		if !c.out || r.Marks[strconv.Itoa(int(p))] != strconv.Itoa(c.limit) {
			continue
		}
		c.out = false
		if c.bad >= 0 {
			c.bad = -1
		} else if c.search.Committed(c.n, int64(c.limit)) {
			delete(k.cautious, p)
		}
	}
}

func (k *worker) batch(p int32, from, limit int) *pipeline.Batch {
	b := &pipeline.Batch{
		Source: pipeline.Partition{Partition: p}, Base: int64(from), Limit: int64(limit),
		Next: pipeline.Marks{strconv.Itoa(int(p)): strconv.Itoa(limit)}, Bytes: int64(limit - from), Urgent: true,
	}
	var rs []pipeline.Record
	for o := from; o < limit; o++ {
		if !k.w.log[p][o].control {
			rs = append(rs, pipeline.Record{Record: &kgo.Record{Partition: p}, From: int64(o)})
		}
	}
	b.SetRecords(rs)
	return b
}

func (k *worker) Poll(ctx context.Context, _ time.Duration) (*pipeline.Batch, error) {
	f, err := k.step()
	if f == failsBefore {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for p, log := range k.w.log {
		from := k.pos[p]
		if from == len(log) || k.w.rng.IntN(3) == 0 {
			continue
		}
		limit := from + 1 + k.w.rng.IntN(min(5, len(log)-from))
		var b *pipeline.Batch
		switch c := k.cautious[p]; {
		case c == nil:
			b = k.batch(p, from, limit)
		case from < c.from:
			b = k.batch(p, from, min(limit, c.from))
		default:
			if b = k.chunk(p, c); b == nil {
				continue
			}
		}
		k.pos[p] = int(b.Limit)
		return b, err
	}
	return nil, err
}

func (k *worker) Open(context.Context) (pipeline.Marks, error) {
	f, err := k.step()
	if f == failsBefore {
		return nil, err
	}
	k.w.epoch++
	k.epoch, k.open, k.dead, k.refusal = k.w.epoch, map[int32][]int64{}, map[int32][]int64{}, nil
	marks := pipeline.Marks{}
	marks.Merge(k.w.marks)
	return marks, err
}

func (k *worker) Write(_ context.Context, b *pipeline.Batch) error {
	f, err := k.step()
	if f == failsBefore {
		return err
	}
	if k.epoch != k.w.epoch {
		return pipeline.ErrFenced
	}
	for _, r := range b.Records() {
		if b.To.Topic != "" {
			k.dead[r.Partition] = append(k.dead[r.Partition], r.Offset)
			continue
		}
		if k.refusal == nil && k.w.log[r.Partition][r.From].bad {
			// A target may name the first record of what came together.
			k.refusal = &pipeline.RefusedError{Source: b.Source, Offset: b.Records()[0].From, Err: errInjected}
		}
		k.open[r.Partition] = append(k.open[r.Partition], r.From)
	}
	if k.refusal != nil && k.w.rng.IntN(2) == 0 {
		return k.refusal
	}
	return err
}

func (k *worker) Commit(_ context.Context, next pipeline.Marks) (*pipeline.Receipt, error) {
	f, err := k.step()
	if f == failsBefore {
		return nil, err
	}
	if k.epoch != k.w.epoch {
		return nil, pipeline.ErrFenced
	}
	if k.refusal != nil {
		return nil, k.refusal
	}
	for p, offsets := range k.dead {
		k.w.dead[p] = append(k.w.dead[p], offsets...)
	}
	for p, offsets := range k.open {
		k.w.committed[p] = append(k.w.committed[p], offsets...)
	}
	k.w.marks.Merge(next)
	k.open, k.dead = map[int32][]int64{}, map[int32][]int64{}
	k.w.consistent()
	if err != nil {
		return nil, err
	}
	return &pipeline.Receipt{Marks: next}, nil
}

func (k *worker) Abort(context.Context) error {
	f, err := k.step()
	if f == failsBefore {
		return err
	}
	if k.epoch == k.w.epoch {
		k.open, k.dead, k.refusal = map[int32][]int64{}, map[int32][]int64{}, nil
	}
	return err
}

// counting is a stage with state: it filters, and counts what it has passed on
// for each partition. Its state must follow commits and be rewound by aborts.
type counting struct {
	w         *world
	committed map[int32]int
	overlay   map[int32]int
}

func (c *counting) Open(_ context.Context, marks pipeline.Marks) error {
	if len(c.overlay) != 0 {
		c.w.violated("stage opened with state of an aborted transaction: %v", c.overlay)
	}
	c.committed = map[int32]int{}
	for p := range c.w.log {
		c.committed[p] = len(c.w.committed[p])
	}
	return nil
}

func (c *counting) Rewind() { c.overlay = map[int32]int{} }

func (c *counting) Process(_ context.Context, b *pipeline.Batch) error {
	if b.To.Topic != "" {
		c.w.violated("a stage sees what its source has sent to %s", b.To.Topic)
	}
	var kept []pipeline.Record
	for _, r := range b.Records() {
		if keeps(r.From) {
			kept = append(kept, r)
		}
	}
	b.SetRecords(kept)
	c.overlay[b.Source.Partition] += len(kept)
	return nil
}

func (c *counting) Committed(*pipeline.Receipt) {
	for p, n := range c.overlay {
		c.committed[p] += n
		if c.committed[p] != len(c.w.committed[p]) {
			c.w.violated("stage counts %d on partition %d, target has %d", c.committed[p], p, len(c.w.committed[p]))
		}
	}
	c.overlay = map[int32]int{}
}

// start returns a worker as a coroutine: next runs it to its next effect and
// tells whether it is still running; kill crashes it where it stands.
func (w *world) start(ctx context.Context) (next func() bool, kill func()) {
	run := func(yield func(struct{}) bool) {
		k := &worker{w: w, yield: func() bool { return yield(struct{}{}) }, cautious: map[int32]*caution{}}
		k.stage = &counting{w: w}
		loop := &pipeline.Loop{
			Config: pipeline.Config{Interval: time.Hour, IdleMarks: 0, Bytes: int64(1 + w.rng.IntN(12)), EndTimeout: time.Hour, Check: time.Hour},
			Source: k, Stages: []pipeline.Stage{k.stage}, Sink: k, Observers: []pipeline.Observer{k, k.stage},
		}
		for !k.crashed && ctx.Err() == nil {
			if err := loop.Run(ctx); errors.Is(err, pipeline.ErrFenced) && w.rng.IntN(2) == 0 {
				return // the lane was given away
			}
		}
	}
	pull, stop := iter.Pull(iter.Seq[struct{}](run))
	return func() bool { _, ok := pull(); return ok }, stop
}
