package checkpoint

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/topology"
)

// Metrics are the series of all flows of a process. Build them once with
// NewMetrics; every Task registers itself.
type Metrics struct {
	checkpoints, errors, syncs *prometheus.CounterVec
	staleness                  *prometheus.HistogramVec

	mu    sync.Mutex // guards tasks
	tasks map[topology.FlowID]*Task
}

var (
	flowLabels = []string{"source", "target"}

	checkpointAge = prometheus.NewDesc("mm2_checkpoint_age_seconds",
		"How long the oldest group position that no checkpoint covers has been waiting; 0 while none waits.", flowLabels, nil)
	groupCount = prometheus.NewDesc("mm2_groups",
		"Consumer groups of the source that the flow carries over, by state, and those whose type is unsupported.", []string{"source", "target", "state"}, nil)
)

// The parts of the work that fail by themselves.
const (
	partFollow = "follow"
	partLoad   = "load"
	partEmit   = "checkpoints"
	partSync   = "group_sync"
)

// NewMetrics builds and registers the series.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		checkpoints: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_checkpoints_total", Help: "Checkpoints that the target acknowledged.",
		}, flowLabels),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_checkpoint_errors_total", Help: "Failures to follow groups, to read or write checkpoints, or to commit positions on the target; each is tried again.",
		}, []string{"source", "target", "part"}),
		syncs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_group_sync_total", Help: "Looks at a group on the target to commit its positions there, by what became of them.",
		}, []string{"source", "target", "result"}),
		staleness: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mm2_group_staleness_seconds",
			Help: "Time from a group's commit on the source to the commit of its translation on the target, where the time of the first is known.",
			// From one round trip to a group that waited out a long outage.
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200},
		}, flowLabels),
		tasks: map[topology.FlowID]*Task{},
	}
	if reg != nil {
		reg.MustRegister(m.checkpoints, m.errors, m.syncs, m.staleness, m)
	}
	return m
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- checkpointAge
	ch <- groupCount
}

// Collect implements prometheus.Collector. A flow that another worker carries
// has no series here.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	tasks := make([]*Task, 0, len(m.tasks))
	for _, t := range m.tasks {
		tasks = append(tasks, t)
	}
	m.mu.Unlock()
	for _, t := range tasks {
		s := t.running()
		if s == nil {
			continue
		}
		source, target := string(t.cfg.Flow.ID.Source), string(t.cfg.Flow.ID.Target)
		byState, notSupported, oldest := s.counts(time.Now())
		ch <- prometheus.MustNewConstMetric(checkpointAge, prometheus.GaugeValue, oldest.Seconds(), source, target)
		for _, state := range groupStates {
			ch <- prometheus.MustNewConstMetric(groupCount, prometheus.GaugeValue, float64(byState[state]), source, target, string(state))
		}
		ch <- prometheus.MustNewConstMetric(groupCount, prometheus.GaugeValue, float64(notSupported), source, target, "unsupported")
	}
}

// taskMetrics are the series of one flow, all of them from the start.
type taskMetrics struct {
	checkpoints prometheus.Counter
	staleness   prometheus.Observer
	errors      func(part string) prometheus.Counter
	syncs       func(result SyncResult) prometheus.Counter
}

func (m *Metrics) add(t *Task) taskMetrics {
	m.mu.Lock()
	m.tasks[t.cfg.Flow.ID] = t
	m.mu.Unlock()
	source, target := string(t.cfg.Flow.ID.Source), string(t.cfg.Flow.ID.Target)
	out := taskMetrics{
		checkpoints: m.checkpoints.WithLabelValues(source, target),
		staleness:   m.staleness.WithLabelValues(source, target),
		errors:      func(part string) prometheus.Counter { return m.errors.WithLabelValues(source, target, part) },
		syncs: func(result SyncResult) prometheus.Counter {
			return m.syncs.WithLabelValues(source, target, string(result))
		},
	}
	for _, part := range []string{partFollow, partLoad, partEmit, partSync} {
		out.errors(part)
	}
	for _, result := range syncResults {
		out.syncs(result)
	}
	return out
}
