package runtime

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/streams/internal/task"
)

// activity is what a thread spends time on.
type activity string

const (
	polls      activity = "poll"
	processes  activity = "process"
	punctuates activity = "punctuate"
	commits    activity = "commit"
)

// taskMetrics are the metrics of threads and tasks.
type taskMetrics struct {
	created, closed, enforced                               prometheus.Counter
	rounds                                                  *prometheus.HistogramVec
	aborted                                                 *prometheus.CounterVec
	sourceRecords, sourceBytes, sinkRecords, sinkBytes, out *prometheus.CounterVec
	sourceLatency, sinkLatency, lateness                    *latencies
	buffered, staged, remaining, eta                        *prometheus.GaugeVec
	heldKeys, heldBytes                                     *prometheus.GaugeVec
	iterators                                               *prometheus.GaugeVec
	ages                                                    *commitAges

	// What the summary in the log counts.
	records, punctuations, commitCount atomic.Int64
}

func newTaskMetrics(reg prometheus.Registerer, labels prometheus.Labels) (*taskMetrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels})
	}
	counters := func(name, help string, by ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, by)
	}
	gauges := func(name, help string, by ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, by)
	}
	m := &taskMetrics{
		created:  counter("mm2_streams_tasks_created_total", "Tasks that began to run."),
		closed:   counter("mm2_streams_tasks_closed_total", "Tasks that ran and were closed."),
		enforced: counter("mm2_streams_enforced_processing_total", "Records that were processed after max.task.idle.ms although another input might still bring earlier ones."),
		rounds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mm2_streams_activity_duration_seconds", ConstLabels: labels, Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
			Help: "How long a thread polled, processed the records of one task in one go, called punctuators, or committed; the rate of its sum is the share of time.",
		}, []string{"thread", "activity"}),
		aborted:       counters("mm2_streams_transactions_aborted_total", "Transactions that were not committed, by cause.", "cause"),
		sourceRecords: counters("mm2_streams_source_records_total", "Records that a source gave to its task's nodes.", "node"),
		sourceBytes:   counters("mm2_streams_source_bytes_total", "Bytes of keys, values and headers of these records.", "node"),
		sinkRecords:   counters("mm2_streams_sink_records_total", "Records that a sink sent.", "node"),
		sinkBytes:     counters("mm2_streams_sink_bytes_total", "Bytes of keys, values and headers of these records.", "node"),
		out:           counters("mm2_streams_held_results_emitted_total", "Results that were held back and then given, by a suppression or at the end of a window.", "node"),
		sourceLatency: newLatencies("mm2_streams_source_latency_seconds", "How long after its timestamp a record went into the topology.", true, labels),
		sinkLatency:   newLatencies("mm2_streams_sink_latency_seconds", "How long after its timestamp a result was sent.", true, labels),
		lateness:      newLatencies("mm2_streams_record_lateness_seconds", "How far records were behind the stream time of their task.", false, labels),
		buffered:      gauges("mm2_streams_buffered_records", "Records that wait in a task.", "task"),
		staged:        gauges("mm2_streams_staged_bytes", "Bytes that a task wrote to its stores since the last commit.", "task"),
		remaining:     gauges("mm2_streams_restore_remaining_records", "Offsets that a restore has still to read.", "task"),
		eta:           gauges("mm2_streams_restore_eta_seconds", "How long a restore takes still, at the speed it had so far.", "task"),
		heldKeys:      gauges("mm2_streams_suppression_keys", "Keys of which a suppression holds a change back.", "task", "store"),
		heldBytes:     gauges("mm2_streams_suppression_bytes", "About how many bytes they take.", "task", "store"),
		iterators:     gauges("mm2_streams_open_iterators", "Loops of queries over the rows of a store that are under way.", "store"),
		ages:          &commitAges{desc: prometheus.NewDesc("mm2_streams_commit_age_seconds", "How long ago a thread committed last.", []string{"thread"}, labels), last: make(map[int]time.Time)},
	}
	for _, cause := range []string{"fenced", "user_error", "refused_records", "error"} {
		m.aborted.WithLabelValues(cause)
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.created, m.closed, m.enforced, m.rounds, m.aborted, m.sourceRecords, m.sourceBytes, m.sinkRecords, m.sinkBytes, m.out,
		m.sourceLatency, m.sinkLatency, m.lateness, m.buffered, m.staged, m.remaining, m.eta, m.heldKeys, m.heldBytes, m.iterators, m.ages,
	} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

