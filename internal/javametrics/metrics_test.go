package javametrics_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"mm2/internal/javametrics"
	"mm2/internal/pipeline"
	"mm2/topology"
)

var flow = topology.Flow{ID: topology.FlowID{Source: "A", Target: "B"}, Policy: topology.NewDefaultPolicy(".", ".")}

// worker is a registry with the recorder of the flow A->B, whose lane 3 reads
// the given partitions of the topic "t".
type worker struct {
	*javametrics.Recorder
	registry *prometheus.Registry
	share    javametrics.Share
}

func newWorker(t *testing.T, partitions int32, formats ...string) *worker {
	t.Helper()
	w := &worker{registry: prometheus.NewRegistry()}
	m, err := javametrics.NewMetrics(w.registry, formats...)
	if err != nil {
		t.Fatal(err)
	}
	l := javametrics.Lane{
		ID: 3, State: "running",
		Consumer: javametrics.Client{ID: "mm2|A|A->B|lane-3|replication-consumer", In: 1000, Out: 10},
		Producer: javametrics.Client{ID: "mm2|B|A->B|lane-3|replication-producer", In: 20, Out: 2000},
	}
	for p := range partitions {
		l.Partitions = append(l.Partitions, javametrics.Position{Partition: pipeline.Partition{Topic: "t", Partition: p}, Lag: 7})
	}
	w.share = javametrics.Share{Joined: true, Client: "mm2|B|A->B|lanes", Lanes: []javametrics.Lane{l}}
	w.Recorder = m.Recorder(flow, func() javametrics.Share { return w.share })
	return w
}

// commit tells of records of one partition whose values have ten bytes each and
// which were read readAgo and written agos ago; a negative ago is a record
// without a timestamp.
func (w *worker) commit(partition int32, readAgo time.Duration, agos ...time.Duration) {
	now := time.Now()
	s := pipeline.Summary{
		Source: pipeline.Partition{Topic: "t", Partition: partition}, Records: int64(len(agos)),
		Bytes: int64(25 * len(agos)), ValueBytes: int64(10 * len(agos)), Read: now.Add(-readAgo),
	}
	for _, ago := range agos {
		at := now.Add(-ago)
		if ago < 0 {
			at = time.UnixMilli(-1)
		}
		s.Times.Add(at)
	}
	w.Committed(&pipeline.Receipt{At: now, Batches: []pipeline.Summary{s}})
}

// series are all series whose name begins with prefix, as `name{label="value"}`.
func (w *worker) series(t *testing.T, prefix string) map[string]float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), prefix) {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			out[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue()
		}
	}
	return out
}

const (
	legacySource     = "kafka_connect_mirror_mirrorsourceconnector_"
	legacyCheckpoint = "kafka_connect_mirror_mirrorcheckpointconnector_"
	plugins          = "kafka_connect_plugins_"
)

// want prefixes names and appends labels.
func want(prefix, labels string, values map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for name, v := range values {
		out[prefix+name+"{"+labels+"}"] = v
	}
	return out
}

var sameNaN = cmp.Comparer(func(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-9
})

var untouched = map[string]float64{
	"record_count": 0, "record_rate": 0, "byte_count": 0, "byte_rate": 0,
	"record_age_ms": 0, "record_age_ms_min": math.NaN(), "record_age_ms_max": math.NaN(), "record_age_ms_avg": math.NaN(),
	"replication_latency_ms": 0, "replication_latency_ms_min": math.NaN(), "replication_latency_ms_max": math.NaN(), "replication_latency_ms_avg": math.NaN(),
}

