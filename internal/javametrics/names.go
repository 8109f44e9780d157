package javametrics

import (
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// The JMX exporter names a series by the object's domain, its type, and the
// attribute, puts "_" for what Prometheus does not allow, and with
// lowercaseOutputName makes the rest lower case. The other properties of the
// object become labels.
//
//	legacy  kafka.connect.mirror:type=MirrorSourceConnector,source=A,target=B,topic=A.t,partition=0
//	new     kafka.connect:type=plugins,connector=MirrorSourceConnector,task=0,source=A,…
const (
	legacySource     = "kafka_connect_mirror_mirrorsourceconnector_"
	legacyCheckpoint = "kafka_connect_mirror_mirrorcheckpointconnector_"
	plugins          = "kafka_connect_plugins_"

	sourceConnector     = "MirrorSourceConnector"
	checkpointConnector = "MirrorCheckpointConnector"
)

// attribute is one of Java's metrics, with its description there.
type attribute struct{ name, help string }

var sourceAttributes = []attribute{
	{"record_count", "Number of source records replicated to the target cluster."},
	{"record_rate", "Average number of source records replicated to the target cluster per second."},
	{"byte_count", "Number of bytes replicated to the target cluster: values alone."},
	{"byte_rate", "Average number of bytes replicated per second: values alone."},
	{"record_age_ms", "The age of incoming source records when they are read."},
	{"record_age_ms_min", "The min age of incoming source records when they are read."},
	{"record_age_ms_max", "The max age of incoming source records when they are read."},
	{"record_age_ms_avg", "The average age of incoming source records when they are read."},
	{"replication_latency_ms", "Time it takes records to replicate from source to target cluster."},
	{"replication_latency_ms_min", "Min time it takes records to replicate from source to target cluster."},
	{"replication_latency_ms_max", "Max time it takes records to replicate from source to target cluster."},
	{"replication_latency_ms_avg", "Average time it takes records to replicate from source to target cluster."},
}

var checkpointAttributes = []attribute{
	{"checkpoint_latency_ms", "Time it takes consumer group offsets to replicate from source to target cluster."},
	{"checkpoint_latency_ms_min", "Min time it takes consumer group offsets to replicate from source to target cluster."},
	{"checkpoint_latency_ms_max", "Max time it takes consumer group offsets to replicate from source to target cluster."},
	{"checkpoint_latency_ms_avg", "Average time it takes consumer group offsets to replicate from source to target cluster."},
}

var (
	partitionLabels = []string{"source", "target", "topic", "partition"}
	groupLabels     = []string{"source", "target", "group", "topic", "partition"}
	pluginLabels    = []string{"connector", "task"}
)

func descs(prefix string, attributes []attribute, labels ...string) []*prometheus.Desc {
	out := make([]*prometheus.Desc, len(attributes))
	for i, a := range attributes {
		out[i] = prometheus.NewDesc(prefix+a.name, a.help, labels, nil)
	}
	return out
}

// plain is what a value of a JMX property may hold without being quoted.
var plain = regexp.MustCompile(`^[\w%. \t-]*$`)

// quoted is a property as Java's clients register it: values with other
// characters stand in quotes, and the quotes are part of the label. Dashboards
// count on it.
func quoted(value string) string {
	if plain.MatchString(value) {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `*`, `\*`, `?`, `\?`, "\n", `\n`).Replace(value) + `"`
}
