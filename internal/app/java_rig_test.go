package app_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/mm2test"
)

// What Java MirrorMaker 2's MirrorConnectorsIntegrationBaseTest has: two
// clusters, ten partitions, a hundred records; here in virtual time.

const (
	partitions = 10
	records    = 100

	// settles is time enough for a worker to start, copy, translate and sync.
	// With the race detector each virtual second costs real ones.
	settles = 25 * time.Second
)

// javaRun is one of Java's integration cases in one of its subclasses.
type javaRun struct {
	*mesh
	javaKind
	service string // settings of the process
}

// javaKind is what a subclass of Java's base class changes.
type javaKind struct {
	settings      string // of every flow
	identity      bool
	transactional bool // source producers
}

const bothWays, oneWay = `"A->B", "B->A"`, `"A->B"`

// file is a file for A and B with what more says about the flows.
func (r *javaRun) file(flows, more string) string {
	return fmt.Sprintf(`
[service]
listen = "off"
%s
[clusters.A]
bootstrap = ["127.0.0.1:9093"]
[clusters.B]
bootstrap = ["127.0.0.1:9094"]
[defaults]
lanes = 2
discovery_interval = "1s"
config_sync = { interval = "1s" }
[[topology]]
kind = "custom"
flows = [%s]
topics = ["test-topic-.*"]
%s
%s
`, r.service, flows, r.settings, more)
}

// copy is the name of a topic of A on B.
func (r *javaRun) copy(topic string) string {
	if r.identity {
		return topic
	}
	return "A." + topic
}

// produce writes records to A. Where producers are transactional, ten records
// are a transaction, and as many are aborted after it.
func (r *javaRun) produce(t *testing.T, records ...*kgo.Record) {
	t.Helper()
	if !r.transactional {
		r.a.Produce(t, records...)
		return
	}
	p := r.a.Client(t, kgo.TransactionalID("embedded-kafka-0"))
	defer p.Close()
	for some := range slices.Chunk(records, 10) {
		for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			var out []*kgo.Record
			for _, rec := range some {
				again := *rec
				out = append(out, &again)
			}
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := p.ProduceSync(t.Context(), out...).FirstErr(); err != nil {
				t.Fatalf("produce in a transaction: %v", err)
			}
			if err := p.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// javaCase runs a case by its Java name.
func javaCase(t *testing.T, kind javaKind, name string, run func(t *testing.T, r *javaRun)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { run(t, &javaRun{mesh: newMesh(t), javaKind: kind}) })
	})
}

// spread makes n records, evenly over the partitions, from number on.
func spread(topic string, from, n, partitions int) (out []*kgo.Record) {
	for i := range n {
		out = append(out, &kgo.Record{
			Topic: topic, Partition: int32(i % partitions),
			Key: fmt.Appendf(nil, "key-%d", from+i), Value: fmt.Appendf(nil, "message-%d", from+i),
		})
	}
	return out
}

// commitAt commits one position in every partition.
func commitAt(t *testing.T, c *mm2test.Cluster, group, topic string, partitions int, at int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	for p := range partitions {
		offsets.AddOffset(topic, int32(p), at, -1)
	}
	if err := kadm.NewClient(c.Client(t)).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatalf("commit for %s: %v", group, err)
	}
}

// positions are a group's committed offsets in a topic, by partition.
func positions(t *testing.T, c *mm2test.Cluster, group, topic string) map[int32]int64 {
	t.Helper()
	answer, err := kadm.NewClient(c.Client(t)).FetchOffsets(t.Context(), group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // which has no positions
		t.Fatalf("offsets of %s: %v", group, err)
	}
	at := map[int32]int64{}
	answer.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At >= 0 {
			at[o.Partition] = o.At
		}
	})
	return at
}

// valueAt is the value of the first record at or after an offset.
func valueAt(all []*kgo.Record, partition int32, offset int64) string {
	for _, r := range all {
		if r.Partition == partition && r.Offset >= offset {
			return string(r.Value)
		}
	}
	return "the end"
}

// wantSamePositions compares the record that a group reads next on both sides.
func (r *javaRun) wantSamePositions(t *testing.T, group, topic string, want int) {
	t.Helper()
	here, there := positions(t, r.a, group, topic), positions(t, r.b, group, r.copy(topic))
	source, copies := r.a.Committed(t, topic), r.b.Committed(t, r.copy(topic))
	if len(there) != want {
		t.Errorf("%s has %d positions in %s, want %d: %v", group, len(there), r.copy(topic), want, there)
	}
	for p, at := range there {
		if a, b := valueAt(source, p, here[p]), valueAt(copies, p, at); a != b {
			t.Errorf("%s in %s-%d reads %q next on A (%d) and %q on B (%d)", group, topic, p, a, here[p], b, at)
		}
	}
}

func topicNames(t *testing.T, c *mm2test.Cluster) []string {
	t.Helper()
	topics, err := kadm.NewClient(c.Client(t)).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return topics.Names()
}

func hasTopic(t *testing.T, c *mm2test.Cluster, name string) bool {
	t.Helper()
	return slices.Contains(topicNames(t, c), name)
}

func override(t *testing.T, c *mm2test.Cluster, topic, key string) (string, bool) {
	t.Helper()
	answers, err := kadm.NewClient(c.Client(t)).DescribeTopicConfigs(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		for _, e := range a.Configs {
			if e.Key == key && e.Source.String() == "DYNAMIC_TOPIC_CONFIG" {
				return e.MaybeValue(), true
			}
		}
	}
	return "", false
}

func alter(t *testing.T, c *mm2test.Cluster, topic string, change kadm.AlterConfig) {
	t.Helper()
	answers, err := kadm.NewClient(c.Client(t)).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{change}, topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if a.Err != nil {
			t.Fatalf("alter %s of %s: %v", change.Name, topic, a.Err)
		}
	}
}

func set(key, value string) kadm.AlterConfig {
	return kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: &value}
}

// monotonic reads all checkpoints and fails where one goes back.
func (r *javaRun) monotonic(t *testing.T) {
	t.Helper()
	last := map[string]int64{}
	for _, c := range r.b.Committed(t, "A.checkpoints.internal") {
		var downstream int64
		for _, b := range c.Value[10:18] {
			downstream = downstream<<8 | int64(b)
		}
		key := string(c.Key)
		if downstream < last[key] {
			t.Errorf("the checkpoint %q at offset %d goes back from %d to %d", key, c.Offset, last[key], downstream)
		}
		last[key] = downstream
	}
}
