package replicator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// snapshot is what one round of discovery found. Nobody changes it.
type snapshot struct {
	topics  map[string]found // by source topic
	limits  map[string]int32 // MaxBatchBytes by target topic
	largest int32            // of them
}

func (s *snapshot) maxBatch(target string) int32 { return s.limits[target] }

// found is one source topic that is copied.
type found struct {
	remote     string
	partitions int // that exist on both sides
	missing    int // on the source but not yet on the target
	id         kadm.TopicID
	remoteID   kadm.TopicID // zero: unknown
	latest     bool         // was there when the worker first looked
	err        error        // why it is not copied (yet)
	routes     []string     // target topics that stages may send its records to
}

// assigned are the partitions of one lane.
func (s *snapshot) assigned(lane, lanes int) []kafka.Assigned {
	var out []kafka.Assigned
	for name, t := range s.topics {
		for p := range int32(t.partitions) {
			if topology.Lane(topology.Partition{Topic: name, Partition: p}, lanes) == lane {
				out = append(out, kafka.Assigned{
					Partition: pipeline.Partition{Topic: name, Partition: p}, TopicID: t.id,
					Target: t.remote, TargetID: t.remoteID, Latest: t.latest,
				})
			}
		}
	}
	return out
}

// targets are the partitions that one lane writes.
func (s *snapshot) targets(lane, lanes int) []pipeline.Partition {
	assigned := s.assigned(lane, lanes)
	out := make([]pipeline.Partition, len(assigned))
	routed := map[pipeline.Partition]bool{}
	for i, a := range assigned {
		out[i] = pipeline.Partition{Topic: s.topics[a.Topic].remote, Partition: a.Partition.Partition}
		for _, topic := range s.topics[a.Topic].routes {
			routed[pipeline.Partition{Topic: topic, Partition: a.Partition.Partition}] = true
		}
	}
	return slices.AppendSeq(out, maps.Keys(routed))
}

// sources are the partitions that are copied.
func (s *snapshot) sources() []pipeline.Partition {
	out := make([]pipeline.Partition, 0, s.partitions())
	for name, t := range s.topics {
		for p := range int32(t.partitions) {
			out = append(out, pipeline.Partition{Topic: name, Partition: p})
		}
	}
	return out
}

// partitions counts what is copied.
func (s *snapshot) partitions() (n int) {
	for _, t := range s.topics {
		n += t.partitions
	}
	return n
}

// discovery looks for topics and partitions on the source and has their
// targets made before anyone copies into them.
type discovery struct {
	flow     topology.Flow
	origin   string // id of the source cluster
	source   *kadm.Client
	topics   Topics
	routes   func(topic string) []string // see Deps.Routes
	latest   bool
	interval time.Duration
	changed  func(*snapshot)
	// problem is told when a topic begins to be a problem, ends to be one
	// (nil), or becomes another one.
	problem func(topic string, err error)

	ready chan struct{} // closed after the first success

	mu      sync.Mutex // guards what follows
	current *snapshot
	last    time.Time // of the last success
	err     error
}

// run looks at once and then every interval until ctx ends. failed and mended
// are told of changes between success and failure.
func (d *discovery) run(ctx context.Context, failed, mended func(error)) {
	pause := backoff.Backoff{First: 200 * time.Millisecond, Max: max(d.interval, time.Second)}
	var before error
	for {
		err := d.look(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := d.interval
		switch {
		case err != nil:
			failed(err)
			wait = pause.Next()
		case before != nil:
			mended(before)
			fallthrough
		default:
			pause.Reset()
		}
		before = err
		if !backoff.Sleep(ctx, wait) {
			return
		}
	}
}

func (d *discovery) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	snap, err := d.scan(ctx)
	d.mu.Lock()
	d.err = err
	first := false
	if err == nil {
		first, d.current, d.last = d.current == nil, snap, time.Now()
	}
	d.mu.Unlock()
	if err != nil {
		return err
	}
	d.changed(snap)
	if first {
		close(d.ready)
	}
	return nil
}

func (d *discovery) scan(ctx context.Context) (*snapshot, error) {
	details, err := d.source.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics of %s: %w", d.flow.ID.Source, kafka.Explain(err))
	}
	before := d.snapshot()
	var want []WantedTopic
	undecided := map[string]error{}
	for name, t := range details {
		if t.Err != nil {
			// A glitch does not take away what is being copied.
			if before != nil && before.topics[name].partitions > 0 {
				want = append(want, WantedTopic{Source: name, Target: d.flow.RemoteTopic(name), Partitions: before.topics[name].partitions})
				details[name] = kadm.TopicDetail{Topic: name, ID: before.topics[name].id}
			}
			continue
		}
		if d.flow.Replicates(name) {
			want = append(want, WantedTopic{Source: name, Target: d.flow.RemoteTopic(name), Partitions: len(t.Partitions)})
		} else if _, err := d.flow.Topics.Decide(name); err != nil {
			undecided[name] = err
		}
	}
	slices.SortFunc(want, func(a, b WantedTopic) int {
		if a.Source < b.Source {
			return -1
		}
		return 1
	})
	targets, err := d.topics.Ensure(ctx, append(slices.Clip(want), d.routed(want)...))
	if err != nil {
		return nil, fmt.Errorf("prepare topics on %s: %w", d.flow.ID.Target, kafka.Explain(err))
	}
	snap := &snapshot{topics: make(map[string]found, len(want)), limits: make(map[string]int32, len(want))}
	for name, err := range undecided {
		d.report(before, name, err)
		snap.topics[name] = found{remote: d.flow.RemoteTopic(name), id: details[name].ID, err: err}
	}
	for _, w := range want {
		t := targets[w.Source]
		// Beside an error there may be partitions: those that were there before
		// the target refused to grow go on.
		f := found{remote: w.Target, id: details[w.Source].ID, remoteID: t.ID, err: t.Err, partitions: min(w.Partitions, t.Partitions)}
		d.lead(&f, w, targets, snap)
		f.missing = w.Partitions - f.partitions
		if before == nil {
			f.latest = d.latest
		} else if old, ok := before.topics[w.Source]; ok {
			if f.remoteID == (kadm.TopicID{}) {
				f.remoteID = old.remoteID
			}
			// Partitions that appear later start at their beginning: nothing
			// was there before. The flag is only read for partitions without
			// a mark, and those of a known topic have theirs by now.
			f.latest = old.latest && old.partitions == f.partitions
		}
		d.report(before, w.Source, f.err)
		snap.topics[w.Source] = f
		snap.limits[w.Target] = t.MaxBatchBytes
		snap.largest = max(snap.largest, t.MaxBatchBytes)
	}
	if before != nil {
		for name, f := range before.topics {
			if _, ok := snap.topics[name]; !ok && f.partitions > 0 {
				d.problem(name, errGone)
			}
		}
	}
	return snap, nil
}

var errGone = errors.New("it is no longer on the source; what was copied stays on the target")

// report tells of a topic's problem once, not every round.
func (d *discovery) report(before *snapshot, topic string, err error) {
	var old error
	if before != nil {
		old = before.topics[topic].err
	}
	switch {
	case err == nil && old == nil:
	case err != nil && old != nil && err.Error() == old.Error():
	default:
		d.problem(topic, err)
	}
}

func (d *discovery) snapshot() *snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current
}

// wait returns the snapshot once there is one.
func (d *discovery) wait(ctx context.Context) (*snapshot, error) {
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-d.ready:
		return d.snapshot(), nil
	}
}
