package replicator

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/internal/kafka"
	"mm2/internal/lane"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// Metrics are the series of all flows of a process. Build them once with
// NewMetrics; every Replicator registers itself.
type Metrics struct {
	records, bytes           *prometheus.CounterVec // source, target, topic
	latency, commitDuration  *prometheus.HistogramVec
	commits, aborts, fences  *prometheus.CounterVec
	hanging, discoveryErrors *prometheus.CounterVec
	trouble, lost, foreign   *prometheus.CounterVec

	mu    sync.Mutex // guards flows
	flows map[topology.FlowID]*Replicator
}

var (
	flowLabels  = []string{"source", "target"}
	topicLabels = []string{"source", "target", "topic"}
	laneLabels  = []string{"source", "target", "lane"}

	lagRecords = prometheus.NewDesc("mm2_lag_records",
		"Source offsets of the topic that this worker's lanes have not read yet.", topicLabels, nil)
	lagSeconds = prometheus.NewDesc("mm2_lag_seconds",
		"How far the topic's copy is behind: while records wait, the age of the newest record read, otherwise 0.", topicLabels, nil)
	parkedPartitions = prometheus.NewDesc("mm2_parked_partitions",
		"Partitions set aside because a person must act; their neighbours go on.", flowLabels, nil)
	laneOwned = prometheus.NewDesc("mm2_lane_owned",
		"1 for each lane assigned to this worker.", laneLabels, nil)
	laneState = prometheus.NewDesc("mm2_lanes",
		"Lanes assigned to this worker by state.", []string{"source", "target", "state"}, nil)
	flowLanes = prometheus.NewDesc("mm2_flow_lanes",
		"Lanes that the flow has, on all workers; 0 while this worker does not know.", flowLabels, nil)
	discovered = prometheus.NewDesc("mm2_partitions",
		"Partitions of the flow that discovery found fit to copy, on all workers.", flowLabels, nil)
)

// NewMetrics builds and registers the series.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &Metrics{
		records:         counter("mm2_records_total", "Records committed on the target.", topicLabels...),
		bytes:           counter("mm2_bytes_total", "Uncompressed bytes of keys, values and headers committed on the target.", topicLabels...),
		commits:         counter("mm2_commits_total", "Transactions committed on the target, with records or marks.", flowLabels...),
		aborts:          counter("mm2_aborts_total", "Transactions given up and replayed from the committed marks, by reason.", "source", "target", "reason"),
		fences:          counter("mm2_fences_total", "Times a lane of this worker was fenced by another owner or its transaction timed out.", flowLabels...),
		hanging:         counter("mm2_hanging_transactions_total", "Transactions that a target crash left hanging and that mm2 finished, by outcome.", "source", "target", "outcome"),
		discoveryErrors: counter("mm2_discovery_errors_total", "Failed rounds of topic discovery.", flowLabels...),
		trouble:         counter("mm2_trouble_total", "Times that a partition could not simply be copied on, by what was wrong and what was done about it.", "source", "target", "kind", "action"),
		lost:            counter("mm2_lost_records_total", "Source offsets given up by a policy, by what was wrong, as far as the number can be told.", "source", "target", "kind"),
		foreign:         counter("mm2_foreign_records_total", "Records that somebody else was found to have written into copies.", flowLabels...),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mm2_end_to_end_latency_seconds",
			Help: "Time from a record's timestamp to its commit on the target, measured on the newest record of each batch.",
			// From a local link (2 ms) to a backlog of a day.
			Buckets: []float64{.001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400},
		}, flowLabels),
		commitDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mm2_commit_duration_seconds",
			Help:    "Time from the first write of a transaction to the end of its commit.",
			Buckets: []float64{.001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, flowLabels),
		flows: map[topology.FlowID]*Replicator{},
	}
	reg.MustRegister(m.records, m.bytes, m.commits, m.aborts, m.fences, m.hanging, m.discoveryErrors, m.trouble, m.lost, m.foreign, m.latency, m.commitDuration, m)
	return m
}

func (m *Metrics) add(r *Replicator) {
	m.mu.Lock()
	m.flows[r.cfg.Flow.ID] = r
	m.mu.Unlock()
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lagRecords, lagSeconds, parkedPartitions, laneOwned, laneState, flowLanes, discovered} {
		ch <- d
	}
}

// Collect implements prometheus.Collector: lag and ownership are read when asked.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	flows := make([]*Replicator, 0, len(m.flows))
	for _, r := range m.flows {
		flows = append(flows, r)
	}
	m.mu.Unlock()
	for _, r := range flows {
		r.Status().collect(ch)
	}
}

func (s Status) collect(ch chan<- prometheus.Metric) {
	src, dst := string(s.Flow.Source), string(s.Flow.Target)
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{src, dst}, labels...)...)
	}
	states := map[lane.State]int{lane.Opening: 0, lane.Running: 0, lane.Waiting: 0, lane.Parked: 0}
	records, seconds, parked := map[string]int64{}, map[string]float64{}, 0
	for _, l := range s.Lanes {
		states[l.State]++
		gauge(laneOwned, 1, itoa(l.ID))
		for _, p := range l.Partitions {
			records[p.Topic] += p.LagRecords
			seconds[p.Topic] = max(seconds[p.Topic], p.LagSeconds)
			if p.Parked != "" {
				parked++
			}
		}
	}
	for t, n := range records {
		gauge(lagRecords, float64(n), t)
		gauge(lagSeconds, seconds[t], t)
	}
	for st, n := range states {
		gauge(laneState, float64(n), string(st))
	}
	gauge(parkedPartitions, float64(parked))
	gauge(flowLanes, float64(s.LaneCount))
	gauge(discovered, float64(s.Discovery.Partitions))
}

