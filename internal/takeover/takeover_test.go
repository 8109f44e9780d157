package takeover_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
	"mm2/internal/takeover"
	"mm2/topology"
)

const (
	lanes    = "mm2-lanes.A.internal"
	offsets  = "mm2-offsets.A.internal"
	noted    = "mm2-configs.A.internal"
	group    = "A-mm2"
	javaTask = "A-mm2-MirrorSourceConnector-0"
)

// mesh is a source with a topic "t" of two partitions and a target with its copy.
type mesh struct {
	net  kfake.VirtualNetwork
	a, b *mm2test.Cluster
	n    int // records produced on the source
}

func newMesh(t *testing.T, opts ...kfake.Opt) *mesh {
	m := &mesh{}
	m.a = mm2test.NewCluster(t, &m.net, 9093, "cluster-a")
	m.b = mm2test.NewCluster(t, &m.net, 9094, "cluster-b", opts...)
	m.a.Create(t, "t", 2)
	m.b.Create(t, "A.t", 2)
	m.b.Create(t, lanes, 1)
	return m
}

func (m *mesh) dialer(t *testing.T, alias topology.Alias, c *mm2test.Cluster, opts ...kgo.Opt) *kafka.Dialer {
	t.Helper()
	d, err := kafka.NewDialer(alias, connection.Connection{Bootstrap: c.Addrs}, nil, append([]kgo.Opt{kgo.Dialer(m.net.DialContext)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (m *mesh) takeOver(t *testing.T, change ...func(*takeover.Config)) *takeover.TakeOver {
	t.Helper()
	cfg := takeover.Config{Flow: topology.FlowID{Source: "A", Target: "B"}}
	for _, c := range change {
		c(&cfg)
	}
	return takeover.New(cfg, takeover.Deps{Dialer: m.dialer(t, "B", m.b), Admin: kadm.NewClient(m.b.Client(t)), Logger: testLogger(t)})
}

func testLogger(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// produce writes n more records to the source, spread over its partitions.
func (m *mesh) produce(t *testing.T, n int) {
	t.Helper()
	var out []*kgo.Record
	for range n {
		out = append(out, &kgo.Record{Topic: "t", Partition: int32(m.n % 2), Value: fmt.Append(nil, m.n)})
		m.n++
	}
	m.a.Produce(t, out...)
}

// wantCopies checks that the target has every record once and in order.
func (m *mesh) wantCopies(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(mm2test.Values(m.a.Committed(t, "t")), mm2test.Values(m.b.Committed(t, "A.t"))); diff != "" {
		t.Errorf("the target differs from the source (-source +target):\n%s", diff)
	}
}

// renamed is the stage that names the copies.
type renamed struct{}

func (renamed) Process(_ context.Context, b *pipeline.Batch) error {
	b.To = pipeline.Partition{Topic: "A." + b.Source.Topic, Partition: b.Source.Partition}
	return nil
}

// run copies through one lane until everything is there, the way a flow does.
func (m *mesh) run(t *testing.T) {
	t.Helper()
	stop := m.start(t, m.takeOver(t))
	time.Sleep(20 * time.Second)
	if err := stop(); err != nil {
		t.Errorf("the lane: %v", err)
	}
}

// start runs one lane; stop ends it and tells how.
func (m *mesh) start(t *testing.T, over *takeover.TakeOver) (stop func() error) {
	t.Helper()
	if err := over.Guard(t.Context()); err != nil {
		t.Fatalf("guard: %v", err)
	}
	sink, err := kafka.NewTxnSink(kafka.SinkConfig{
		Dialer: m.dialer(t, "B", m.b), Role: "sink", Admin: kadm.NewClient(m.b.Client(t)),
		TransactionalID: "mm2-A-B-0", Timeout: 8 * time.Second, Marks: kafka.MarkTopic{Topic: lanes}, Worker: "w",
		Partitions: func() []pipeline.Partition {
			return []pipeline.Partition{{Topic: "A.t", Partition: 0}, {Topic: "A.t", Partition: 1}}
		},
		Companions: []kafka.Companion{over}, Logger: testLogger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	src := kafka.NewPartitionSource(kafka.SourceConfig{
		Dialer: m.dialer(t, "A", m.a), Role: "source", Admin: kadm.NewClient(m.a.Client(t)), Resume: over.Resume, Logger: testLogger(t),
	})
	topics, err := kadm.NewClient(m.a.Client(t)).ListTopics(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	var parts []kafka.Assigned
	for p := range int32(2) {
		parts = append(parts, kafka.Assigned{Partition: pipeline.Partition{Topic: "t", Partition: p}, TopicID: topics["t"].ID})
	}
	src.Assign(parts)
	loop := &pipeline.Loop{Config: pipeline.DefaultConfig(), Source: src, Sink: sink, Stages: []pipeline.Stage{renamed{}}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		src.Close()
		sink.Close()
		return err
	})
	t.Cleanup(func() { _ = stop() }) // the test looked at the error if it cares
	return stop
}

// java is a Java MirrorMaker 2 in its exactly-once mode, as the target sees it.
type java struct {
	m        *mesh
	producer *kgo.Client
	at       [2]int64 // next source offset
}

// startJava starts where Java's topic says, reading it as Java does: by the
// bytes of the keys.
func (m *mesh) startJava(t *testing.T) *java {
	t.Helper()
	j := &java{m: m, producer: m.b.Client(t, kgo.TransactionalID(javaTask), kgo.TransactionTimeout(time.Minute))}
	for _, r := range m.b.Committed(t, offsets) {
		for p := range j.at {
			if string(r.Key) != fmt.Sprintf(`["MirrorSourceConnector",{"cluster":"A","partition":%d,"topic":"t"}]`, p) {
				continue
			}
			j.at[p] = 0
			if _, err := fmt.Sscanf(string(r.Value), `{"offset":%d}`, &j.at[p]); err == nil {
				j.at[p]++
			}
		}
	}
	return j
}

// copy copies what is there in one transaction, and leaves it open if told so.
func (j *java) copy(t *testing.T, leaveOpen bool) {
	t.Helper()
	if err := j.producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var out []*kgo.Record
	for _, r := range j.m.a.Committed(t, "t") {
		if r.Offset >= j.at[r.Partition] {
			out = append(out, &kgo.Record{Topic: "A.t", Partition: r.Partition, Value: r.Value}, javaOffset("t", r.Partition, r.Offset))
			j.at[r.Partition] = r.Offset + 1
		}
	}
	if err := j.producer.ProduceSync(t.Context(), out...).FirstErr(); err != nil {
		t.Fatalf("java produces: %v", err)
	}
	if leaveOpen {
		return
	}
	if err := j.producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatalf("java commits: %v", err)
	}
}

// javaOffset is the record that notes the last copied offset.
func javaOffset(topic string, partition int32, last int64) *kgo.Record {
	key := takeover.AppendKey(nil, source("A", topic, partition))
	return &kgo.Record{Topic: offsets, Partition: takeover.Place(key, 25), Key: key, Value: takeover.Value(last)}
}

// There, back and there again: every record arrives once, whoever copies it.
func TestTakeOverTakeBackTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.b.Create(t, offsets, 25)
		m.produce(t, 20)
		j := m.startJava(t)
		j.copy(t, false)
		j.producer.Close()

		m.produce(t, 20)
		m.run(t)
		m.wantCopies(t)
		m.produce(t, 10)
		m.run(t) // a restart of mm2 in between changes nothing
		m.wantCopies(t)

		m.produce(t, 20)
		j = m.startJava(t)
		if want := [2]int64{25, 25}; j.at != want {
			t.Errorf("java would go on at %v, want %v", j.at, want)
		}
		j.copy(t, false)
		j.producer.Close()
		m.wantCopies(t)

		m.produce(t, 20)
		m.run(t)
		m.wantCopies(t)
	})
}

// What a dead worker of Java left open is ended and copied again, and the
// worker cannot write when it comes back.
func TestOpenTransactionOfJavaIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.b.Create(t, offsets, 25)
		m.produce(t, 20)
		j := m.startJava(t)
		j.copy(t, false)
		m.produce(t, 20)
		j.copy(t, true) // and hangs
		m.produce(t, 2)
		m.run(t)
		m.wantCopies(t)
		if err := j.producer.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
			t.Error("the worker of java that came back could commit")
		}
		m.wantCopies(t)
	})
}

