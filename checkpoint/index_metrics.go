package checkpoint

import (
	"github.com/prometheus/client_golang/prometheus"

	"mm2/topology"
)

// IndexMetrics are the metrics of the offset maps of a process. The zero value
// is not usable; build one with [NewIndexMetrics] and share it.
type IndexMetrics struct {
	ready, partitions, segments, bytes, thinned *prometheus.GaugeVec
}

// NewIndexMetrics registers the metrics and panics if the registry has them
// already. With a nil registerer they are kept but not exported.
func NewIndexMetrics(reg prometheus.Registerer) *IndexMetrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"source", "target"})
	}
	m := &IndexMetrics{
		ready:      gauge("mm2_offset_map_ready", "1 once this worker, which runs the flow's control tasks, has read the whole offset map."),
		partitions: gauge("mm2_offset_map_partitions", "Source partitions in the offset map."),
		segments:   gauge("mm2_offset_map_segments", "Segments in the offset map: runs of records that are consecutive on both sides."),
		bytes:      gauge("mm2_offset_map_bytes", "Memory for the offset map."),
		thinned:    gauge("mm2_offset_map_thinned_segments", "Segments left out of the offset map since it was last read, to keep it within its budget."),
	}
	if reg != nil {
		reg.MustRegister(m.ready, m.partitions, m.segments, m.bytes, m.thinned)
	}
	return m
}

// Forget drops the series of a flow that is no longer configured.
func (m *IndexMetrics) Forget(flow topology.FlowID) {
	for _, v := range []*prometheus.GaugeVec{m.ready, m.partitions, m.segments, m.bytes, m.thinned} {
		v.DeleteLabelValues(string(flow.Source), string(flow.Target))
	}
}

// indexMetrics are the series of one index.
type indexMetrics struct {
	ready, partitions, segments, bytes, thinned prometheus.Gauge
}

func (m *IndexMetrics) of(flow topology.FlowID) indexMetrics {
	one := func(v *prometheus.GaugeVec) prometheus.Gauge {
		return v.WithLabelValues(string(flow.Source), string(flow.Target))
	}
	return indexMetrics{one(m.ready), one(m.partitions), one(m.segments), one(m.bytes), one(m.thinned)}
}

func (m indexMetrics) set(s IndexStats) {
	ready := 0.0
	if s.Ready {
		ready = 1
	}
	m.ready.Set(ready)
	m.partitions.Set(float64(s.Partitions))
	m.segments.Set(float64(s.Segments))
	m.bytes.Set(float64(s.Bytes))
	m.thinned.Set(float64(s.Thinned))
}