// flowMetrics are the series of one flow, and the observer that moves them.
type flowMetrics struct {
	all                     *Metrics
	src, dst                string
	commits, fences         prometheus.Counter
	discoveryErrors         prometheus.Counter
	latency, commitDuration prometheus.Observer

	mu     sync.Mutex // guards what follows
	topics map[string]topicCounters
	aside  map[pipeline.Partition]aside // partitions that are set aside, and why
}

// aside is what a partition is set aside for. Found again where it stands, it is
// the same trouble.
type aside struct {
	kind   kafka.Kind
	offset int64
}

type topicCounters struct{ records, bytes prometheus.Counter }

// of makes the flow's series, at zero, so that rates have a start.
func (m *Metrics) of(id topology.FlowID) *flowMetrics {
	src, dst := string(id.Source), string(id.Target)
	f := &flowMetrics{
		all: m, src: src, dst: dst,
		commits: m.commits.WithLabelValues(src, dst), fences: m.fences.WithLabelValues(src, dst),
		discoveryErrors: m.discoveryErrors.WithLabelValues(src, dst),
		latency:         m.latency.WithLabelValues(src, dst), commitDuration: m.commitDuration.WithLabelValues(src, dst),
		topics: map[string]topicCounters{}, aside: map[pipeline.Partition]aside{},
	}
	for _, r := range []string{"fenced", "refused", "trouble", "fatal", "hanging", "stopped", "timeout", "error"} {
		m.aborts.WithLabelValues(src, dst, r)
	}
	for _, o := range []string{"commit", "abort"} {
		m.hanging.WithLabelValues(src, dst, o)
	}
	for _, k := range kafka.Kinds() {
		for _, action := range k.Actions() {
			m.trouble.WithLabelValues(src, dst, string(k), action)
		}
		m.lost.WithLabelValues(src, dst, string(k))
	}
	m.foreign.WithLabelValues(src, dst)
	return f
}

// Committed implements pipeline.Observer.
func (f *flowMetrics) Committed(r *pipeline.Receipt) {
	f.commits.Inc()
	f.commitDuration.Observe(r.Took.Seconds())
	for _, b := range r.Batches {
		t := f.topic(b.Source.Topic)
		t.records.Add(float64(b.Records))
		t.bytes.Add(float64(b.Bytes))
		if b.Stamped > 0 {
			f.latency.Observe(max(r.At.Sub(b.Newest), 0).Seconds())
		}
	}
}

func (f *flowMetrics) topic(name string) topicCounters {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.topics[name]
	if !ok {
		t = topicCounters{f.all.records.WithLabelValues(f.src, f.dst, name), f.all.bytes.WithLabelValues(f.src, f.dst, name)}
		f.topics[name] = t
	}
	return t
}

// forget drops the series of topics that are no longer copied.
func (f *flowMetrics) forget(s *snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.topics {
		if _, ok := s.topics[name]; !ok {
			f.all.records.DeleteLabelValues(f.src, f.dst, name)
			f.all.bytes.DeleteLabelValues(f.src, f.dst, name)
			delete(f.topics, name)
		}
	}
}

func (f *flowMetrics) aborted(err error) {
	why := reason(err)
	f.all.aborts.WithLabelValues(f.src, f.dst, why).Inc()
	if why == "fenced" {
		f.fences.Inc()
	}
}

func (f *flowMetrics) healed(commit bool) {
	out := "abort"
	if commit {
		out = "commit"
	}
	f.all.hanging.WithLabelValues(f.src, f.dst, out).Inc()
}

// trouble counts a trouble. What a partition is set aside for is found again
// whenever its lane begins anew, and is counted once.
func (f *flowMetrics) trouble(t kafka.Trouble) {
	if !f.news(t) {
		return
	}
	f.all.trouble.WithLabelValues(f.src, f.dst, string(t.Kind), t.Action).Inc()
	f.all.lost.WithLabelValues(f.src, f.dst, string(t.Kind)).Add(float64(max(t.Lost, 0)))
	f.all.foreign.WithLabelValues(f.src, f.dst).Add(float64(t.Foreign))
}

func (f *flowMetrics) news(t kafka.Trouble) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.Action != string(kafka.Halt) && t.Action != string(kafka.Park) {
		delete(f.aside, t.Partition)
		return true
	}
	found := aside{t.Kind, t.Offset}
	known := f.aside[t.Partition] == found
	f.aside[t.Partition] = found
	return !known
}

// lagSince is how long ago the newest record read was written, while more waits.
func lagSince(now, newest time.Time, lag int64) float64 {
	if lag == 0 || newest.IsZero() {
		return 0
	}
	return max(now.Sub(newest), 0).Seconds()
}
