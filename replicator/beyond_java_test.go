package replicator_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/mm2test"
	"mm2/replicator"
)

// What the tests of Java MirrorMaker 2 do not look at.

// A record without a timestamp, which is -1, has none on the target. Java's
// copy is stamped with the time of copying.
func TestRecordsWithoutATimestampGetNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 1)
		millis := []int64{-1, 1_600_000_000_123, -1, 0}
		for i, at := range millis {
			m.a.Produce(t, &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i), Timestamp: time.UnixMilli(at)})
		}
		m.start(t, "w")
		time.Sleep(10 * time.Second)
		got := m.b.Committed(t, "A.orders")
		if len(got) != len(millis) {
			t.Fatalf("%d records arrived, want %d", len(got), len(millis))
		}
		for i, r := range got {
			if at := r.Timestamp.UnixMilli(); at != millis[i] {
				t.Errorf("record %d has the timestamp %d, want %d", i, at, millis[i])
			}
		}
	})
}

// A record that is larger than what is fetched at once, than a transaction's
// bytes and than the client's defaults arrives between its neighbours.
func TestHugeRecordsArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 40 << 20
		m := newMesh(t)
		m.maxBatch = limit
		for _, c := range []struct {
			on    *mm2test.Cluster
			topic string
		}{{m.a, "orders"}, {m.b, "A.orders"}} {
			if err := c.on.CreateTopic(c.topic, 1, map[string]string{"max.message.bytes": fmt.Sprint(limit)}); err != nil {
				t.Fatal(err)
			}
		}
		huge := bytes.Repeat([]byte("0123456789abcdef"), 30<<16) // 30 MiB
		p := m.a.Client(t, kgo.ProducerBatchMaxBytes(limit), kgo.ProducerBatchCompression(kgo.NoCompression()))
		for _, r := range [][]byte{[]byte("before"), huge, []byte("after")} {
			if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: r}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		w := m.start(t, "w", func(c *replicator.Config) { c.BufferBytes, c.Lanes = 2*limit, 1 })
		time.Sleep(30 * time.Second)
		got := m.b.Committed(t, "A.orders")
		if len(got) != 3 || string(got[0].Value) != "before" || !bytes.Equal(got[1].Value, huge) || string(got[2].Value) != "after" {
			t.Errorf("%d records arrived; %+v", len(got), w.orders(t))
		}
	})
}

// Brokers of the target go away for good and others join while transactions are
// open, coordinators and leaders move: every record arrives once and in order.
// One stays, for its address is the only one that everybody knows.
func TestBrokersLostDuringTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ports := []int{9094, 9095, 9096}
		m := &mesh{}
		m.a = mm2test.NewCluster(t, &m.net, 9093, "cluster-a")
		m.b = mm2test.NewCluster(t, &m.net, ports[0], "cluster-b", kfake.NumBrokers(3), kfake.Ports(ports...))
		m.a.Create(t, "orders", 8)
		m.start(t, "w", func(c *replicator.Config) { c.CommitInterval = 2 * time.Second })
		time.Sleep(10 * time.Second)
		n := 0
		produce := func(k int) {
			m.a.Produce(t, numbered("orders", 8, n, n+k)...)
			n += k
		}
		for round := range 9 {
			for range 20 { // input that keeps coming keeps transactions open
				produce(16)
				time.Sleep(50 * time.Millisecond)
			}
			if err := m.b.RemoveNode(int32(round + 1)); err != nil {
				t.Fatal(err)
			}
			for range 20 {
				produce(16)
				time.Sleep(50 * time.Millisecond)
			}
			if _, _, err := m.b.AddNode(int32(round+len(ports)), ports[0]+round+len(ports)); err != nil {
				t.Fatal(err)
			}
			m.b.ShufflePartitionLeaders()
			m.b.RehashCoordinators()
		}
		time.Sleep(2 * time.Minute)
		wantValues(t, m.b, "A.orders", numbered("orders", 8, 0, n))
	})
}
