package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestFailoverDrill translates groups at fifty positions spread over three kinds
// of logs. After the sync each position on the target is the same record as on
// the source, for every one of them; a group that is active there is left alone.
func TestFailoverDrill(t *testing.T) {
	a := alias{"fo_a", e2e.StartFor(t, e2e.Options{Config: map[string]string{"log.cleaner.backoff.ms": "200"}})}
	b := alias{"fo_b", cluster(t, "b")}
	const dense, transactional, compacted = "fo-dense", "fo-transactional", "fo-compacted"
	log := check.NewLog(nil)
	a.CreateTopic(t, dense, 2)
	write(t, a.Cluster, log, check.Workload{Topic: dense, Limit: 4000})
	a.CreateTopic(t, transactional, 2)
	write(t, a.Cluster, log, check.Workload{Topic: transactional, Limit: 3000, Transaction: 17, AbortEvery: 3}, kgo.TransactionalID("fo"))
	compactedTopic(t, a.Cluster, compacted)

	const positions = 50
	topics := []string{dense, transactional, compacted}
	groups := map[string]kadm.Offsets{}
	ends, err := a.Admin(t).ListCommittedOffsets(t.Context(), topics...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range positions {
		at := kadm.Offsets{}
		ends.Each(func(end kadm.ListedOffset) {
			at.AddOffset(end.Topic, end.Partition, end.Offset*int64(i)/(positions-1), -1)
		})
		group := fmt.Sprintf("fo-group-%d", i)
		groups[group] = at
		commitOffsets(t, a.Cluster, group, at)
	}

	w := worker(t, "failover", mesh(`
kind = "active-standby"
active = "fo_a"
standby = "fo_b"
topics = ["fo-.*"]
config_exclude = ["cleanup\\.policy", "segment\\..*", "min\\..*", "delete\\..*", "max\\..*"]
groups = { include = ["fo-.*"] }`, a, b))

	// A member holds its group on the target where it stands.
	active := "fo-group-7"
	e2e.Until(t, arrivesIn, "the copies are there", func(ctx context.Context) error {
		have, err := b.Admin(t).ListTopics(ctx, "fo_a."+dense)
		if err == nil {
			err = have.Error()
		}
		return err
	})

	source, target := readLogs(t, a.Cluster, topics, ""), map[string][]*kgo.Record{}
	e2e.Until(t, arrivesIn, "every group is synced to the same records", func(ctx context.Context) error {
		if err := w.Alive(); err != nil {
			return err
		}
		target = readLogs(t, b.Cluster, topics, "fo_a.")
		return sameRecords(ctx, t, b.Cluster, "fo_a.", groups, source, target)
	})
	checked := 0
	for _, at := range groups {
		at.Each(func(kadm.Offset) { checked++ })
	}
	t.Logf("%d positions of %d groups are the same records", checked, len(groups))

	member := b.Client(t, kgo.ConsumerGroup(active), kgo.ConsumeTopics("fo_a."+dense), kgo.DisableAutoCommit())
	e2e.Until(t, arrivesIn, "the member has joined", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		member.PollFetches(ctx)
		if group, _ := member.GroupMetadata(); group == "" {
			return errors.New("it has not")
		}
		described, err := b.Admin(t).DescribeGroups(ctx, active)
		if err != nil {
			return err
		}
		if described[active].State != "Stable" {
			return fmt.Errorf("the group is %s", described[active].State)
		}
		return nil
	})
	before := fetchOffsets(t, b.Cluster, active)
	// Its twin on the source and another group go on to the end; once the other
	// has arrived, the active one must have been passed over.
	last := groups[fmt.Sprintf("fo-group-%d", positions-1)]
	commitOffsets(t, a.Cluster, active, last)
	commitOffsets(t, a.Cluster, "fo-group-3", last)
	moved := map[string]kadm.Offsets{"fo-group-3": last}
	e2e.Until(t, arrivesIn, "its neighbour is synced", func(ctx context.Context) error {
		return sameRecords(ctx, t, b.Cluster, "fo_a.", moved, source, target)
	})
	if after := fetchOffsets(t, b.Cluster, active); !sameOffsets(before, after) {
		t.Errorf("the active group %s was at %v and is at %v", active, before, after)
	}
	member.Close()
	moved = map[string]kadm.Offsets{active: last}
	e2e.Until(t, arrivesIn, "the group is synced after its member left", func(ctx context.Context) error {
		return sameRecords(ctx, t, b.Cluster, "fo_a.", moved, source, target)
	})
	w.Stop(t, stopsIn)
}

