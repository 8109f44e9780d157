package app

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/internal/stage"
)

// sends tells whether stages send records elsewhere than to the copies.
func sends(stages []stage.Config) bool {
	return slices.ContainsFunc(stages, func(c stage.Config) bool { return c.Kind == stage.Route })
}

var (
	stageLabels = []string{"source", "target", "stage"}

	stageIn = prometheus.NewDesc("mm2_stage_records_in_total",
		"Records that came to the stage, of what was committed.", stageLabels, nil)
	stageOut = prometheus.NewDesc("mm2_stage_records_out_total",
		"Records that left the stage, of what was committed.", stageLabels, nil)
	stageDropped = prometheus.NewDesc("mm2_stage_records_dropped_total",
		"Records that the stage left out, of what was committed.", stageLabels, nil)
	stageRouted = prometheus.NewDesc("mm2_stage_records_routed_total",
		"Records that the stage sent elsewhere than to the copy, of what was committed.", stageLabels, nil)
)

// collectStages exports what the stages of a flow did.
func (f *flow) collectStages(ch chan<- prometheus.Metric) {
	for _, s := range f.stages.Status() {
		for d, n := range map[*prometheus.Desc]int64{stageIn: s.In, stageOut: s.Out, stageDropped: s.Dropped, stageRouted: s.Routed} {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), string(f.cfg.ID.Source), string(f.cfg.ID.Target), s.Name)
		}
	}
}