// MirrorLegacyMetricsTest and MirrorMetricsTest: the tags, and twelve metrics
// for each partition from the start.
func TestMirrorMetrics(t *testing.T) {
	tests := []struct{ name, format, prefix, labels string }{
		{"legacy", javametrics.Legacy, legacySource, `partition="%d",source="A",target="B",topic="A.t"`},
		{"new", javametrics.New, plugins, `connector="MirrorSourceConnector",partition="%d",source="A",target="B",task="3",topic="A.t"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorker(t, 2, tt.format)
				before := want(tt.prefix, fmt.Sprintf(tt.labels, 0), untouched)
				maps.Copy(before, want(tt.prefix, fmt.Sprintf(tt.labels, 1), untouched))
				if diff := cmp.Diff(before, w.series(t, tt.prefix), sameNaN); diff != "" {
					t.Errorf("before the first record: %s", diff)
				}
				time.Sleep(20 * time.Second)
				w.commit(1, 2*time.Second, 10*time.Second, 4*time.Second, 7*time.Second)
				time.Sleep(20 * time.Second)
				maps.Copy(before, want(tt.prefix, fmt.Sprintf(tt.labels, 1), map[string]float64{
					"record_count": 3, "byte_count": 30,
					// The one window that is always assumed, and the seconds since the first look.
					"record_rate": 3.0 / 40, "byte_rate": 30.0 / 40,
					"record_age_ms": 5000, "record_age_ms_min": 2000, "record_age_ms_max": 8000, "record_age_ms_avg": 5000,
					"replication_latency_ms": 7000, "replication_latency_ms_min": 4000, "replication_latency_ms_max": 10000, "replication_latency_ms_avg": 7000,
				}))
				if diff := cmp.Diff(before, w.series(t, tt.prefix), sameNaN); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// MirrorLegacyMetricsTest and MirrorMetricsTest, checkpoints: four metrics for
// each group and partition, each about its own.
func TestMirrorCheckpointMetrics(t *testing.T) {
	tests := []struct{ name, format, prefix, labels string }{
		{"legacy", javametrics.Legacy, legacyCheckpoint, `group="%s",partition="0",source="A",target="B",topic="A.t"`},
		{"new", javametrics.New, plugins + "checkpoint_", `connector="MirrorCheckpointConnector",group="%s",partition="0",source="A",target="B",task="0",topic="A.t"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorker(t, 1, tt.format)
				w.ObserveCheckpoint("g1", "A.t", 0, 100*time.Millisecond)
				w.ObserveCheckpoint("g2", "A.t", 0, 7*time.Millisecond)
				w.ObserveCheckpoint("g2", "A.t", 0, 9*time.Millisecond)
				prefix := strings.TrimSuffix(tt.prefix, "checkpoint_")
				all := want(prefix, fmt.Sprintf(tt.labels, "g1"), map[string]float64{
					"checkpoint_latency_ms": 100, "checkpoint_latency_ms_min": 100, "checkpoint_latency_ms_max": 100, "checkpoint_latency_ms_avg": 100,
				})
				maps.Copy(all, want(prefix, fmt.Sprintf(tt.labels, "g2"), map[string]float64{
					"checkpoint_latency_ms": 9, "checkpoint_latency_ms_min": 7, "checkpoint_latency_ms_max": 9, "checkpoint_latency_ms_avg": 8,
				}))
				if diff := cmp.Diff(all, w.series(t, tt.prefix), sameNaN); diff != "" {
					t.Error(diff)
				}
				w.KeepCheckpoints(func(group, topic string, partition int32) bool {
					return group == "g1" && topic == "A.t" && partition == 0
				})
				if n := len(w.series(t, tt.prefix)); n != 4 {
					t.Errorf("%d series after g2 left, want 4", n)
				}
				w.KeepCheckpoints(nil)
				if n := len(w.series(t, tt.prefix)); n != 0 {
					t.Errorf("%d series after the checkpoints went to another worker", n)
				}
			})
		})
	}
}

