package e2e_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"mm2/e2e"
)

// TestHangingTransactionIsFinished plants what a crashed coordinator leaves
// behind, a transaction that is open in its partitions and unknown to the
// coordinator, and wants mm2 to end it the way its marks say when it takes the
// lane. Until then every read-committed reader waits, for ever.
func TestHangingTransactionIsFinished(t *testing.T) {
	need(t)
	// Without verification the broker appends what no coordinator knows of.
	clusters := ownClusters(t, e2e.Options{}, e2e.Options{Config: map[string]string{"transaction.partition.verification.enable": "false"}})
	a, b := alias{"hang_a", clusters[0]}, alias{"hang_b", clusters[1]}
	config := mesh(`
kind = "active-standby"
active = "hang_a"
standby = "hang_b"
topics = ["hang-.*"]
lanes = 1
heartbeats = { emit = false, seed = false }`, a, b)
	for _, tc := range []struct {
		name    string
		outcome string
		plant   func(h *hang)
	}{
		{name: "with its marks", outcome: "abort", plant: func(h *hang) {
			h.append(h.remote, 0, h.record(10))
			h.append(h.lanes, 0, h.mark(11))
		}},
		{name: "before its marks", outcome: "abort", plant: func(h *hang) {
			h.append(h.remote, 0, h.record(10))
		}},
		{name: "after its marks were committed", outcome: "commit", plant: func(h *hang) {
			h.append(h.remote, 0, h.record(10))
			h.append(h.lanes, 0, h.mark(11))
			h.marker(h.lanes, true)
		}},
		{name: "after its records were committed", outcome: "commit", plant: func(h *hang) {
			h.append(h.remote, 0, h.record(10))
			h.append(h.lanes, 0, h.mark(11))
			h.finishUnderKIP890(h.remote, true)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			topic := "hang-" + strings.ReplaceAll(tc.name, " ", "-")
			h := &hang{t: t, b: b.Cluster, source: topic, remote: "hang_a." + topic, lanes: "mm2-lanes.hang_a.internal"}
			a.CreateTopic(t, topic, 1)
			var want []string
			produce := func(n int) {
				for range n {
					r := h.record(len(want))
					want = append(want, string(r.Value))
					if err := a.Client(t).ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: r.Value}).FirstErr(); err != nil {
						t.Fatal(err)
					}
				}
			}
			produce(10)
			w := worker(t, topic+"-before", config)
			h.visible(want)
			w.Stop(t, 20*time.Second)

			produce(1) // the record of the lost transaction
			h.own("mm2-hang_a-hang_b-0")
			tc.plant(h)
			h.stuck()

			w = worker(t, topic+"-after", config)
			produce(10)
			h.visible(want)
			metrics, err := w.Metrics(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for series, n := range metrics {
				if strings.HasPrefix(series, "mm2_hanging_transactions_total{") && (n == 1) != strings.Contains(series, tc.outcome) {
					t.Errorf("%s is %v, want one %s", series, n, tc.outcome)
				}
			}
			w.Stop(t, 20*time.Second)
		})
	}
}

// hang speaks as the owner of a lane, past the coordinator.
type hang struct {
	t                     *testing.T
	b                     *e2e.Cluster
	source, remote, lanes string

	cl    *kgo.Client
	tid   string
	pid   int64
	epoch int16
}

func (h *hang) record(n int) *kmsg.Record {
	return &kmsg.Record{Value: fmt.Appendf(nil, "%s %d", h.source, n)}
}

func (h *hang) mark(offset int) *kmsg.Record {
	return &kmsg.Record{Key: []byte(h.source + "/0"), Value: fmt.Appendf(nil, `{"offset":%d,"epoch":0}`, offset)}
}

// own takes the lane's transactional id, as a worker does.
func (h *hang) own(tid string) {
	h.t.Helper()
	old := kversion.Stable() // the transaction protocol before KIP-890: nothing is added implicitly
	old.SetMaxKeyVersion(int16(kmsg.Produce), 11)
	h.cl, h.tid = h.b.Client(h.t, kgo.MaxVersions(old)), tid
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = &tid, 10_000
	e2e.Until(h.t, 20*time.Second, "the transactional id is free", func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, h.cl)
		if err != nil {
			return err
		}
		h.pid, h.epoch = resp.ProducerID, resp.ProducerEpoch
		return kerr.ErrorForCode(resp.ErrorCode)
	})
}

