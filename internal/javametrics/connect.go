package javametrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"mm2/topology"
)

// The series of Connect workers and of clients that dashboards for MirrorMaker
// 2 show, as far as mm2 has what they mean: a flow is what a connector is there,
// a lane what a task is. docs/java-metrics.md says which are left out, and why.
var (
	connectorCount = prometheus.NewDesc("kafka_connect_worker_connector_count",
		"Flows that this worker takes part in.", nil, nil)
	taskCount = prometheus.NewDesc("kafka_connect_worker_task_count",
		"Lanes that this worker has.", nil, nil)
	assignedConnectors = prometheus.NewDesc("kafka_connect_coordinator_assigned_connectors",
		"1 while this worker takes part in the flow.", []string{"clientid"}, nil)
	assignedTasks = prometheus.NewDesc("kafka_connect_coordinator_assigned_tasks",
		"Lanes of the flow that this worker has.", []string{"clientid"}, nil)
	connectorStatus = prometheus.NewDesc("kafka_connect_connector_status",
		"1 for the status of a lane: unassigned while it is opened, running, restarting while it waits, failed while it is parked.",
		[]string{"connector", "task", "status"}, nil)
	recordsLag = prometheus.NewDesc("kafka_consumer_fetch_manager_records_lag",
		"Offsets of the source partition that were not read yet.", []string{"clientid", "topic", "partition"}, nil)

	connectDescs = []*prometheus.Desc{connectorCount, taskCount, assignedConnectors, assignedTasks, connectorStatus, recordsLag}
)

// statuses are Connect's words for the states of a lane.
var statuses = map[string]string{
	"opening": "unassigned",
	"running": "running",
	"waiting": "restarting",
	"parked":  "failed",
}

func collectWorker(ch chan<- prometheus.Metric, shares []Share) {
	flows, lanes := 0, 0
	for _, s := range shares {
		lanes += len(s.Lanes)
		if s.Joined {
			flows++
		}
	}
	ch <- gaugeMetric(connectorCount, float64(flows))
	ch <- gaugeMetric(taskCount, float64(lanes))
}

func collectFlow(ch chan<- prometheus.Metric, flow topology.FlowID, s Share) {
	joined := 0.0
	if s.Joined {
		joined = 1
	}
	member := quoted(s.Client)
	ch <- gaugeMetric(assignedConnectors, joined, member)
	ch <- gaugeMetric(assignedTasks, float64(len(s.Lanes)), member)
	connector := quoted(flow.String() + "." + sourceConnector)
	for _, l := range s.Lanes {
		ch <- gaugeMetric(connectorStatus, 1, connector, strconv.Itoa(l.ID), statuses[l.State])
		reader := quoted(l.Client)
		for _, p := range l.Partitions {
			if p.Lag >= 0 {
				ch <- gaugeMetric(recordsLag, float64(p.Lag), reader, quoted(p.Topic), strconv.Itoa(int(p.Partition.Partition)))
			}
		}
	}
}

func gaugeMetric(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
