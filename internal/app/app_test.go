package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/app"
	"mm2/internal/config"
	"mm2/internal/mm2test"
	"mm2/topology"
)

// mesh is three clusters, of which C is not there until it is started.
type mesh struct {
	net     kfake.VirtualNetwork
	a, b, c *mm2test.Cluster
}

const (
	portA, portB, portC = 9093, 9094, 9095

	meshTOML = `
[service]
listen = "off"
[clusters.A]
bootstrap = ["127.0.0.1:9093"]
[clusters.B]
bootstrap = ["127.0.0.1:9094"]
[clusters.C]
bootstrap = ["127.0.0.1:9095"]
[defaults]
lanes = 2
[[topology]]
kind = "custom"
flows = ["A->B", "B->A", "A->C"]
topics = ["orders.*"]
`
)

func newMesh(t *testing.T) *mesh {
	m := &mesh{}
	m.a = mm2test.NewCluster(t, &m.net, portA, "cluster-a")
	m.b = mm2test.NewCluster(t, &m.net, portB, "cluster-b")
	return m
}

func load(t *testing.T, text string) *config.Config {
	t.Helper()
	return loadAs(t, "mesh.toml", text)
}

// loadAs loads a file whose name tells what it is.
func loadAs(t *testing.T, name, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// start runs the service until the test ends.
func (m *mesh) start(t *testing.T, text string, targets ...topology.Alias) *app.App {
	t.Helper()
	a, _ := m.serve(t, text, targets...)
	return a
}

// serve runs the service until stop is called, or the test ends.
func (m *mesh) serve(t *testing.T, text string, targets ...topology.Alias) (a *app.App, stop func()) {
	t.Helper()
	return m.serveConfig(t, load(t, text), targets...)
}

func (m *mesh) serveConfig(t *testing.T, cfg *config.Config, targets ...topology.Alias) (a *app.App, stop func()) {
	t.Helper()
	a, err := app.New(cfg, app.Options{
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Targets: targets,
		ClientOpts: []kgo.Opt{kgo.Dialer(m.net.DialContext)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return a, stop
}

func orders(n int) (out []*kgo.Record) {
	for i := range n {
		out = append(out, &kgo.Record{Topic: "orders", Partition: int32(i % 2), Value: fmt.Append(nil, i)})
	}
	return out
}

func get(t *testing.T, a *app.App, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w.Code, w.Body.String()
}

func state(a *app.App, flow string) app.FlowStatus {
	for _, f := range a.Status().Flows {
		if f.Flow == flow {
			return f
		}
	}
	return app.FlowStatus{}
}

// A cluster that is down stops the flows that need it, says so, and nothing
// else; when it comes up its flow starts by itself.
func TestAClusterThatIsDownStopsOnlyItsFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 2)
		m.b.Create(t, "orders", 2)
		a := m.start(t, meshTOML)
		m.a.Produce(t, orders(20)...)
		m.b.Produce(t, orders(10)...)
		time.Sleep(2 * time.Minute)
		if n, k := len(m.b.Committed(t, "A.orders")), len(m.a.Committed(t, "B.orders")); n != 20 || k != 10 {
			t.Errorf("A.orders on B has %d records, B.orders on A %d; want 20 and 10", n, k)
		}
		for flow, want := range map[string]app.State{"A->B": app.Running, "B->A": app.Running, "A->C": app.Down} {
			if s := state(a, flow); s.State != want {
				t.Errorf("%s is %s (%v), want %s", flow, s.State, s.Problems, want)
			}
		}
		if code, body := get(t, a, "/readyz"); code != 503 || !strings.Contains(body, "A->C: down") {
			t.Errorf("/readyz is %d:\n%s", code, body)
		}
		if code, _ := get(t, a, "/healthz"); code != 200 {
			t.Errorf("/healthz is %d: a cluster that is down does not make the worker unhealthy", code)
		}
		m.c = mm2test.NewCluster(t, &m.net, portC, "cluster-c")
		time.Sleep(2 * time.Minute)
		if n := len(m.c.Committed(t, "A.orders")); n != 20 {
			t.Errorf("A.orders on C has %d records after C came up, want 20", n)
		}
		if code, body := get(t, a, "/readyz"); code != 200 {
			t.Errorf("/readyz is %d:\n%s", code, body)
		}
	})
}

func TestOnlyFlowsIntoTheNamedClustersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		a := m.start(t, meshTOML, "A")
		time.Sleep(10 * time.Second)
		if s := a.Status(); len(s.Flows) != 1 || s.Flows[0].Flow != "B->A" {
			t.Errorf("flows %+v, want only B->A", s.Flows)
		}
	})
	_, err := app.New(load(t, meshTOML), app.Options{Logger: slog.New(slog.DiscardHandler), Targets: []topology.Alias{"tokio"}})
	if err == nil || !strings.Contains(err.Error(), `"tokio"`) || !strings.Contains(err.Error(), "A, B, C") {
		t.Errorf("an unknown cluster gives %v", err)
	}
}

func TestAClusterIsNotCopiedOntoItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		mm2test.NewCluster(t, &m.net, portC, "cluster-a") // another address of A
		a := m.start(t, meshTOML)
		time.Sleep(10 * time.Second)
		s := state(a, "A->C")
		if s.State != app.Down || len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "same cluster") {
			t.Errorf("A->C is %s: %v", s.State, s.Problems)
		}
	})
}

