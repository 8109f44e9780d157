package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestGroupsUnderKills follows a group that reads on the source while workers
// are killed again and again. At no time may its position on the target be
// behind a record that it has not read; in the end it is the same record.
func TestGroupsUnderKills(t *testing.T) {
	a, b := alias{"gk_a", cluster(t, "a")}, alias{"gk_b", cluster(t, "b")}
	const topic, group, rate = "gk-orders", "gk-group", 400
	a.CreateTopic(t, topic, 4)
	log := check.NewLog(nil)
	stop := load(t, a.Cluster, log, check.Workload{Topic: topic, Rate: rate})
	arrived := watch(t, b.Cluster, log, "gk_a.", topic)
	config := mesh(`
kind = "active-standby"
active = "gk_a"
standby = "gk_b"
topics = ["gk-.*"]
session_timeout = "6s"
groups = { include = ["gk-.*"], sync_interval = "100ms" }`, a, b)

	// The group commits what it has read ten times a second.
	reader := a.Client(t, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	read := make(chan error, 1)
	go func() { read <- readAndCommit(ctx, reader) }()

	var seen []position
	workers := []*e2e.Worker{worker(t, "gk-0", config), worker(t, "gk-1", config)}
	for i := range 6 {
		until := time.Now().Add(4 * time.Second)
		for time.Now().Before(until) {
			seen = append(seen, positionsOf(t, a.Cluster, b.Cluster, group, topic, "gk_a.")...)
		}
		workers[i%2].Kill9(t)
		workers[i%2] = worker(t, fmt.Sprintf("gk-%d", i+2), config)
	}
	arrived.catchesUp(t, workers...)
	stop()
	arrived.all(t, workers...)
	cancel()
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	reader.Close()

	source, target := readLogs(t, a.Cluster, []string{topic}, ""), readLogs(t, b.Cluster, []string{topic}, "gk_a.")
	offsets := map[string]int64{} // on the source, by key and value
	for _, records := range source {
		for _, r := range records {
			offsets[string(r.Value)] = r.Offset
		}
	}
	for _, p := range seen {
		r := next(target[fmt.Sprintf("%s-%d", topic, p.partition)], p.there)
		if r != nil && offsets[string(r.Value)] > p.here {
			t.Errorf("partition %d: the group stood at %d on the source, and at %d on the target, which is %d on the source: records in between are skipped",
				p.partition, p.here, p.there, offsets[string(r.Value)])
		}
	}
	t.Logf("%d positions looked at between kills", len(seen))
	if len(seen) < 100 {
		t.Errorf("only %d positions were looked at", len(seen))
	}
	at := fetchOffsets(t, a.Cluster, group).Offsets()
	e2e.Until(t, arrivesIn, "the group stands at the same records", func(ctx context.Context) error {
		return sameRecords(ctx, t, b.Cluster, "gk_a.", map[string]kadm.Offsets{group: at}, source, target)
	})
	finish(t, workers, arrived)
}

// readAndCommit reads until ctx ends and then commits a last time.
func readAndCommit(ctx context.Context, client *kgo.Client) error {
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			return client.CommitUncommittedOffsets(end)
		}
		if err := fetches.Err0(); err != nil {
			return err
		}
		if err := client.CommitUncommittedOffsets(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// position is where a group stood on both clusters, the target asked first.
type position struct {
	partition   int32
	there, here int64
}

func positionsOf(t *testing.T, a, b *e2e.Cluster, group, topic, prefix string) (out []position) {
	t.Helper()
	there := fetchOffsets(t, b, group)
	here := fetchOffsets(t, a, group)
	there.Each(func(o kadm.OffsetResponse) {
		if h, ok := here.Lookup(topic, o.Partition); ok && o.Topic == prefix+topic && o.At >= 0 {
			out = append(out, position{o.Partition, o.At, h.At})
		}
	})
	return out
}
