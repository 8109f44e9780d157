package runtime

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	state, alive                                       prometheus.Gauge
	failedThreads, consumed, processed, sent, restored prometheus.Counter
	transactions, globalRecords                        prometheus.Counter
	dropped                                            *prometheus.CounterVec
	commits                                            prometheus.Histogram
	lastCommit                                         *prometheus.GaugeVec
	incarnations                                       prometheus.Counter
	tasks                                              *taskMetrics
}

func newMetrics(reg prometheus.Registerer, app string) (*metrics, error) {
	labels := prometheus.Labels{"app": app}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels})
	}
	m := &metrics{
		state:         gauge("mm2_streams_state", "State of the application: 0 created, 1 rebalancing, 2 running, 3 pending shutdown, 4 pending error, 5 not running, 6 error."),
		alive:         gauge("mm2_streams_alive_threads", "Threads that are at work."),
		failedThreads: counter("mm2_streams_failed_threads_total", "Errors that ended a thread and went to the uncaught handler."),
		incarnations:  counter("mm2_streams_thread_starts_total", "Starts of threads, the first ones and those after an error."),
		consumed:      counter("mm2_streams_records_consumed_total", "Records that tasks were given."),
		processed:     counter("mm2_streams_records_processed_total", "Records that went through the topology."),
		sent:          counter("mm2_streams_records_sent_total", "Records that tasks handed to the producer, those of internal topics included."),
		restored:      counter("mm2_streams_records_restored_total", "Changelog records that were written into stores."),
		globalRecords: counter("mm2_streams_global_records_total", "Records that global stores were given."),
		transactions:  counter("mm2_streams_transactions_committed_total", "Transactions that were committed."),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mm2_streams_dropped_records_total", Help: "Records that a node dropped, by reason.", ConstLabels: labels,
		}, []string{"task", "node", "reason"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mm2_streams_commit_duration_seconds", Help: "How long commits took.", ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
		lastCommit: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mm2_streams_last_commit_timestamp_seconds", Help: "When a thread committed last.", ConstLabels: labels,
		}, []string{"thread"}),
	}
	var err error
	if m.tasks, err = newTaskMetrics(reg, labels); reg == nil || err != nil {
		return m, err
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.state, m.alive, m.failedThreads, m.incarnations, m.consumed, m.processed, m.sent, m.restored, m.globalRecords,
		m.transactions, m.dropped, m.commits, m.lastCommit,
	} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) committed(thread int, at time.Time, took time.Duration) {
	m.commits.Observe(took.Seconds())
	m.tasks.spent(thread, commits, took)
	m.tasks.ages.set(thread, at)
	m.tasks.commitCount.Add(1)
	m.lastCommit.WithLabelValues(strconv.Itoa(thread)).Set(float64(at.UnixMilli()) / 1000)
}

// forget removes the series of a task that went elsewhere.
func (m *metrics) forget(task string) {
	m.tasks.forget(task)
	m.dropped.DeletePartialMatch(prometheus.Labels{"task": task})
}
