package javametrics

import (
	"sync"
	"time"

	"mm2/internal/pipeline"
	"mm2/topology"
)

// Share is a worker's part in one flow at one moment.
type Share struct {
	Joined bool   // the worker takes part in the flow
	Client string // id of the client that is the member of the flow's group
	Lanes  []Lane
}

// Lane is a lane of this worker: what Java calls a task.
type Lane struct {
	ID         int
	State      string // opening, running, waiting or parked
	Consumer   Client // reads the source
	Producer   Client // writes the target
	Partitions []Position
}

// Client is a Kafka client and how many bytes went over its connections.
type Client struct {
	ID      string
	In, Out int64
}

// Position is a source partition of a lane and how many of its offsets were not
// read yet.
type Position struct {
	pipeline.Partition
	Lag int64 // negative: not known yet
}

// Recorder keeps what Java's connectors would have measured in one flow. Its
// methods are safe for concurrent use and do not wait for anything but each
// other. A nil Recorder keeps nothing.
type Recorder struct {
	flow  topology.Flow
	share func() Share

	mu          sync.Mutex // guards what follows
	partitions  map[pipeline.Partition]*partition
	checkpoints map[checkpoint]*gauge
}

// partition is what MirrorSourceConnector measures of one partition.
type partition struct {
	records, bytes meter
	age, latency   gauge
}

// checkpoint is what a checkpoint is about.
type checkpoint struct {
	group string
	topic string // on the target
	index int32
}

func newRecorder(flow topology.Flow, share func() Share) *Recorder {
	return &Recorder{
		flow: flow, share: share,
		partitions: map[pipeline.Partition]*partition{}, checkpoints: map[checkpoint]*gauge{},
	}
}

// Committed implements pipeline.Observer. All records count when they are
// committed: what was aborted and copied again counts once.
func (r *Recorder) Committed(receipt *pipeline.Receipt) {
	if r == nil {
		return
	}
	at := receipt.At.UnixMilli()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range receipt.Batches {
		b := &receipt.Batches[i]
		p := r.partition(b.Source)
		p.records.add(at, float64(b.Records))
		p.bytes.add(at, float64(b.ValueBytes))
		if b.Stamped == 0 {
			continue
		}
		observe(&p.latency, at, &b.Times)
		if !b.Read.IsZero() {
			observe(&p.age, b.Read.UnixMilli(), &b.Times)
		}
	}
}

// observe adds how old the records were at that time. Clocks that differ make
// ages negative, as in Java.
func observe(g *gauge, at int64, t *pipeline.Times) {
	mean := float64(t.Mean().UnixMicro()) / 1000
	g.add(at, float64(at-t.Last.UnixMilli()), events{
		count: t.Stamped, sum: (float64(at) - mean) * float64(t.Stamped),
		min: float64(at - t.Newest.UnixMilli()), max: float64(at - t.Oldest.UnixMilli()),
	})
}

func (r *Recorder) partition(id pipeline.Partition) *partition {
	p, ok := r.partitions[id]
	if !ok {
		p = &partition{}
		r.partitions[id] = p
	}
	return p
}

// ObserveCheckpoint takes the time from building a checkpoint to its
// acknowledgement. The topic is the one on the target.
func (r *Recorder) ObserveCheckpoint(group, topic string, partition int32, latency time.Duration) {
	if r == nil {
		return
	}
	ms := float64(latency.Milliseconds())
	id := checkpoint{group, topic, partition}
	r.mu.Lock()
	defer r.mu.Unlock()
	g, ok := r.checkpoints[id]
	if !ok {
		g = &gauge{}
		r.checkpoints[id] = g
	}
	g.add(time.Now().UnixMilli(), ms, one(ms))
}

// Keep drops what was measured of partitions that are not among these: all
// source partitions of the flow, as discovery found them. That bounds what the
// recorder holds. It does not keep the slice.
func (r *Recorder) Keep(partitions []pipeline.Partition) {
	if r == nil {
		return
	}
	known := make(map[pipeline.Partition]bool, len(partitions))
	for _, p := range partitions {
		known[p] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.partitions {
		if !known[p] {
			delete(r.partitions, p)
		}
	}
}

// KeepCheckpoints drops the series of checkpoints for which keep, called with a
// group and a partition of the target, is false; nil keeps none. Whoever
// observes checkpoints calls it when groups or topics leave the flow, and when
// the checkpoints are another worker's. keep must not call the recorder.
func (r *Recorder) KeepCheckpoints(keep func(group, topic string, partition int32) bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.checkpoints {
		if keep == nil || !keep(id.group, id.topic, id.index) {
			delete(r.checkpoints, id)
		}
	}
}
