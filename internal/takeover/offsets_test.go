package takeover_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
	"mm2/internal/takeover"
	"mm2/topology"
)

func entry(key, value string, headers ...kgo.RecordHeader) *kgo.Record {
	r := &kgo.Record{Topic: offsets, Partition: takeover.Place([]byte(key), 25), Key: []byte(key), Headers: headers}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}

func keyOf(cluster, topic string, partition int) string {
	return fmt.Sprintf(`["MirrorSourceConnector",{"cluster":"%s","partition":%d,"topic":"%s"}]`, cluster, partition, topic)
}

func resume(t *testing.T, over *takeover.TakeOver) map[string]int64 {
	t.Helper()
	got, err := over.Resume(t.Context())
	if err != nil {
		t.Fatalf("resume: %v", err)
	}
	out := map[string]int64{}
	for p, next := range got {
		out[kafka.MarkKey(p)] = next
	}
	return out
}

func TestResumeIsWhatJavaWroteLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := kgo.RecordHeader{Key: "mm2"}
		m := newMesh(t)
		m.b.Create(t, offsets, 25)
		m.b.Produce(t,
			entry(keyOf("A", "t", 0), `{"offset":1}`),
			entry(keyOf("A", "t", 0), `{"offset":1041}`),
			entry(keyOf("A", "t", 1), `{"offset":0}`),
			entry(keyOf("A", "withdrawn", 0), `{"offset":5}`),
			entry(keyOf("A", "withdrawn", 0), ""),
			entry(keyOf("A", "negative", 0), `{"offset":5}`),
			entry(keyOf("A", "negative", 0), `{"offset":-1}`),
			entry(keyOf("C", "t", 2), `{"offset":5}`),
			entry(`["Other",{"cluster":"A","partition":3,"topic":"t"}]`, `{"offset":5}`),
			entry(`["MirrorCheckpointConnector",{"partition":0,"topic":"A.t","group":"grp"}]`, `{"offset":0}`),
			entry(`["MirrorHeartbeatConnector",{"sourceClusterAlias":"A","targetClusterAlias":"B"}]`, `{"offset":0}`),
			entry("no json", `{"offset":5}`),
			// Who wrote last counts.
			entry(keyOf("A", "ours", 0), `{"offset":5}`),
			entry(keyOf("A", "ours", 0), `{"offset":7}`, ours),
			entry(keyOf("A", "java", 0), `{"offset":7}`, ours),
			entry(keyOf("A", "java", 0), `{"offset":5}`),
			// Keys that Java would not find count only alone.
			entry(`["MirrorSourceConnector",{"topic":"odd","cluster":"A","partition":0}]`, `{"offset":7}`),
			entry(`["MirrorSourceConnector",{"topic":"both","cluster":"A","partition":0}]`, `{"offset":7}`),
			entry(keyOf("A", "both", 0), `{"offset":5}`),
			entry(`["MirrorSourceConnector",{"topic":"both-ours","cluster":"A","partition":0}]`, `{"offset":7}`),
			entry(keyOf("A", "both-ours", 0), `{"offset":5}`, ours))
		over := m.takeOver(t)
		want := map[string]int64{"t/0": 1042, "t/1": 1, "java/0": 6, "odd/0": 8, "both/0": 6}
		if diff := cmp.Diff(want, resume(t, over)); diff != "" {
			t.Errorf("resume (-want +got):\n%s", diff)
		}
		// What comes later is added, also to a topic that was made anew.
		m.b.Produce(t, entry(keyOf("A", "t", 1), `{"offset":9}`))
		want["t/1"] = 10
		if diff := cmp.Diff(want, resume(t, over)); diff != "" {
			t.Errorf("resume later (-want +got):\n%s", diff)
		}
		if _, err := kadm.NewClient(m.b.Client(t)).DeleteTopic(t.Context(), offsets); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]int64{}, resume(t, over)); diff != "" {
			t.Errorf("resume without the topic (-want +got):\n%s", diff)
		}
		m.b.Create(t, offsets, 25)
		m.b.Produce(t, entry(keyOf("A", "t", 0), `{"offset":2}`))
		if diff := cmp.Diff(map[string]int64{"t/0": 3}, resume(t, over)); diff != "" {
			t.Errorf("resume with a new topic (-want +got):\n%s", diff)
		}
	})
}

// Offsets that an open transaction may still commit are waited for, and the
// wait ends with a message that says where and what to do.
func TestResumeWaitsForOpenTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.b.Create(t, offsets, 25)
		open := func(id string) *kgo.Client {
			cl := m.b.Client(t, kgo.TransactionalID(id), kgo.TransactionTimeout(15*time.Minute))
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := cl.ProduceSync(t.Context(), entry(keyOf("A", "t", 0), `{"offset":5}`)).FirstErr(); err != nil {
				t.Fatal(err)
			}
			return cl
		}
		over := m.takeOver(t)
		cl := open("somebody")
		go func() {
			time.Sleep(10 * time.Second)
			_ = cl.EndTransaction(t.Context(), kgo.TryCommit) // else the next lines fail
		}()
		if diff := cmp.Diff(map[string]int64{"t/0": 6}, resume(t, over)); diff != "" {
			t.Errorf("resume (-want +got):\n%s", diff)
		}
		open("nobody")
		_, err := over.Resume(t.Context())
		if err == nil || !strings.Contains(err.Error(), "find-hanging --topic mm2-offsets.A.internal --partition 7") {
			t.Errorf("resume: %v", err)
		}
	})
}