// compactedTopic makes a topic whose log has holes.
func compactedTopic(t *testing.T, c *e2e.Cluster, topic string) {
	t.Helper()
	c.CreateTopic(t, topic, 2, "cleanup.policy", "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.001", "delete.retention.ms", "100")
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	n := 0
	produce := func(count int) {
		t.Helper()
		for range count {
			r := &kgo.Record{
				Topic: topic, Partition: int32(n % 2), Key: fmt.Appendf(nil, "key-%d", n*7919%613), Value: fmt.Appendf(nil, "value %d", n),
			}
			client.Produce(t.Context(), r, nil)
			n++
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	produce(4000)
	e2e.Until(t, 2*time.Minute, topic+" has holes", func(ctx context.Context) error {
		produce(2) // rolls the segments, for only closed ones are compacted
		left := 0
		for _, records := range readLogs(t, c, []string{topic}, "") {
			left += len(records)
		}
		if left > n/2 {
			return fmt.Errorf("%d of %d records are left", left, n)
		}
		return nil
	})
}

// readLogs reads topics read_committed, by name without the prefix and partition.
func readLogs(t *testing.T, c *e2e.Cluster, topics []string, prefix string) map[string][]*kgo.Record {
	t.Helper()
	names := make([]string, len(topics))
	for i, topic := range topics {
		names[i] = prefix + topic
	}
	logs := map[string][]*kgo.Record{}
	client := c.Client(t, check.ReaderOpts(names...)...)
	defer client.Close()
	reader := check.NewReader(client, func(r *kgo.Record) {
		key := fmt.Sprintf("%s-%d", r.Topic[len(prefix):], r.Partition)
		logs[key] = append(logs[key], r)
	}, names...)
	if err := reader.ToEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	return logs
}

// next is the first record at or after an offset, and nil at the end.
func next(records []*kgo.Record, offset int64) *kgo.Record {
	for _, r := range records {
		if r.Offset >= offset {
			return r
		}
	}
	return nil
}

// sameRecords tells the first position on the target that is not the same record
// as on the source.
func sameRecords(ctx context.Context, t *testing.T, target *e2e.Cluster, prefix string, groups map[string]kadm.Offsets, from, to map[string][]*kgo.Record) error {
	var wrong error
	admin := target.Admin(t)
	names := make([]string, 0, len(groups))
	for group := range groups {
		names = append(names, group)
	}
	answers := admin.FetchManyOffsets(ctx, names...)
	for group, at := range groups {
		if err := answers[group].Err; err != nil {
			return err
		}
		at.Each(func(o kadm.Offset) {
			key := fmt.Sprintf("%s-%d", o.Topic, o.Partition)
			there, ok := answers[group].Fetched.Lookup(prefix+o.Topic, o.Partition)
			if !ok {
				wrong = fmt.Errorf("%s has no position in %s", group, key)
				return
			}
			a, b := next(from[key], o.At), next(to[key], there.At)
			switch {
			case a == nil && b == nil:
			case a == nil || b == nil || string(a.Key) != string(b.Key) || string(a.Value) != string(b.Value):
				wrong = fmt.Errorf("%s in %s: %d on the source is %v, %d on the target is %v", group, key, o.At, brief(a), there.At, brief(b))
			}
		})
	}
	return wrong
}

func brief(r *kgo.Record) string {
	if r == nil {
		return "the end"
	}
	return fmt.Sprintf("%s=%.20s at %d", r.Key, r.Value, r.Offset)
}

func fetchOffsets(t *testing.T, c *e2e.Cluster, group string) kadm.OffsetResponses {
	t.Helper()
	offsets, err := c.Admin(t).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return offsets
}

func sameOffsets(a, b kadm.OffsetResponses) bool {
	same := true
	b.Each(func(o kadm.OffsetResponse) {
		before, ok := a.Lookup(o.Topic, o.Partition)
		same = same && ok && before.At == o.At
	})
	return same
}

func commitOffsets(t *testing.T, c *e2e.Cluster, group string, at kadm.Offsets) {
	t.Helper()
	answer, err := c.Admin(t).CommitOffsets(t.Context(), group, at)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		t.Fatal(fmt.Errorf("commit for %s: %w", group, err))
	}
}
