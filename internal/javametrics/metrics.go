package javametrics

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/topology"
)

// The formats of metric.names.formats.
const (
	Legacy = "legacy" // kafka.connect.mirror:type=MirrorSourceConnector
	New    = "new"    // kafka.connect:type=plugins (KIP-1280)
)

// Metrics are the series of all flows of a process. Build them with [NewMetrics].
type Metrics struct {
	legacy, plugins *format // nil: not exposed

	mu    sync.Mutex // guards flows
	flows []*Recorder
}

// format is one way to name the metrics of the two connectors.
type format struct {
	source, checkpoint []*prometheus.Desc
	// labels go before those of the partition.
	labels func(connector string, task int) []string
}

// NewMetrics registers the series in the given formats, and those of Connect
// workers and clients that dashboards for MirrorMaker 2 show besides. Without a
// format it registers nothing and recorders keep nothing.
func NewMetrics(reg prometheus.Registerer, formats ...string) (*Metrics, error) {
	m := &Metrics{}
	for _, f := range formats {
		switch f {
		case Legacy:
			m.legacy = &format{
				source:     descs(legacySource, sourceAttributes, partitionLabels...),
				checkpoint: descs(legacyCheckpoint, checkpointAttributes, groupLabels...),
				labels:     func(string, int) []string { return nil },
			}
		case New:
			m.plugins = &format{
				source:     descs(plugins, sourceAttributes, slices.Concat(pluginLabels, partitionLabels)...),
				checkpoint: descs(plugins, checkpointAttributes, slices.Concat(pluginLabels, groupLabels)...),
				labels:     func(connector string, task int) []string { return []string{connector, strconv.Itoa(task)} },
			}
		default:
			return nil, fmt.Errorf("format %q of Java's metrics: want %s or %s", f, Legacy, New)
		}
	}
	if m.formats() == nil {
		return m, nil
	}
	if err := reg.Register(m); err != nil {
		return nil, fmt.Errorf("register Java's metrics: %w", err)
	}
	return m, nil
}

func (m *Metrics) formats() (out []*format) {
	for _, f := range []*format{m.legacy, m.plugins} {
		if f != nil {
			out = append(out, f)
		}
	}
	return out
}

// Recorder returns the recorder of one flow; nil, which keeps nothing, if no
// format is exposed. share is asked at each scrape which part of the flow is
// this worker's: only that is shown, as a task of Java shows only its own
// partitions.
func (m *Metrics) Recorder(flow topology.Flow, share func() Share) *Recorder {
	if m.formats() == nil {
		return nil
	}
	r := newRecorder(flow, share)
	m.mu.Lock()
	m.flows = append(m.flows, r)
	m.mu.Unlock()
	return r
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range m.formats() {
		for _, d := range slices.Concat(f.source, f.checkpoint) {
			ch <- d
		}
	}
	for _, d := range connectDescs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	flows := slices.Clone(m.flows)
	m.mu.Unlock()
	shares := make([]Share, len(flows))
	for i, r := range flows {
		shares[i] = r.share()
		for _, metric := range r.collect(m.formats(), shares[i]) {
			ch <- metric
		}
		collectFlow(ch, r.flow.ID, shares[i])
	}
	collectWorker(ch, shares)
}

// collect tells what the connectors of one flow measured. A partition of ours
// that nothing was copied of yet has its series, as in Java.
func (r *Recorder) collect(formats []*format, share Share) (out []prometheus.Metric) {
	source, target := string(r.flow.ID.Source), string(r.flow.ID.Target)
	now := time.Now().UnixMilli()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range share.Lanes {
		for _, p := range l.Partitions {
			values := r.partition(p.Partition).values(now)
			for _, f := range formats {
				out = appendMetrics(out, f.source, values, append(f.labels(sourceConnector, l.ID),
					source, target, quoted(r.flow.RemoteTopic(p.Topic)), strconv.Itoa(int(p.Partition.Partition))))
			}
		}
	}
	for id, g := range r.checkpoints {
		values := g.values(now)
		for _, f := range formats {
			out = appendMetrics(out, f.checkpoint, values, append(f.labels(checkpointConnector, 0),
				source, target, quoted(id.group), quoted(id.topic), strconv.Itoa(int(id.index))))
		}
	}
	return out
}

// appendMetrics makes one metric of each attribute.
func appendMetrics(out []prometheus.Metric, descs []*prometheus.Desc, values []float64, labels []string) []prometheus.Metric {
	for i, d := range descs {
		out = append(out, gaugeMetric(d, values[i], labels...))
	}
	return out
}

// values are in the order of sourceAttributes.
func (p *partition) values(now int64) []float64 {
	out := []float64{p.records.total, p.records.rate(now), p.bytes.total, p.bytes.rate(now)}
	return slices.Concat(out, p.age.values(now), p.latency.values(now))
}

// values are in the order of checkpointAttributes.
func (g *gauge) values(now int64) []float64 {
	least, most, avg := g.extremes(now)
	return []float64{g.last, least, most, avg}
}
