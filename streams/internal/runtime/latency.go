package runtime

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/streams/internal/task"
)

// latencies is a histogram that takes many times at once: tasks count them
// without a lock and hand them over once a round.
type latencies struct {
	desc *prometheus.Desc

	mu     sync.Mutex // guards byNode
	byNode map[string]*task.Latencies
}

// newLatencies has the label node if perNode, else none.
func newLatencies(name, help string, perNode bool, labels prometheus.Labels) *latencies {
	var variable []string
	if perNode {
		variable = []string{"node"}
	}
	return &latencies{desc: prometheus.NewDesc(name, help, variable, labels), byNode: make(map[string]*task.Latencies)}
}

// take adds what was counted, and resets it.
func (l *latencies) take(node string, from *task.Latencies) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.byNode[node]
	if to == nil {
		to = new(task.Latencies)
		l.byNode[node] = to
	}
	for i, n := range from.Buckets {
		to.Buckets[i] += n
	}
	to.Millis += from.Millis
	*from = task.Latencies{}
}

// Describe implements prometheus.Collector.
func (l *latencies) Describe(to chan<- *prometheus.Desc) { to <- l.desc }

// Collect implements prometheus.Collector.
func (l *latencies) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for node, counted := range l.byNode {
		buckets := make(map[float64]uint64, task.LatencyBuckets)
		total, bound := uint64(0), 0.001
		for i, n := range counted.Buckets {
			total += n
			if i < task.LatencyBuckets {
				buckets[bound] = total
				bound *= 4
			}
		}
		var values []string
		if node != "" {
			values = []string{node}
		}
		to <- prometheus.MustNewConstHistogram(l.desc, total, float64(counted.Millis)/1000, buckets, values...)
	}
}
