package kafka_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// The fence comes before everything else: it ends what the last owner left open,
// so that its marks neither count nor hold up the reading. If the marks were
// read first they would wait for that transaction, and if healing came first it
// would end a transaction that its owner can still commit.
func TestFenceComesBeforeTheMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		healed := 0
		s := b.sink(t, "second", func(c *kafka.SinkConfig) { c.Healed = func(bool) { healed++ } })
		open(t, s)
		commit(t, s, batch(0, 3))
		s.Close()

		owner := b.Client(t, kgo.TransactionalID("mm2-A-B-1"), kgo.TransactionTimeout(15*time.Minute))
		if err := owner.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		mark := &kgo.Record{Topic: lanesTopic, Partition: 1, Key: []byte("in/0"), Value: []byte("9")}
		if err := owner.ProduceSync(t.Context(), mark).FirstErr(); err != nil {
			t.Fatal(err)
		}

		began := time.Now()
		if marks := open(t, s); marks["in/0"] != "3" {
			t.Errorf("marks: %v, want in/0 at 3", marks)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("taking the lane took %v: the marks were read before the fence", took)
		}
		if healed > 0 {
			t.Errorf("%d transactions were finished that the fence ends: healing came first", healed)
		}
		if err := owner.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
			t.Error("the last owner could still commit")
		}
	})
}

// A partition that is taken away and given back goes on behind what was handed
// out, not behind what was fetched: batches that were still queued come again.
func TestReassignedPartitionLosesNothingThatWasFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		a.produce(t, 0, 0, 3)
		a.produce(t, 1, 0, 3)
		both := []kafka.Assigned{a.part(0), a.part(1)}
		s := a.source(t, both...)
		marks := pipeline.Marks{}
		seek(t, s, marks)
		var got []string
		next := func() bool {
			b, err := s.Poll(t.Context(), time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if b == nil {
				return false
			}
			for _, r := range b.Records() {
				got = append(got, fmt.Sprintf("%d:%s", b.Source.Partition, r.Value))
			}
			return true
		}
		for len(got) == 0 && next() {
			continue // until one partition's batch is handed out and the other's is queued
		}
		other := 1 - int32(got[0][0]-'0')
		s.Assign([]kafka.Assigned{a.part(1 - other)})
		next()
		s.Assign(both)
		for next() {
			continue
		}
		if diff := cmp.Diff([]string{"0:0", "0:1", "0:2", "1:0", "1:1", "1:2"}, sorted(got)); diff != "" {
			t.Errorf("handed out (-want +got):\n%s", diff)
		}
	})
}
