package heartbeat_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"mm2/heartbeat"
	"mm2/internal/backoff"
	"mm2/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var flow = topology.FlowID{Source: "A", Target: "B"}

// rig is a fake cluster in the caller's synctest bubble with what an emitter
// on it needs.
type rig struct {
	*kfake.Cluster
	t       *testing.T
	deps    heartbeat.Deps
	reg     *prometheus.Registry
	clients []kgo.Opt

	mu  sync.Mutex // guards the log
	log bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	var vnet kfake.VirtualNetwork
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(vnet.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	r := &rig{Cluster: c, t: t, reg: prometheus.NewRegistry()}
	r.clients = []kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.Dialer(vnet.DialContext)}
	r.deps = heartbeat.Deps{
		Producer: r.client(kgo.RecordPartitioner(kgo.ManualPartitioner())),
		Admin:    kadm.NewClient(r.client()),
		Metrics:  heartbeat.NewMetrics(r.reg),
		Logger:   slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	return r
}

func (r *rig) client(opts ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	cl, err := kgo.NewClient(append(opts, r.clients...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(cl.Close)
	return cl
}

// Write makes the rig the destination of the log.
func (r *rig) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(line)
}

// logged is the number of log lines that contain text.
func (r *rig) logged(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.log.String(), text)
}

// pass lets virtual time pass.
func (r *rig) pass(d time.Duration) { backoff.Sleep(r.t.Context(), d) }

func config(interval time.Duration) heartbeat.Config {
	return heartbeat.Config{Flow: flow, Topic: "heartbeats", ReplicationFactor: 1, Interval: interval}
}

// start runs an emitter until stop is called.
func (r *rig) start(cfg heartbeat.Config) (stop func()) {
	r.t.Helper()
	e, err := heartbeat.New(cfg, r.deps)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	return func() {
		r.t.Helper()
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	}
}

// records reads every heartbeat that is in partition 0.
func (r *rig) records() []*kgo.Record {
	r.t.Helper()
	end := r.PartitionInfo("heartbeats", 0).HighWatermark
	cl := r.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"heartbeats": {0: kgo.NewOffset().AtStart()}}))
	defer cl.Close()
	var all []*kgo.Record
	for int64(len(all)) < end {
		fetches := cl.PollFetches(r.t.Context())
		if err := fetches.Err(); err != nil {
			r.t.Fatal(err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

func (r *rig) counts(cluster string) (emitted, errors float64) {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == cluster {
				values[f.GetName()] = m.GetCounter().GetValue()
			}
		}
	}
	return values["mm2_heartbeats_emitted_total"], values["mm2_heartbeat_errors_total"]
}

func TestEmitterWritesOneHeartbeatEachInterval(t *testing.T) {
	tests := []struct {
		name           string
		seed           bool
		source, target topology.Alias
	}{
		{"into the target", false, "A", "B"},
		{"seed into the source", true, "B", "A"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				began := time.Now()
				cfg := config(time.Second)
				cfg.Seed = tt.seed
				stop := r.start(cfg)
				r.pass(3500 * time.Millisecond)
				stop()

				records := r.records()
				if len(records) != 4 {
					t.Fatalf("%d records, want 4", len(records))
				}
				for i, rec := range records {
					h, err := heartbeat.Decode(rec.Key, rec.Value)
					if err != nil {
						t.Fatal(err)
					}
					if h.Source != tt.source || h.Target != tt.target {
						t.Errorf("heartbeat %d: %+v", i, h)
					}
					at := began.Add(time.Duration(i) * time.Second)
					if late := h.Timestamp.Sub(at); late < -time.Millisecond || late > 200*time.Millisecond {
						t.Errorf("heartbeat %d is %v late", i, late)
					}
					if !rec.Timestamp.Equal(h.Timestamp) || len(rec.Headers) != 0 {
						t.Errorf("record %d: timestamp %v, headers %v", i, rec.Timestamp, rec.Headers)
					}
				}
				if emitted, errors := r.counts(string(tt.target)); emitted != 4 || errors != 0 {
					t.Errorf("counted %v emitted, %v errors", emitted, errors)
				}
				if policy := r.TopicInfo("heartbeats").Configs["cleanup.policy"]; policy == nil || *policy != "compact" {
					t.Error("topic was not created compacted")
				}
				if r.logged("\n") != 0 {
					t.Errorf("healthy emitter logged: %s", &r.log)
				}
			})
		})
	}
}

func TestEmitterUsesFirstPartitionOfForeignTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if err := r.CreateTopic("heartbeats", 3, map[string]string{"cleanup.policy": "delete"}); err != nil {
			t.Fatal(err)
		}
		stop := r.start(config(time.Second))
		r.pass(10500 * time.Millisecond)
		stop()
		if got := len(r.records()); got != 11 {
			t.Errorf("%d records in partition 0, want 11", got)
		}
		if r.logged("heartbeats topic is not compacted") != 1 || r.logged("\n") != 1 {
			t.Errorf("want one warning: %s", &r.log)
		}
	})
}

func TestEmitterWarnsOfPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if err := r.CreateTopic("heartbeats", 3, map[string]string{"cleanup.policy": "compact"}); err != nil {
			t.Fatal(err)
		}
		stop := r.start(config(time.Second))
		r.pass(2500 * time.Millisecond)
		stop()
		if r.logged("more than one partition") != 1 || r.logged("\n") != 1 {
			t.Errorf("want one warning: %s", &r.log)
		}
	})
}

func TestEmitterCountsFailuresAndLogsThemOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		denied := r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "heartbeats", Err: kerr.TopicAuthorizationFailed, Count: 5})
		stop := r.start(config(time.Second))
		// Five pauses of at most 1+2+4+8+16 seconds.
		r.pass(35 * time.Second)
		if denied.Hits() != 5 {
			t.Errorf("%d attempts, want 5", denied.Hits())
		}
		stop()
		emitted, errors := r.counts("B")
		if errors != 5 || emitted < 4 {
			t.Errorf("counted %v emitted, %v errors", emitted, errors)
		}
		if r.logged("cannot write heartbeats") != 1 || r.logged("grant CREATE on Topic heartbeats") != 1 ||
			r.logged("heartbeats resumed") != 1 || r.logged("failures=5") != 1 {
			t.Errorf("log: %s", &r.log)
		}
	})
}

func TestEmitterWritesNothingLateWhenTheClusterStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.start(config(time.Second))
		r.pass(2500 * time.Millisecond) // three heartbeats
		stalled := r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "heartbeats", Err: kerr.NotEnoughReplicas, Count: -1})
		r.pass(60 * time.Second)
		if _, errors := r.counts("B"); errors != 5 { // the stall begins at 3 s, patience ends at 13, 23, ...
			t.Errorf("%v errors, want 5", errors)
		}
		stalled.Remove()
		r.pass(10 * time.Second)
		stop()
		// One that waited, then one a second again: no queue of old ones.
		if got := len(r.records()); got < 3+5 || got > 3+11 {
			t.Errorf("%d records", got)
		}
		if r.logged("no answer within 10s") != 1 || r.logged("heartbeats resumed") != 1 {
			t.Errorf("log: %s", &r.log)
		}
	})
}

func TestEmitterOutlivesItsTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.start(config(time.Second))
		r.pass(2500 * time.Millisecond)
		if err := r.DeleteTopic("heartbeats"); err != nil {
			t.Fatal(err)
		}
		r.pass(2 * time.Minute)
		stop()
		if got := len(r.records()); got < 30 {
			t.Errorf("%d records since the topic was deleted", got)
		}
		if r.logged("heartbeats resumed") != 1 {
			t.Errorf("log: %s", &r.log)
		}
	})
}

func TestEmittersShareMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		back := config(time.Second)
		back.Flow = topology.FlowID{Source: "B", Target: "A"}
		for _, cfg := range []heartbeat.Config{config(time.Second), config(time.Second), back} {
			if _, err := heartbeat.New(cfg, r.deps); err != nil {
				t.Fatal(err)
			}
		}
		want := `
# HELP mm2_heartbeats_emitted_total Heartbeats that the cluster acknowledged.
# TYPE mm2_heartbeats_emitted_total counter
mm2_heartbeats_emitted_total{cluster="A",flow="B->A"} 0
mm2_heartbeats_emitted_total{cluster="B",flow="A->B"} 0
`
		if err := testutil.GatherAndCompare(r.reg, strings.NewReader(want), "mm2_heartbeats_emitted_total"); err != nil {
			t.Error(err)
		}
		r.deps.Metrics.Forget(flow)
		for _, name := range []string{"mm2_heartbeats_emitted_total", "mm2_heartbeat_errors_total"} {
			if n, err := testutil.GatherAndCount(r.reg, name); n != 1 || err != nil {
				t.Errorf("%d series of %s are left, want 1 (%v)", n, name, err)
			}
		}
	})
}

func TestEmitterStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "heartbeats", Err: kerr.NotEnoughReplicas, Count: -1})
		stop := r.start(config(time.Second))
		r.pass(5 * time.Second)
		asked := time.Now()
		stop()
		if waited := time.Since(asked); waited != 0 {
			t.Errorf("stopped after %v", waited)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e, err := heartbeat.New(config(time.Second), r.deps)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run after the end: %v", err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	deps := heartbeat.Deps{
		Producer: (*kgo.Client)(nil), Admin: new(kadm.Client),
		Metrics: heartbeat.NewMetrics(nil), Logger: slog.New(slog.DiscardHandler),
	}
	tests := []struct {
		name string
		edit func(*heartbeat.Config, *heartbeat.Deps)
		text string
	}{
		{"no source", func(c *heartbeat.Config, _ *heartbeat.Deps) { c.Flow.Source = "" }, `flow "->B"`},
		{"no topic", func(c *heartbeat.Config, _ *heartbeat.Deps) { c.Topic = "" }, "no topic"},
		{"no interval", func(c *heartbeat.Config, _ *heartbeat.Deps) { c.Interval = 0 }, "interval 0s"},
		{"no metrics", func(_ *heartbeat.Config, d *heartbeat.Deps) { d.Metrics = nil }, "metrics"},
		{"alias too long", func(c *heartbeat.Config, _ *heartbeat.Deps) {
			c.Flow.Source = topology.Alias(strings.Repeat("x", 40000))
		}, "at most 32767"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, d := config(time.Second), deps
			tt.edit(&c, &d)
			if _, err := heartbeat.New(c, d); err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %q", err, tt.text)
			}
		})
	}
}