func TestHeartbeatsTravel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.c = mm2test.NewCluster(t, &m.net, portC, "cluster-c")
		m.start(t, meshTOML)
		time.Sleep(time.Minute)
		for _, tc := range []struct {
			on    *mm2test.Cluster
			topic string
			key   string // source, target, each with its length
		}{
			{m.b, "heartbeats", "\x00\x01A\x00\x01B"},
			{m.a, "heartbeats", "\x00\x01B\x00\x01A"},
			{m.b, "A.heartbeats", "\x00\x01B\x00\x01A"},
			{m.c, "A.heartbeats", "\x00\x01B\x00\x01A"},
			{m.c, "A.B.heartbeats", "\x00\x01A\x00\x01B"},
		} {
			records := tc.on.Committed(t, tc.topic)
			if len(records) < 30 {
				t.Errorf("%s has %d heartbeats after a minute", tc.topic, len(records))
				continue
			}
			found := false
			for _, r := range records {
				found = found || string(r.Key) == tc.key
			}
			if !found {
				t.Errorf("%s has no heartbeat with key %q", tc.topic, tc.key)
			}
		}
		if n := len(m.a.Committed(t, "B.A.heartbeats")); n != 0 {
			t.Errorf("heartbeats of A came back to A %d times: a cycle", n)
		}
	})
}

func TestMetricsAndStatusTellWhatIsGoingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 2)
		a := m.start(t, meshTOML, "B")
		m.a.Produce(t, orders(20)...)
		time.Sleep(30 * time.Second)
		_, body := get(t, a, "/metrics")
		for _, want := range []string{
			`mm2_records_total{source="A",target="B",topic="orders"} 20`,
			`mm2_bytes_total{source="A",target="B",topic="orders"} 30`,
			`mm2_lag_records{source="A",target="B",topic="orders"} 0`,
			`mm2_lag_seconds{source="A",target="B",topic="orders"} 0`,
			`mm2_lane_owned{lane="0",source="A",target="B"} 1`,
			`mm2_lanes{source="A",state="running",target="B"} 2`,
			`mm2_flow_lanes{source="A",target="B"} 2`,
			`mm2_parked_partitions{source="A",target="B"} 0`,
			`mm2_aborts_total{reason="fenced",source="A",target="B"} 0`,
			`mm2_fences_total{source="A",target="B"} 0`,
			`mm2_hanging_transactions_total{outcome="abort",source="A",target="B"} 0`,
			`mm2_flow_state{source="A",state="running",target="B"} 1`,
			`mm2_end_to_end_latency_seconds_count{source="A",target="B"}`,
			`mm2_commit_duration_seconds_count{source="A",target="B"}`,
			`mm2_build_info{`,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("/metrics lacks %s", want)
			}
		}
		code, body := get(t, a, "/api/v1/status")
		var s app.Status
		if err := json.Unmarshal([]byte(body), &s); err != nil || code != 200 {
			t.Fatalf("status %d: %v\n%s", code, err, body)
		}
		if len(s.Flows) != 1 || len(s.Flows[0].Lanes) != 2 || s.Flows[0].State != app.Running || !strings.Contains(body, `"A->B"`) {
			t.Errorf("status:\n%s", body)
		}
	})
}

// MirrorConnectorsIntegrationBaseTest.testConnectorMetricsDefault: without a
// setting, what dashboards for MirrorMaker 2 show is there under its old names.
func TestConnectorMetricsDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 2)
		a := m.start(t, meshTOML, "B")
		m.a.Produce(t, orders(20)...)
		time.Sleep(30 * time.Second)
		_, body := get(t, a, "/metrics")
		for _, want := range []string{
			`kafka_connect_mirror_mirrorsourceconnector_record_count{partition="0",source="A",target="B",topic="A.orders"} 10`,
			`kafka_connect_mirror_mirrorsourceconnector_byte_count{partition="0",source="A",target="B",topic="A.orders"} 15`,
			`kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms_avg{partition="1",source="A",target="B",topic="A.orders"}`,
			`kafka_connect_worker_connector_count 1`,
			`kafka_connect_worker_task_count 2`,
			`kafka_connect_connector_status{connector="\"A->B.MirrorSourceConnector\"",status="running",task="0"} 1`,
			`|replication-consumer\"",partition="0",topic="orders"} 0`,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("/metrics lacks %s", want)
			}
		}
		for _, counted := range []string{
			`kafka_consumer_incoming_byte_total\{clientid="\\"mm2\|A\|A->B\|lane-0\|replication-consumer\\""\} [1-9]`,
			`kafka_producer_outgoing_byte_total\{clientid="\\"mm2\|B\|A->B\|lane-1\|replication-producer\\""\} [1-9]`,
		} {
			if !regexp.MustCompile(counted).MatchString(body) {
				t.Errorf("/metrics lacks %s", counted)
			}
		}
		if strings.Contains(body, "kafka_connect_plugins_") {
			t.Error("/metrics has the new names, which nobody asked for")
		}
	})
}

// What was counted of a topic goes when the topic goes: a new one of its name
// starts at zero, and topics that come and go do not pile up.
func TestJavaMetricsForgetTopicsThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 2)
		a := m.start(t, meshTOML, "B")
		m.a.Produce(t, orders(20)...)
		time.Sleep(30 * time.Second)
		const count = `kafka_connect_mirror_mirrorsourceconnector_record_count{partition="0",source="A",target="B",topic="A.orders"} `
		if _, body := get(t, a, "/metrics"); !strings.Contains(body, count+"10\n") {
			t.Error("ten records are not counted")
		}
		if _, err := kadm.NewClient(m.a.Client(t)).DeleteTopics(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if _, body := get(t, a, "/metrics"); strings.Contains(body, count) {
			t.Error("a topic that is gone still has series")
		}
		m.a.Create(t, "orders", 2)
		time.Sleep(30 * time.Second)
		if _, body := get(t, a, "/metrics"); !strings.Contains(body, count+"0\n") {
			t.Error("the new topic does not start at zero")
		}
	})
}
