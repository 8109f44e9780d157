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
	consumerIn = prometheus.NewDesc("kafka_consumer_incoming_byte_total",
		"Bytes that the client of a lane which reads the source has received.", []string{"clientid"}, nil)
	consumerOut = prometheus.NewDesc("kafka_consumer_outgoing_byte_total",
		"Bytes that the client of a lane which reads the source has sent.", []string{"clientid"}, nil)
	producerIn = prometheus.NewDesc("kafka_producer_incoming_byte_total",
		"Bytes that the client of a lane which writes the target has received.", []string{"clientid"}, nil)
	producerOut = prometheus.NewDesc("kafka_producer_outgoing_byte_total",
		"Bytes that the client of a lane which writes the target has sent.", []string{"clientid"}, nil)

	connectDescs = []*prometheus.Desc{
		connectorCount, taskCount, assignedConnectors, assignedTasks, connectorStatus, recordsLag,
		consumerIn, consumerOut, producerIn, producerOut,
	}
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
		reader, writer := quoted(l.Consumer.ID), quoted(l.Producer.ID)
		ch <- gaugeMetric(consumerIn, float64(l.Consumer.In), reader)
		ch <- gaugeMetric(consumerOut, float64(l.Consumer.Out), reader)
		ch <- gaugeMetric(producerIn, float64(l.Producer.In), writer)
		ch <- gaugeMetric(producerOut, float64(l.Producer.Out), writer)
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
