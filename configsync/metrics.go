package configsync

import (
	"github.com/prometheus/client_golang/prometheus"

	"mm2/topology"
)

// Metrics are the metrics of all flows of a process. The zero value is not
// usable; build one with [NewMetrics] and share it.
type Metrics struct {
	changes       *prometheus.CounterVec
	errors        *prometheus.CounterVec
	drift, lastOK *prometheus.GaugeVec
}

// NewMetrics registers the metrics and panics if the registry has them
// already. With a nil registerer they are counted but not exported.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	labels := []string{"source", "target"}
	m := &Metrics{
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_config_sync_changes_total",
			Help: "Changes made on the target to keep topics, configs and ACLs in step with the source, by kind.",
		}, append(labels, "kind")),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_config_sync_errors_total",
			Help: "Rounds of config sync that failed as a whole.",
		}, labels),
		drift: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mm2_config_sync_drift",
			Help: "Differences between target and source that were left after the last round, on the worker that runs it.",
		}, labels),
		lastOK: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mm2_config_sync_last_success_timestamp_seconds",
			Help: "When a round of config sync last succeeded on this worker; 0 if none has.",
		}, labels),
	}
	if reg != nil {
		reg.MustRegister(m.changes, m.errors, m.drift, m.lastOK)
	}
	return m
}

// flowMetrics are the series of one flow.
type flowMetrics struct {
	changes       map[ChangeKind]prometheus.Counter
	errors        prometheus.Counter
	drift, lastOK prometheus.Gauge
}

// of returns the series of one flow, which are zero until something happens.
func (m *Metrics) of(flow topology.FlowID) *flowMetrics {
	labels := []string{string(flow.Source), string(flow.Target)}
	f := &flowMetrics{
		changes: make(map[ChangeKind]prometheus.Counter),
		errors:  m.errors.WithLabelValues(labels...),
		drift:   m.drift.WithLabelValues(labels...),
		lastOK:  m.lastOK.WithLabelValues(labels...),
	}
	for _, k := range ChangeKinds() {
		f.changes[k] = m.changes.WithLabelValues(append(labels[:2:2], string(k))...)
	}
	return f
}
