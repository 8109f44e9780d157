package e2e_test

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestSourceTransactions copies transactions with aborts, mixed with records
// outside of transactions, and keeps what a transaction still holds back.
func TestSourceTransactions(t *testing.T) {
	a, b := alias{"txn_a", cluster(t, "a")}, alias{"txn_b", cluster(t, "b")}
	a.CreateTopic(t, "txn-orders", 3)
	log := check.NewLog(nil)
	w := worker(t, "transactions", mesh(`
kind = "active-standby"
active = "txn_a"
standby = "txn_b"
topics = ["txn-.*"]`, a, b))
	stop := load(t, a.Cluster, log, check.Workload{Topic: "txn-orders", Rate: 200})
	write(t, a.Cluster, log, check.Workload{Topic: "txn-orders", Limit: 3000, Transaction: 50, AbortEvery: 3},
		kgo.TransactionalID("txn-test-one"))
	// The last transaction is an abort: nothing follows it in its partitions.
	write(t, a.Cluster, log, check.Workload{Topic: "txn-orders", Limit: 400, Transaction: 100, AbortEvery: 2},
		kgo.TransactionalID("txn-test-two"))
	stop()
	arrived := watch(t, b.Cluster, log, "txn_a.", "txn-orders")
	arrived.all(t, w)

	open := a.Client(t, kgo.TransactionalID("txn-test-open"))
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	held := &kgo.Record{Topic: "txn-orders", Headers: []kgo.RecordHeader{
		{Key: check.Header, Value: []byte(check.NewID(1, 1).String())},
	}}
	if err := open.ProduceSync(t.Context(), held).FirstErr(); err != nil {
		t.Fatal(err)
	}
	// Records behind the open transaction wait for it, here as on the source.
	write(t, a.Cluster, log, check.Workload{Topic: "txn-orders", Limit: 300})
	if err := open.EndTransaction(context.WithoutCancel(t.Context()), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	log.Acked(held)
	finish(t, []*e2e.Worker{w}, arrived)
	if got := log.Counts().Aborted; got != 1200 {
		t.Errorf("%d records were aborted, want 1200", got)
	}
}
