package checkpoint

import (
	"github.com/prometheus/client_golang/prometheus"

	"mm2/topology"
)

// SyncMetrics are the metrics of all [SyncWriter]s of a process. The zero value
// is not usable; build one with [NewSyncMetrics] and share it.
type SyncMetrics struct {
	written, errors *prometheus.CounterVec
}

// NewSyncMetrics registers the metrics and panics if the registry has them
// already. With a nil registerer they are counted but not exported.
func NewSyncMetrics(reg prometheus.Registerer) *SyncMetrics {
	labels := []string{"source", "target"}
	m := &SyncMetrics{
		written: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_offset_syncs_total",
			Help: "Offset syncs in the format of MirrorMaker 2 that their cluster acknowledged.",
		}, labels),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_offset_sync_errors_total",
			Help: "Attempts to write offset syncs that failed; they are tried again.",
		}, labels),
	}
	if reg != nil {
		reg.MustRegister(m.written, m.errors)
	}
	return m
}

// Forget drops the series of a flow that is no longer configured.
func (m *SyncMetrics) Forget(flow topology.FlowID) {
	m.written.DeleteLabelValues(string(flow.Source), string(flow.Target))
	m.errors.DeleteLabelValues(string(flow.Source), string(flow.Target))
}

// syncMetrics are the two series of one writer.
type syncMetrics struct {
	written, errors prometheus.Counter
}

func (m *SyncMetrics) of(flow topology.FlowID) syncMetrics {
	return syncMetrics{
		written: m.written.WithLabelValues(string(flow.Source), string(flow.Target)),
		errors:  m.errors.WithLabelValues(string(flow.Source), string(flow.Target)),
	}
}
