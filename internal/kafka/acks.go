package kafka

import (
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
)

// acks collects what the target answered. Promises run one at a time on a
// goroutine of the client; the loop reads after Flush.
type acks struct {
	mu       sync.Mutex
	failed   *failure
	segments []pipeline.Segment
}

func (a *acks) reset() {
	a.mu.Lock()
	a.failed, a.segments = nil, nil
	a.mu.Unlock()
}

func (a *acks) err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil {
		return nil
	}
	return a.failed.asError()
}

func (a *acks) take() []pipeline.Segment {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.segments
}

// fail keeps the first failure: those that follow are its consequences.
func (a *acks) fail(f failure) {
	a.mu.Lock()
	if a.failed == nil {
		a.failed = &f
	}
	a.mu.Unlock()
}

// run is the promise for a batch that goes to one partition. The client
// acknowledges records of one partition in the order they were produced, so a
// counter tells which one it is; segments are built without a lock and handed
// over at the end. A failure may come out of turn, and is looked up.
func (a *acks) run(source, target pipeline.Partition, base int64, records []pipeline.Record) func(*kgo.Record, error) {
	var (
		i   int
		cur pipeline.Segment
		out []pipeline.Segment
	)
	return func(r *kgo.Record, err error) {
		if err != nil {
			at := slices.IndexFunc(records, func(o pipeline.Record) bool { return o.Record == r })
			a.fail(failure{source: source, offset: named(records[at].From, base), target: target, err: err})
			return
		}
		from := records[i].From
		i++
		switch {
		case from < 0: // made up by a stage: it has no source offset to map
			if cur.Count > 0 {
				out, cur = append(out, cur), pipeline.Segment{}
			}
		case cur.Count > 0 && from == cur.SourceBase+cur.Count && r.Offset == cur.TargetBase+cur.Count:
			cur.Count++
		default:
			if cur.Count > 0 {
				out = append(out, cur)
			}
			cur = pipeline.Segment{Source: source, SourceBase: from, Target: target, TargetBase: r.Offset, Count: 1}
		}
		if i == len(records) {
			a.mu.Lock()
			a.segments = append(a.segments, out...)
			if cur.Count > 0 {
				a.segments = append(a.segments, cur)
			}
			a.mu.Unlock()
		}
	}
}

// named is the offset that a refusal is about: a record that a stage made up goes
// by the first offset of its batch.
func named(from, base int64) int64 {
	if from < 0 {
		return base
	}
	return from
}

// one is the promise for a record that carries its own destination.
func (a *acks) one(source pipeline.Partition, from, base int64) func(*kgo.Record, error) {
	return func(r *kgo.Record, err error) {
		target := pipeline.Partition{Topic: r.Topic, Partition: r.Partition}
		if err != nil {
			a.fail(failure{source: source, offset: named(from, base), target: target, err: err})
			return
		}
		if from < 0 {
			return
		}
		a.mu.Lock()
		a.segments = append(a.segments, pipeline.Segment{Source: source, SourceBase: from, Target: target, TargetBase: r.Offset, Count: 1})
		a.mu.Unlock()
	}
}

// mark is the promise for marks.
func (a *acks) mark(target pipeline.Partition) func(*kgo.Record, error) {
	return func(_ *kgo.Record, err error) {
		if err != nil {
			a.fail(failure{offset: -1, target: target, err: err})
		}
	}
}