// MirrorConnectorsIntegrationBaseTest.testConnectorMetricsLegacy, New,
// NewAndLegacy, and Default, which is legacy: the configuration says so.
func TestConnectorMetrics(t *testing.T) {
	tests := []struct {
		name                                   string
		formats                                []string
		legacySource, legacyCheckpoint, plugin int
	}{
		{"legacy", []string{"legacy"}, 12, 4, 0},
		{"new", []string{"new"}, 0, 0, 16},
		{"new and legacy", []string{"new", "legacy"}, 12, 4, 16},
		{"named twice", []string{"legacy", "legacy"}, 12, 4, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorker(t, 1, tt.formats...)
			w.commit(0, 0, time.Second)
			w.ObserveCheckpoint("g", "A.t", 0, time.Millisecond)
			got := []int{len(w.series(t, legacySource)), len(w.series(t, legacyCheckpoint)), len(w.series(t, plugins))}
			if diff := cmp.Diff([]int{tt.legacySource, tt.legacyCheckpoint, tt.plugin}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutAFormatNothingIsKept(t *testing.T) {
	w := newWorker(t, 1)
	if w.Recorder != nil {
		t.Error("there is a recorder that nobody reads")
	}
	w.commit(0, 0, time.Second)
	w.Keep(nil)
	w.ObserveCheckpoint("g", "A.t", 0, time.Millisecond)
	w.KeepCheckpoints(nil)
	if got := w.series(t, ""); len(got) != 0 {
		t.Errorf("series %v", got)
	}
}

func TestUnknownFormatIsRefused(t *testing.T) {
	_, err := javametrics.NewMetrics(prometheus.NewRegistry(), "jmx")
	if err == nil || !strings.Contains(err.Error(), `"jmx"`) {
		t.Errorf("got %v", err)
	}
}

// Windows are two samples of thirty seconds: what is older is gone, totals and
// last values stay.
func TestWindowsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(t, 1, javametrics.Legacy)
		value := func(name string) float64 {
			return w.series(t, legacySource)[legacySource+name+`{partition="0",source="A",target="B",topic="A.t"}`]
		}
		w.commit(0, 0, 8*time.Second)
		time.Sleep(40 * time.Second)
		w.commit(0, 0, 2*time.Second)
		time.Sleep(15 * time.Second) // the first record is 55 s old
		if most := value("replication_latency_ms_max"); most != 8000 {
			t.Errorf("after 55 s the max is %v", most)
		}
		time.Sleep(15 * time.Second)
		if most := value("replication_latency_ms_max"); most != 2000 {
			t.Errorf("after 70 s the max is %v", most)
		}
		time.Sleep(time.Minute)
		if avg := value("replication_latency_ms_avg"); !math.IsNaN(avg) {
			t.Errorf("the average of an empty window is %v", avg)
		}
		if last, count, rate := value("replication_latency_ms"), value("record_count"), value("record_rate"); last != 2000 || count != 2 || rate != 0 {
			t.Errorf("last %v, count %v, rate %v", last, count, rate)
		}
	})
}

func TestRecordsWithoutTimestampHaveNoAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(t, 1, javametrics.Legacy)
		w.commit(0, 0, -1, 3*time.Second, -1)
		w.commit(0, 0, -1)
		got := w.series(t, legacySource)
		labels := `{partition="0",source="A",target="B",topic="A.t"}`
		for name, want := range map[string]float64{
			"record_count": 4, "record_age_ms": 3000, "record_age_ms_max": 3000, "replication_latency_ms_avg": 3000,
		} {
			if v := got[legacySource+name+labels]; v != want {
				t.Errorf("%s is %v, want %v", name, v, want)
			}
		}
	})
}

// What left the flow is forgotten; what is another worker's now is not shown,
// and is counted on when it comes back.
func TestSeriesFollowThePartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(t, 2, javametrics.Legacy)
		w.commit(0, 0, time.Second)
		w.commit(1, 0, time.Second)
		lanes := w.share.Lanes
		w.share.Lanes = nil
		if n := len(w.series(t, legacySource)); n != 0 {
			t.Errorf("%d series of partitions that another worker has", n)
		}
		w.Keep([]pipeline.Partition{{Topic: "t", Partition: 1}, {Topic: "u", Partition: 0}})
		w.share.Lanes = lanes
		count := func(p int) float64 {
			return w.series(t, legacySource)[fmt.Sprintf(legacySource+`record_count{partition="%d",source="A",target="B",topic="A.t"}`, p)]
		}
		if count(0) != 0 || count(1) != 1 {
			t.Errorf("counts are %v and %v, want 0 for what was gone and 1 for what stayed", count(0), count(1))
		}
	})
}