func TestMarksBecomeOffsetsOfJava(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		over := m.takeOver(t)
		next := pipeline.Marks{
			"owner":       `{"worker":"w"}`,
			"orders.x/12": `{"offset":1042,"epoch":3,"topic":"x"}`,
			"empty/0":     `{"offset":0,"epoch":-1}`,
			"strange/0":   `strange`,
		}
		if err := over.Guard(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := over.Records(next, nil); got != nil || over.Partitions() != nil {
			t.Errorf("without java's topic there are records %v for %v", got, over.Partitions())
		}
		m.b.Create(t, offsets, 25)
		resume(t, over)
		got := map[string]string{}
		for _, r := range over.Records(next, nil) {
			got[string(r.Key)] = string(r.Value)
			if want := takeover.Place(r.Key, 25); r.Topic != offsets || r.Partition != want {
				t.Errorf("%s goes to %s partition %d, want %d", r.Key, r.Topic, r.Partition, want)
			}
			if diff := cmp.Diff([]kgo.RecordHeader{{Key: "mm2"}}, r.Headers); diff != "" {
				t.Errorf("%s does not say who wrote it (-want +got):\n%s", r.Key, diff)
			}
			if string(r.Key) == keyOf("A", "empty", 0) && r.Value != nil {
				t.Error("a partition of which nothing was copied has an offset")
			}
		}
		want := map[string]string{keyOf("A", "orders.x", 12): `{"offset":1041}`, keyOf("A", "empty", 0): ""}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
		if n := len(over.Partitions()); n != 25 {
			t.Errorf("%d partitions, want 25", n)
		}
	})
}

// Java's topic, written with every commit, is told to stay small.
func TestTopicOfJavaStaysSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		adm := kadm.NewClient(m.b.Client(t))
		if _, err := adm.CreateTopic(t.Context(), 25, 1, map[string]*string{"cleanup.policy": new("compact"), "segment.bytes": new("1048576")}, offsets); err != nil {
			t.Fatal(err)
		}
		configs := func() map[string]string {
			out := map[string]string{}
			all, err := adm.DescribeTopicConfigs(t.Context(), offsets)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range all[0].Configs {
				if c.Value != nil && (c.Key == "segment.bytes" || c.Key == "min.cleanable.dirty.ratio") {
					out[c.Key] = *c.Value
				}
			}
			return out
		}
		if err := m.takeOver(t).Guard(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := configs()["segment.bytes"]; got != "1048576" {
			t.Errorf("segments that were smaller are now of %s bytes", got)
		}
		if _, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{
			{Op: kadm.SetConfig, Name: "segment.bytes", Value: new("1073741824")}, {Op: kadm.SetConfig, Name: "min.cleanable.dirty.ratio", Value: new("0.5")},
		}, offsets); err != nil {
			t.Fatal(err)
		}
		refused := m.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.IncrementalAlterConfigs}, Err: kerr.TopicAuthorizationFailed})
		if err := m.takeOver(t).Guard(t.Context()); err != nil {
			t.Errorf("a topic that may not be changed stops the flow: %v", err)
		}
		refused.Remove()
		if err := m.takeOver(t).Guard(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"segment.bytes": "16777216", "min.cleanable.dirty.ratio": "0.1"}, configs()); diff != "" {
			t.Errorf("configs (-want +got):\n%s", diff)
		}
	})
}

// Without the right to write it, Java's topic is left alone: a record that is
// refused would fail the transaction of the data.
func TestTopicOfJavaThatWeMayNotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := kfake.ACL{Resource: kmsg.ACLResourceTypeGroup, Name: group, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationDescribe, Allow: true}
		topic := func(op kmsg.ACLOperation) kfake.ACL {
			return kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: offsets, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
		}
		var net kfake.VirtualNetwork
		b := mm2test.NewCluster(t, &net, 9094, "cluster-b", kfake.EnableSASL(), kfake.EnableACLs(), kfake.SeedTopics(25, offsets),
			kfake.User("PLAIN", "reader", "x", group, topic(kmsg.ACLOperationRead), topic(kmsg.ACLOperationDescribe)),
			kfake.User("PLAIN", "writer", "x", group, topic(kmsg.ACLOperationRead), topic(kmsg.ACLOperationWrite)))
		for user, want := range map[string]int{"reader": 0, "writer": 1} {
			d, err := kafka.NewDialer("B", connection.Connection{
				Bootstrap: b.Addrs, Protocol: connection.SASLPlaintext,
				SASL: connection.SASL{Mechanism: connection.Plain, Username: user, Password: "x"},
			}, nil, kgo.Dialer(net.DialContext))
			if err != nil {
				t.Fatal(err)
			}
			cl := b.Client(t, kgo.SASL(plain.Auth{User: user, Pass: "x"}.AsMechanism()))
			over := takeover.New(takeover.Config{Flow: topology.FlowID{Source: "A", Target: "B"}},
				takeover.Deps{Dialer: d, Admin: kadm.NewClient(cl), Logger: testLogger(t)})
			resume(t, over)
			if got := over.Records(pipeline.Marks{"t/0": `{"offset":5}`}, nil); len(got) != want {
				t.Errorf("%s: %d records, want %d", user, len(got), want)
			}
		}
	})
}
