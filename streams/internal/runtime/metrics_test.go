package runtime_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/streams"
)

// gathered is the sum of a metric over its series, counts of histograms included.
func gathered(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

func TestMetrics(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		b := streams.NewBuilder()
		in := streams.Stream[string, string](b, "in")
		counted := streams.WindowedBy(in.GroupByKey(), streams.Tumbling(time.Second)).Count(streams.Store("windows"))
		held := counted.Suppress(streams.UntilWindowCloses(streams.Unbounded()), streams.Named("held")).ToStream()
		streams.Map(held, func(w streams.Windowed[string], n int64) (string, int64) { return w.Key, n }).To("out")
		top := build(t, b)
		reg := prometheus.NewRegistry()
		a := r.start("a", top, exactlyOnce, func(c *streams.Config) { c.Metrics = reg })
		r.running(a)
		r.cluster.Produce(t, timed("in", 0, "k", 100), timed("in", 0, "l", 900), timed("in", 0, "m", 300), timed("in", 0, "k", 5000))
		r.until("two windows are given", func() bool { return len(r.cluster.Committed(t, "out")) == 3 })
		for name, want := range map[string]float64{
			"mm2_streams_source_records_total":       4,
			"mm2_streams_source_bytes_total":         8,
			"mm2_streams_source_latency_seconds":     4,
			"mm2_streams_sink_records_total":         3,
			"mm2_streams_sink_bytes_total":           27,
			"mm2_streams_sink_latency_seconds":       3,
			"mm2_streams_record_lateness_seconds":    4,
			"mm2_streams_held_results_emitted_total": 3,
			"mm2_streams_suppression_keys":           1,
			"mm2_streams_tasks_created_total":        1,
			"mm2_streams_tasks_closed_total":         0,
			"mm2_streams_buffered_records":           0,
			"mm2_streams_staged_bytes":               0,
			"mm2_streams_enforced_processing_total":  0,
			"mm2_streams_transactions_aborted_total": 0,
			"mm2_streams_restore_remaining_records":  0,
			"mm2_streams_open_iterators":             0,
			"mm2_streams_records_processed_total":    4,
			"mm2_streams_dropped_records_total":      0,
		} {
			if got := gathered(t, reg, name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		for _, name := range []string{"mm2_streams_activity_duration_seconds", "mm2_streams_commit_age_seconds", "mm2_streams_suppression_bytes"} {
			if gathered(t, reg, name) <= 0 {
				t.Errorf("%s is not positive", name)
			}
		}
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		if n := gathered(t, reg, "mm2_streams_suppression_keys"); n != 0 || gathered(t, reg, "mm2_streams_tasks_closed_total") != 1 {
			t.Errorf("a task that is closed has %v keys", n)
		}
	})
}

func TestAbortsByCause(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 1)
		r.cluster.Create(t, "out", 1)
		reg := prometheus.NewRegistry()
		fail := func(rec streams.Record[string, string]) error {
			if rec.Value == "bad" {
				panic("bad")
			}
			return nil
		}
		a := r.start("a", counting(t, false, fail), exactlyOnce, func(c *streams.Config) { c.Metrics = reg })
		r.running(a)
		r.cluster.Produce(t, record("in", 0, "k", "good"), record("in", 0, "k", "bad"))
		<-a.done
		if n := gathered(t, reg, "mm2_streams_transactions_aborted_total"); n != 1 {
			t.Errorf("%v transactions were aborted", n)
		}
	})
}

// lines keep what is logged.
type lines struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), what)
}

func TestSummary(t *testing.T) {
	for _, every := range []time.Duration{time.Minute, -1} {
		t.Run(every.String(), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 1)
				r.cluster.Create(t, "out", 1)
				var log lines
				a := r.start("a", counting(t, false, nil), func(c *streams.Config) {
					c.SummaryInterval, c.Logger = every, slog.New(slog.NewTextHandler(&log, nil))
				})
				r.running(a)
				r.produce("in", 1, 0, 9)
				time.Sleep(5 * time.Minute)
				if err := a.end(); err != nil {
					t.Errorf("end: %v", err)
				}
				if got := log.has("msg=summary app=app records=9 punctuations=0"); got != (every > 0) {
					t.Errorf("a summary is written: %v", got)
				}
			})
		})
	}
}