// The labels are those that dashboards for Strimzi match, quotes included.
func TestConnectSeries(t *testing.T) {
	w := newWorker(t, 1, javametrics.Legacy)
	second := w.share.Lanes[0]
	second.ID, second.State = 5, "parked"
	second.Consumer, second.Producer = javametrics.Client{ID: "consumer"}, javametrics.Client{ID: "producer"}
	second.Partitions = []javametrics.Position{{Partition: pipeline.Partition{Topic: "t", Partition: 1}, Lag: -1}}
	w.share.Lanes = append(w.share.Lanes, second)
	got := w.series(t, "kafka_")
	maps.DeleteFunc(got, func(name string, _ float64) bool { return strings.HasPrefix(name, legacySource) })
	if diff := cmp.Diff(map[string]float64{
		`kafka_connect_worker_connector_count{}`:                                                                                  1,
		`kafka_connect_worker_task_count{}`:                                                                                       2,
		`kafka_connect_coordinator_assigned_connectors{clientid="\"mm2|B|A->B|lanes\""}`:                                          1,
		`kafka_connect_coordinator_assigned_tasks{clientid="\"mm2|B|A->B|lanes\""}`:                                               2,
		`kafka_connect_connector_status{connector="\"A->B.MirrorSourceConnector\"",status="running",task="3"}`:                    1,
		`kafka_connect_connector_status{connector="\"A->B.MirrorSourceConnector\"",status="failed",task="5"}`:                     1,
		`kafka_consumer_incoming_byte_total{clientid="\"mm2|A|A->B|lane-3|replication-consumer\""}`:                               1000,
		`kafka_consumer_outgoing_byte_total{clientid="\"mm2|A|A->B|lane-3|replication-consumer\""}`:                               10,
		`kafka_producer_incoming_byte_total{clientid="\"mm2|B|A->B|lane-3|replication-producer\""}`:                               20,
		`kafka_producer_outgoing_byte_total{clientid="\"mm2|B|A->B|lane-3|replication-producer\""}`:                               2000,
		`kafka_consumer_incoming_byte_total{clientid="consumer"}`:                                                                 0,
		`kafka_consumer_outgoing_byte_total{clientid="consumer"}`:                                                                 0,
		`kafka_producer_incoming_byte_total{clientid="producer"}`:                                                                 0,
		`kafka_producer_outgoing_byte_total{clientid="producer"}`:                                                                 0,
		`kafka_consumer_fetch_manager_records_lag{clientid="\"mm2|A|A->B|lane-3|replication-consumer\"",partition="0",topic="t"}`: 7,
	}, got); diff != "" {
		t.Error(diff)
	}
}

// Group names may hold anything; JMX quotes what it must.
func TestOddNamesAreQuotedAsInJMX(t *testing.T) {
	w := newWorker(t, 0, javametrics.Legacy)
	for _, group := range []string{"plain-1.x_y %", `a"b`, "a*?b", "a=b,c", "ä"} {
		w.ObserveCheckpoint(group, "A.t", 0, 0)
	}
	var groups []string
	for name := range w.series(t, legacyCheckpoint+"checkpoint_latency_ms_min") {
		_, rest, _ := strings.Cut(name, "group=")
		group, _, _ := strings.Cut(rest, ",partition=")
		groups = append(groups, group)
	}
	slices.Sort(groups)
	want := []string{`"\"a=b,c\""`, `"\"a\\*\\?b\""`, `"\"a\\\"b\""`, `"\"ä\""`, `"plain-1.x_y %"`}
	slices.Sort(want)
	if diff := cmp.Diff(want, groups); diff != "" {
		t.Error(diff)
	}
}

func TestCommittedAllocatesNothing(t *testing.T) {
	w := newWorker(t, 1, javametrics.Legacy)
	s := pipeline.Summary{Source: pipeline.Partition{Topic: "t"}, Records: 1, ValueBytes: 1, Read: time.Now()}
	s.Times.Add(time.Now())
	receipt := &pipeline.Receipt{At: time.Now(), Batches: []pipeline.Summary{s}}
	w.Committed(receipt)
	if n := testing.AllocsPerRun(100, func() { w.Committed(receipt) }); n != 0 {
		t.Errorf("%v allocations for a commit", n)
	}
}

// The page about these metrics has all of them.
func TestEverySeriesIsOnItsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/java-metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	// `record_age_ms`, `_min`, `_max` stands for three attributes.
	suffix := regexp.MustCompile("_(min|max|avg)$")
	w := newWorker(t, 1, javametrics.Legacy, javametrics.New)
	w.ObserveCheckpoint("g", "A.t", 0, 0)
	for name := range w.series(t, "") {
		name, _, _ = strings.Cut(name, "{")
		for _, prefix := range []string{legacySource, legacyCheckpoint, plugins} {
			if attribute, ok := strings.CutPrefix(name, prefix); ok {
				name = suffix.ReplaceAllString(attribute, "")
			}
		}
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/java-metrics.md lacks %s", name)
		}
	}
}