// spent notes how long a thread did something.
func (m *taskMetrics) spent(thread int, on activity, took time.Duration) {
	m.rounds.WithLabelValues(strconv.Itoa(thread), string(on)).Observe(took.Seconds())
}

// abortedBy counts a transaction that was given up.
func (m *taskMetrics) abortedBy(err error) {
	cause := "error"
	switch classify(err) {
	case migrated:
		cause = "fenced"
	case uncaught:
		cause = "user_error"
	case again, refused:
	}
	m.aborted.WithLabelValues(cause).Inc()
}

// holder is a store that holds changes back.
type holder interface {
	Held() (keys, bytes int64)
}

// note hands over what a running task has counted.
func (m *taskMetrics) note(o *owned) {
	s := o.task.Stats()
	for node, f := range s.Sources {
		m.flow(node, f, m.sourceRecords, m.sourceBytes, m.sourceLatency)
	}
	for node, f := range s.Sinks {
		m.flow(node, f, m.sinkRecords, m.sinkBytes, m.sinkLatency)
	}
	for node, n := range s.Emitted {
		m.out.WithLabelValues(node).Add(float64(n))
		delete(s.Emitted, node)
	}
	m.lateness.take("", &s.Lateness)
	m.enforced.Add(float64(s.Enforced))
	s.Enforced = 0
	id := o.id.String()
	m.buffered.WithLabelValues(id).Set(float64(o.task.BufferedAll()))
	m.staged.WithLabelValues(id).Set(float64(o.rows.staged.Size()))
	for _, store := range o.part.stores {
		if opened, ok := o.task.Opened(store.Name); ok {
			if h, ok := opened.(holder); ok {
				keys, bytes := h.Held()
				m.heldKeys.WithLabelValues(id, store.Name).Set(float64(keys))
				m.heldBytes.WithLabelValues(id, store.Name).Set(float64(bytes))
			}
		}
	}
}

func (m *taskMetrics) flow(node string, f *task.Flow, records, bytes *prometheus.CounterVec, l *latencies) {
	if f.Records == 0 {
		return
	}
	records.WithLabelValues(node).Add(float64(f.Records))
	bytes.WithLabelValues(node).Add(float64(f.Bytes))
	l.take(node, &f.Latencies)
	*f = task.Flow{}
}

// restoring says how far a restore is. forget removes the series of a task.
func (m *taskMetrics) restoring(j *job) {
	var remaining, read int64
	var elapsed time.Duration
	for _, l := range j.parts {
		remaining += max(l.end-l.next, 0)
		read += l.next - l.start
		elapsed = max(elapsed, time.Since(l.since))
	}
	id := j.id.String()
	m.remaining.WithLabelValues(id).Set(float64(remaining))
	if read > 0 {
		m.eta.WithLabelValues(id).Set(elapsed.Seconds() * float64(remaining) / float64(read))
	}
}

func (m *taskMetrics) restored(id task.ID) {
	m.remaining.DeleteLabelValues(id.String())
	m.eta.DeleteLabelValues(id.String())
}

func (m *taskMetrics) forget(id string) {
	for _, v := range []*prometheus.GaugeVec{m.buffered, m.staged, m.heldKeys, m.heldBytes} {
		v.DeletePartialMatch(prometheus.Labels{"task": id})
	}
}

// commitAges are the ages of the last commits of threads, as they are when they
// are asked for.
type commitAges struct {
	desc *prometheus.Desc

	mu   sync.Mutex // guards last
	last map[int]time.Time
}

func (c *commitAges) set(thread int, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last[thread] = at
}

// Describe implements prometheus.Collector.
func (c *commitAges) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect implements prometheus.Collector.
func (c *commitAges) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for thread, at := range c.last {
		to <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, time.Since(at).Seconds(), strconv.Itoa(thread))
	}
}
