package app_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/internal/app"
	"mm2/internal/config"
	"mm2/internal/mm2test"
)

// dedicated is the file of Java's DedicatedMirrorIntegrationTest. Java's odd
// alias is no alias here: config.TestMirrorMakerConfigTest.
func dedicated(t *testing.T, lines ...string) *config.Config {
	t.Helper()
	cfg := loadAs(t, "connect-mirror-maker.properties", strings.Join(append([]string{
		"dedicated.mode.enable.internal.rest = false", "listeners = http://localhost:0",
		"refresh.topics.interval.seconds = 1",
		"clusters = A, B", "A.bootstrap.servers = 127.0.0.1:9093", "B.bootstrap.servers = 127.0.0.1:9094",
		"A->B.enabled = true", "A->B.topics = ^test-topic-.*",
		"B->A.enabled = false", "B->A.emit.heartbeats.enabled = false",
		"replication.factor = 1", "checkpoints.topic.replication.factor = 1", "heartbeats.topic.replication.factor = 1",
		"offset-syncs.topic.replication.factor = 1", "offset.storage.replication.factor = 1",
		"status.storage.replication.factor = 1", "config.storage.replication.factor = 1",
	}, lines...), "\n"))
	cfg.Service.Listen = "off"
	return cfg
}

func inMesh(t *testing.T, name string, test func(t *testing.T, m *mesh)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { test(t, newMesh(t)) })
	})
}

func TestDedicatedMirrorIntegrationTest(t *testing.T) {
	inMesh(t, "testSingleNodeCluster", func(t *testing.T, m *mesh) {
		m.serveConfig(t, dedicated(t))
		time.Sleep(10 * time.Second)
		m.a.Create(t, "test-topic-1", 1)
		time.Sleep(5 * time.Second)
		if !hasTopic(t, m.b, "A.test-topic-1") {
			t.Error("the copy was not made")
		}
		m.a.Produce(t, spread("test-topic-1", 0, 10, 1)...)
		time.Sleep(5 * time.Second)
		wantValuesOf(t, m, "test-topic-1")
		if len(m.b.Committed(t, "heartbeats")) == 0 {
			t.Error("there are no heartbeats")
		}
	})
	inMesh(t, "testClusterWithEmitOffsetDisabled", func(t *testing.T, m *mesh) {
		m.serveConfig(t, dedicated(t, "emit.offset-syncs.enabled = false"))
		time.Sleep(10 * time.Second)
		m.a.Create(t, "test-topic-1", 1)
		m.a.Produce(t, spread("test-topic-1", 0, 10, 1)...)
		time.Sleep(10 * time.Second)
		wantValuesOf(t, m, "test-topic-1")
		if hasTopic(t, m.a, "mm2-offset-syncs.B.internal") {
			t.Error("there is an offset syncs topic")
		}
		if len(m.b.Committed(t, "heartbeats")) == 0 {
			t.Error("there are no heartbeats")
		}
	})
	inMesh(t, "testMultiNodeCluster", testMultiNodeCluster)
}

func wantValuesOf(t *testing.T, m *mesh, topic string) {
	t.Helper()
	want, got := mm2test.Values(m.a.Committed(t, topic)), mm2test.Values(m.b.Committed(t, "A."+topic))
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("%s (-source +copy):\n%s", topic, diff)
	}
}

// Three workers, a topic for each at run time, then a rolling restart with
// another file, which every worker goes by in the end: what it adds is copied,
// and nothing is lost or copied twice on the way.
func testMultiNodeCluster(t *testing.T, m *mesh) {
	lines := []string{
		"dedicated.mode.enable.internal.rest = true", "B.exactly.once.source.support = enabled",
		"A.consumer.isolation.level = read_committed", "A->B.offset-syncs.topic.location = target",
	}
	const nodes = 3
	var workers [nodes]*app.App
	var stop [nodes]func()
	for i := range nodes {
		workers[i], stop[i] = m.serveConfig(t, dedicated(t, lines...))
	}
	time.Sleep(20 * time.Second)
	for i := range nodes {
		topic := fmt.Sprintf("test-topic-%d", i)
		m.a.Create(t, topic, 8)
		time.Sleep(5 * time.Second)
		m.a.Produce(t, spread(topic, 0, 80, 8)...)
		time.Sleep(5 * time.Second)
		wantValuesOf(t, m, topic)
		if n := len(state(workers[i], "A->B").Lanes); n == 0 {
			t.Errorf("node %d has no share of the work", i)
		}
	}
	if hasTopic(t, m.a, "mm2-offset-syncs.B.internal") || !hasTopic(t, m.b, "mm2-offset-syncs.A.internal") {
		t.Error("offset syncs are not on the target")
	}

	m.a.Create(t, "other", 8)
	m.a.Produce(t, spread("other", 0, 80, 8)...)
	for i := range nodes {
		stop[i]()
		m.a.Produce(t, spread("test-topic-1", 80+10*i, 10, 8)...)
		workers[i], stop[i] = m.serveConfig(t, dedicated(t, append(lines, "A->B.topics = ^test-topic-.*, other")...))
		time.Sleep(20 * time.Second)
	}
	m.a.Produce(t, spread("other", 80, 80, 8)...)
	time.Sleep(20 * time.Second)
	for _, topic := range []string{"test-topic-0", "test-topic-1", "test-topic-2", "other"} {
		wantValuesOf(t, m, topic)
	}
	lanes := 0
	for i, w := range workers {
		s := state(w, "A->B")
		if lanes += len(s.Lanes); s.State != app.Running || len(s.Lanes) == 0 {
			t.Errorf("node %d is %s with %d lanes: %v", i, s.State, len(s.Lanes), s.Problems)
		}
	}
	if lanes != 8 {
		t.Errorf("the nodes have %d lanes together, want 8", lanes)
	}
}

// MirrorHeartBeatConnectorTest: heartbeats can be switched off, and do not need
// a flow that copies.
func TestMirrorHeartBeatConnectorTest(t *testing.T) {
	inMesh(t, "testMirrorHeartbeatConnectorDisabled", func(t *testing.T, m *mesh) {
		m.a.Create(t, "test-topic-1", 1)
		m.a.Produce(t, spread("test-topic-1", 0, 10, 1)...)
		m.serveConfig(t, dedicated(t, "A->B.emit.heartbeats.enabled = false"))
		time.Sleep(20 * time.Second)
		wantValuesOf(t, m, "test-topic-1")
		for _, c := range []*mm2test.Cluster{m.a, m.b} {
			for _, name := range topicNames(t, c) {
				if strings.HasSuffix(name, "heartbeats") {
					t.Errorf("there is a topic %s", name)
				}
			}
		}
	})
	inMesh(t, "testReplicationDisabled", func(t *testing.T, m *mesh) {
		m.a.Create(t, "orders", 1)
		m.a.Produce(t, orders(10)[0])
		m.start(t, strings.Replace(meshTOML, `flows = ["A->B", "B->A", "A->C"]`, "flows = [\"A->B\"]\ncopy = false", 1))
		time.Sleep(20 * time.Second)
		if len(m.b.Committed(t, "heartbeats")) == 0 {
			t.Error("there are no heartbeats")
		}
		if hasTopic(t, m.b, "A.orders") {
			t.Error("a flow that is off copies")
		}
	})
}
