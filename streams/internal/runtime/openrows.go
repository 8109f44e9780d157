package runtime

import (
	"iter"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/streams/state"
)

// watchedRows count the scans of queries that are under way.
type watchedRows struct {
	state.Rows
	open prometheus.Gauge
}

// Scan implements state.Rows.
func (r watchedRows) Scan(from, to []byte, reverse bool) iter.Seq2[state.Row, error] {
	return func(yield func(state.Row, error) bool) {
		r.open.Inc()
		defer r.open.Dec()
		r.Rows.Scan(from, to, reverse)(yield)
	}
}
