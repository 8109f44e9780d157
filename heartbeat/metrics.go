package heartbeat

import (
	"github.com/prometheus/client_golang/prometheus"

	"mm2/topology"
)

// Metrics are the metrics of all emitters of a process. The zero value is not
// usable; build one with [NewMetrics] and share it.
type Metrics struct {
	emitted, errors *prometheus.CounterVec
}

// NewMetrics registers the metrics and panics if the registry has them
// already. With a nil registerer they are counted but not exported.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	labels := []string{"flow", "cluster"}
	m := &Metrics{
		emitted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_heartbeats_emitted_total",
			Help: "Heartbeats that the cluster acknowledged.",
		}, labels),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_heartbeat_errors_total",
			Help: "Attempts to write a heartbeat that failed, or that the cluster left unanswered for too long.",
		}, labels),
	}
	if reg != nil {
		reg.MustRegister(m.emitted, m.errors)
	}
	return m
}

// Forget drops the series of a flow that is no longer configured.
func (m *Metrics) Forget(flow topology.FlowID) {
	labels := prometheus.Labels{"flow": flow.String()}
	m.emitted.DeletePartialMatch(labels)
	m.errors.DeletePartialMatch(labels)
}

// emitterMetrics are the two series of one emitter.
type emitterMetrics struct {
	emitted, errors prometheus.Counter
}

// of returns the series of one emitter, which are zero until it emits.
func (m *Metrics) of(flow topology.FlowID, cluster topology.Alias) emitterMetrics {
	return emitterMetrics{
		emitted: m.emitted.WithLabelValues(flow.String(), string(cluster)),
		errors:  m.errors.WithLabelValues(flow.String(), string(cluster)),
	}
}
