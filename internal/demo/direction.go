package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/check"
	"mm2/internal/config"
	"mm2/topology"
)

// direction is one flow as the demo sees it: it writes orders at the source
// and reads their copies at the target.
type direction struct {
	id     topology.FlowID
	rename func(topic string) string
	remote string // the topic's name at the target
	mesh   *mesh

	log      *check.Log
	view     *check.View // what watch has seen
	producer *check.Producer
	writing  *kgo.Client
	reading  *kgo.Client

	seen atomic.Int64 // records read at the target

	mu      sync.Mutex // guards delays
	delays  []time.Duration
	delayed int // index of the oldest delay once there are windowSize
}

// windowSize is how many of the last records the shown delays are about.
const windowSize = 2000

// newDirection builds the clients; close must be called.
func newDirection(m *mesh, flow config.Flow, rate float64, seed uint64) (*direction, error) {
	d := &direction{id: flow.ID, rename: flow.RemoteTopic, remote: flow.RemoteTopic(topic), mesh: m, log: check.NewLog(nil)}
	d.view = d.log.View(d.rename)
	var err error
	if d.writing, err = m.client(d.id.Source, "orders", kgo.ProducerLinger(0)); err != nil {
		return nil, err
	}
	if d.reading, err = d.reader("watch"); err != nil {
		d.writing.Close()
		return nil, err
	}
	d.producer = check.NewProducer(d.writing, d.log, check.Workload{
		Topic: topic, Rate: rate, Fill: orders(d.id.Source, seed),
	})
	return d, nil
}

func (d *direction) close() {
	d.writing.Close()
	d.reading.Close()
}

func (d *direction) reader(role string) (*kgo.Client, error) {
	return d.mesh.client(d.id.Target, role, append(check.ReaderOpts(d.remote),
		// The topic appears when replication creates it.
		kgo.MetadataMaxAge(time.Second), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.FetchMaxWait(500*time.Millisecond),
	)...)
}

// produce writes orders until ctx ends and waits until all are acknowledged.
func (d *direction) produce(ctx context.Context) error {
	if err := d.producer.Run(ctx); err != nil {
		return fmt.Errorf("write orders at %s: %w", d.id.Source, err)
	}
	return nil
}

// watch reads copies as they arrive until ctx ends. What it does not get to see
// then, verify does.
func (d *direction) watch(ctx context.Context) error {
	reader := check.NewReader(d.reading, d.saw, d.remote)
	for ctx.Err() == nil {
		if err := reader.Poll(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("watch %s at %s: %w", d.remote, d.id.Target, err)
		}
	}
	return nil
}

func (d *direction) saw(r *kgo.Record) {
	d.view.Saw(r)
	d.seen.Add(1)
	delay := time.Since(r.Timestamp)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.delays) < windowSize {
		d.delays = append(d.delays, delay)
		return
	}
	d.delays[d.delayed] = delay
	d.delayed = (d.delayed + 1) % windowSize
}

// delay returns the median and the 99th percentile of the time from producing
// a record to reading its copy, over the last records; false without any.
func (d *direction) delay() (p50, p99 time.Duration, ok bool) {
	d.mu.Lock()
	delays := slices.Clone(d.delays)
	d.mu.Unlock()
	if len(delays) == 0 {
		return 0, 0, false
	}
	slices.Sort(delays)
	return delays[len(delays)/2], delays[len(delays)*99/100], true
}

// verify reads the whole copy once more, with a client and a view that have
// seen nothing, and compares it with what was produced.
func (d *direction) verify(ctx context.Context) (check.Report, error) {
	cl, err := d.reader("verify")
	if err != nil {
		return check.Report{}, err
	}
	defer cl.Close()
	view := d.log.View(d.rename)
	if err := check.NewReader(cl, view.Saw, d.remote).ToEnd(ctx); err != nil {
		return check.Report{}, fmt.Errorf("verify %s at %s: %w", d.remote, d.id.Target, err)
	}
	return view.Report(), nil
}
