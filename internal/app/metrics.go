package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"mm2/internal/version"
)

// appMetrics are the series of the process and of flows as a whole.
type appMetrics struct{ app *App }

var (
	buildInfo = prometheus.NewDesc("mm2_build_info", "1, with the version as a label.", []string{"version", "worker"}, nil)
	flowState = prometheus.NewDesc("mm2_flow_state",
		"1 for the state that the flow is in on this worker, 0 for the others.", []string{"source", "target", "state"}, nil)
)

func newAppMetrics(a *App) prometheus.Collector { return appMetrics{a} }

// Describe implements prometheus.Collector.
func (m appMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- buildInfo
	ch <- flowState
	for _, d := range []*prometheus.Desc{stageIn, stageOut, stageDropped, stageRouted} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m appMetrics) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, version.String(), m.app.worker)
	for _, f := range m.app.flows {
		f.collectStages(ch)
		s := f.status()
		for _, st := range []State{Starting, Running, Degraded, Down} {
			v := 0.0
			if s.State == st {
				v = 1
			}
			ch <- prometheus.MustNewConstMetric(flowState, prometheus.GaugeValue, v, string(s.Source), string(s.Target), string(st))
		}
	}
}