// append writes one transactional batch that no coordinator knows of.
func (h *hang) append(topic string, seq int32, r *kmsg.Record) {
	h.t.Helper()
	meta, err := kadm.NewClient(h.cl).Metadata(h.t.Context(), topic)
	if err != nil {
		h.t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis = &h.tid, -1, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = batch(h.pid, h.epoch, seq, r)
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	kresp, err := h.cl.Broker(int(meta.Topics[topic].Partitions[0].Leader)).Request(h.t.Context(), req)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := kerr.ErrorForCode(kresp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode); err != nil {
		h.t.Fatalf("append to %s: %v", topic, err)
	}
}

// marker ends the transaction in one partition, with its own epoch.
func (h *hang) marker(topic string, commit bool) { h.t.Helper(); h.write(topic, h.epoch, commit) }

// finishUnderKIP890 ends it as the coordinator does: with the next epoch.
func (h *hang) finishUnderKIP890(topic string, commit bool) {
	h.t.Helper()
	h.write(topic, h.epoch+1, commit)
}

func (h *hang) write(topic string, epoch int16, commit bool) {
	h.t.Helper()
	set := kadm.TopicsSet{}
	set.Add(topic, 0)
	answers, err := kadm.NewClient(h.cl).WriteTxnMarkers(h.t.Context(), kadm.TxnMarkers{ProducerID: h.pid, ProducerEpoch: epoch, Commit: commit, Topics: set})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, p := range answers[h.pid].Topics[topic].Partitions {
		if p.Err != nil {
			h.t.Fatalf("marker in %s: %v", topic, p.Err)
		}
	}
}

// stuck wants at least one partition whose last stable offset stands still.
func (h *hang) stuck() {
	h.t.Helper()
	adm := kadm.NewClient(h.cl)
	stable, err := adm.ListCommittedOffsets(h.t.Context(), h.remote, h.lanes)
	if err != nil {
		h.t.Fatal(err)
	}
	ends, err := adm.ListEndOffsets(h.t.Context(), h.remote, h.lanes)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, topic := range []string{h.remote, h.lanes} {
		s, _ := stable.Lookup(topic, 0)
		e, _ := ends.Lookup(topic, 0)
		if s.Offset < e.Offset {
			return
		}
	}
	h.t.Fatal("nothing hangs: the test does not test")
}

// visible waits until a read-committed reader sees exactly these values.
func (h *hang) visible(want []string) {
	h.t.Helper()
	e2e.Until(h.t, 60*time.Second, "everything is visible on the target", func(ctx context.Context) error {
		cl := h.b.Client(h.t, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(200*time.Millisecond),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{h.remote: {0: kgo.NewOffset().AtStart()}}))
		defer cl.Close()
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		var got []string
		for ctx.Err() == nil && len(got) < len(want) {
			for _, r := range cl.PollFetches(ctx).Records() {
				got = append(got, string(r.Value))
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
		}
		return nil
	})
}

// batch encodes a record batch (magic 2) with the transactional bit.
func batch(pid int64, epoch int16, seq int32, r *kmsg.Record) []byte {
	body := r.AppendTo(nil)
	r.Length = int32(len(body) - 1) // less the length itself, one byte while it is zero
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, Attributes: 0x10, FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: pid, ProducerEpoch: epoch, FirstSequence: seq, NumRecords: 1, Records: r.AppendTo(nil),
	}
	raw := b.AppendTo(nil)
	const lengthAt, crcAt, crcFrom = 8, 17, 21
	binary.BigEndian.PutUint32(raw[lengthAt:], uint32(len(raw)-lengthAt-4))
	binary.BigEndian.PutUint32(raw[crcAt:], crc32.Checksum(raw[crcFrom:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}