// An id that the target does not list is known from what Connect noted.
func TestFencedTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.b.Create(t, offsets, 25)
		m.b.Create(t, noted, 1)
		m.b.Produce(t,
			&kgo.Record{Topic: noted, Key: []byte("tasks-fencing-MirrorSourceConnector"), Value: []byte(`{"task-count":3}`)},
			&kgo.Record{Topic: noted, Key: []byte("tasks-fencing-MirrorSourceConnector"), Value: []byte(`{"task-count":2}`)},
			&kgo.Record{Topic: noted, Key: []byte("tasks-fencing-Other"), Value: []byte(`{"task-count":9}`)},
			&kgo.Record{Topic: noted, Key: []byte("commit-MirrorSourceConnector"), Value: []byte(`{"tasks":7}`)})
		for _, id := range []string{"A-mm2-MirrorCheckpointConnector-11", "A-mm2-MirrorSourceConnector-x", "A-mm2x-MirrorSourceConnector-0", "mm2-A-B-0"} {
			if _, _, err := m.b.Client(t, kgo.TransactionalID(id)).ProducerID(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		before := m.epochs(t)
		if err := m.takeOver(t).Guard(t.Context()); err != nil {
			t.Fatal(err)
		}
		var fenced []string
		for id, epoch := range m.epochs(t) {
			if old, known := before[id]; !known || old != epoch {
				fenced = append(fenced, id)
			}
		}
		slices.Sort(fenced)
		want := []string{"A-mm2-MirrorCheckpointConnector-11", "A-mm2-MirrorSourceConnector-0", "A-mm2-MirrorSourceConnector-1"}
		if diff := cmp.Diff(want, fenced); diff != "" {
			t.Errorf("fenced (-want +got):\n%s", diff)
		}
	})
}

// epochs are the producer epochs of all transactional ids of the target.
func (m *mesh) epochs(t *testing.T) map[string]int16 {
	t.Helper()
	adm := kadm.NewClient(m.b.Client(t))
	listed, err := adm.ListTransactions(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int16{}
	if len(listed) == 0 {
		return out
	}
	described, err := adm.DescribeTransactions(t.Context(), listed.TransactionalIDs()...)
	if err != nil {
		t.Fatal(err)
	}
	for id, d := range described {
		out[id] = d.ProducerEpoch
	}
	return out
}
