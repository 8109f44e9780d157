package checkpoint_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

const syncsTopic = "mm2-offset-syncs.B.internal"

func syncFlow() topology.Flow {
	return topology.Flow{ID: topology.FlowID{Source: "A", Target: "B"}, Policy: topology.NewDefaultPolicy(".", "")}
}

// syncRig is the source cluster of a flow with what a writer on it needs.
type syncRig struct {
	fake
	t   *testing.T
	reg *prometheus.Registry

	metrics *checkpoint.SyncMetrics

	mu  sync.Mutex // guards the log
	log bytes.Buffer
}

// withSyncs runs test with a source cluster in a bubble.
func withSyncs(t *testing.T, name string, test func(t *testing.T, r *syncRig)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var vnet kfake.VirtualNetwork
			r := &syncRig{fake: newFake(t, &vnet, "A", 9092), t: t, reg: prometheus.NewRegistry()}
			r.metrics = checkpoint.NewSyncMetrics(r.reg)
			test(t, r)
		})
	})
}

// Write makes the rig the destination of the log.
func (r *syncRig) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(line)
}

func (r *syncRig) logged(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.log.String(), text)
}

// pass lets virtual time pass.
func (r *syncRig) pass(d time.Duration) { backoff.Sleep(r.t.Context(), d) }

// worker is a writer as a worker of the flow has it.
type worker struct {
	*checkpoint.SyncWriter
	stop func()
}

// start runs a writer until stop is called.
func (r *syncRig) start(lagMax int64) worker {
	r.t.Helper()
	w := r.writer(lagMax)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	synctest.Wait() // until it waits for commits
	return worker{w, func() {
		r.t.Helper()
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	}}
}

func (r *syncRig) writer(lagMax int64) *checkpoint.SyncWriter {
	r.t.Helper()
	cl, err := r.dialer.Client("offset-syncs", checkpoint.SyncClientOpts()...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(cl.Close)
	w, err := checkpoint.NewSyncWriter(
		checkpoint.SyncWriterConfig{Flow: syncFlow(), LagMax: lagMax, ReplicationFactor: 1},
		checkpoint.SyncWriterDeps{Client: cl, Metrics: r.metrics, Logger: slog.New(slog.NewTextHandler(r, nil))},
	)
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

// segment is n copied records of partition 0 of t.
func segment(up, down, n int64) pipeline.Segment {
	return pipeline.Segment{
		Source: pipeline.Partition{Topic: "t"}, SourceBase: up,
		Target: pipeline.Partition{Topic: "A.t"}, TargetBase: down, Count: n,
	}
}

func (w worker) commit(segments ...pipeline.Segment) {
	w.Committed(&pipeline.Receipt{Segments: segments, At: time.Now()})
}

// syncs reads the topic.
func (r *syncRig) syncs() []checkpoint.OffsetSync {
	r.t.Helper()
	var out []checkpoint.OffsetSync
	err := kafka.ReadAll(r.t.Context(), r.dialer, "test", pipeline.Partition{Topic: syncsTopic}, func(rec *kgo.Record) error {
		s, err := checkpoint.DecodeOffsetSync(rec.Key, rec.Value)
		out = append(out, s)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// pairs are the offsets of the syncs of partition 0 of t.
func (r *syncRig) pairs() []pair {
	var out []pair
	for _, s := range r.syncs() {
		if s.Topic == "t" && s.Partition == 0 {
			out = append(out, pair{s.Upstream, s.Downstream})
		}
	}
	return out
}

func (r *syncRig) expect(want ...pair) {
	r.t.Helper()
	if got := r.pairs(); !slices.Equal(got, want) {
		r.t.Errorf("syncs %v, want %v", got, want)
	}
}

func (r *syncRig) counts() (written, errors float64) {
	return testutil.ToFloat64(counter(r, "mm2_offset_syncs_total")), testutil.ToFloat64(counter(r, "mm2_offset_sync_errors_total"))
}

// counter is the one series of a metric.
func counter(r *syncRig, name string) prometheus.Collector {
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name})
	for _, f := range families {
		if f.GetName() == name {
			c.Add(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return c
}
