package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/topology"
)

// group is a consumer group that the demo leaves halfway through the orders of
// each end, for the service to carry over.
const group = "billing"

const (
	// carryLimit is how long positions may take to arrive at the other end.
	carryLimit = 30 * time.Second
	// carriedCheck is how often is looked whether they have.
	carriedCheck = 100 * time.Millisecond
)

// carry commits positions of the group at both ends, waits until the service
// has committed them at the other, and says whether each is the same record.
func (s *show) carry(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, carryLimit)
	defer cancel()
	for _, d := range s.directions {
		line, err := d.carry(ctx)
		if err != nil {
			return fmt.Errorf("carry group %s from %s to %s: %w", group, d.id.Source, d.id.Target, err)
		}
		s.screen.print(line)
	}
	return nil
}

func (d *direction) carry(ctx context.Context) (string, error) {
	here, err := d.leaveHalfway(ctx)
	if err != nil {
		return "", err
	}
	there, err := d.arrived(ctx, len(here))
	if err != nil {
		return "", err
	}
	left, err := d.recordsAt(ctx, d.id.Source, topic, here)
	if err != nil {
		return "", err
	}
	found, err := d.recordsAt(ctx, d.id.Target, d.remote, there)
	if err != nil {
		return "", err
	}
	for p, l := range left {
		if f := found[p]; !bytes.Equal(l.Key, f.Key) || !bytes.Equal(l.Value, f.Value) {
			return "", fmt.Errorf("%s/%d at %d is another record than %s/%d at %d", topic, p, here[p], d.remote, p, there[p])
		}
	}
	p := slices.Min(slices.Collect(maps.Keys(here)))
	return fmt.Sprintf("group %s: %s/%d at %d on %s is %s/%d at %d on %s, same record yes (%d of %d positions)",
		group, topic, p, here[p], d.id.Source, d.remote, p, there[p], d.id.Target, len(here), len(here)), nil
}

// leaveHalfway commits positions at the source, for partitions with records.
func (d *direction) leaveHalfway(ctx context.Context) (map[int32]int64, error) {
	adm := kadm.NewClient(d.writing)
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	at, positions := kadm.Offsets{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			positions[end.Partition] = end.Offset / 2
			at.AddOffset(topic, end.Partition, end.Offset/2, -1)
		}
	})
	if err := ends.Error(); err != nil || len(positions) == 0 {
		return nil, fmt.Errorf("no order to stand at: %w", err)
	}
	return positions, adm.CommitAllOffsets(ctx, group, at)
}

// arrived waits until the group has n positions in the copy at the target.
func (d *direction) arrived(ctx context.Context, n int) (map[int32]int64, error) {
	adm := kadm.NewClient(d.reading)
	tick := time.NewTicker(carriedCheck)
	defer tick.Stop()
	for {
		committed, err := adm.FetchOffsets(ctx, group)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return nil, err
		}
		positions := map[int32]int64{}
		for p, o := range committed[d.remote] {
			positions[p] = o.At
		}
		if len(positions) == n {
			return positions, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d positions arrived: %w", len(positions), n, context.Cause(ctx))
		}
	}
}

// recordsAt reads what a consumer would get first at each position.
func (d *direction) recordsAt(ctx context.Context, end topology.Alias, topic string, at map[int32]int64) (map[int32]*kgo.Record, error) {
	starts := make(map[int32]kgo.Offset, len(at))
	for p, offset := range at {
		starts[p] = kgo.NewOffset().At(offset)
	}
	cl, err := d.mesh.client(end, "group", kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	first := make(map[int32]*kgo.Record, len(at))
	for len(first) < len(at) {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if first[r.Partition] == nil {
				first[r.Partition] = r
			}
		})
	}
	return first, nil
}
