package runtime_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/mm2test"
	"mm2/streams"
	"mm2/streams/state"
)

func TestFilterEndToEnd(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.AtLeastOnce, streams.ExactlyOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 2)
				r.cluster.Create(t, "out", 2)
				b := streams.NewBuilder()
				streams.Stream[string, string](b, "in").Filter(func(_, v string) bool { return strings.HasPrefix(v, "yes") }).To("out")
				top := build(t, b)
				a := r.start("a", top, func(c *streams.Config) { c.Guarantee = guarantee })
				r.running(a)
				r.cluster.Produce(t, record("in", 0, "k", "yes1"), record("in", 0, "k", "no2"), record("in", 1, "l", "yes3"))
				r.until("both records pass", func() bool { return len(r.cluster.Committed(t, "out")) == 2 })
				if err := a.end(); err != nil {
					t.Errorf("end: %v", err)
				}
				got := mm2test.Values(r.cluster.Committed(t, "out"))
				slices.Sort(got)
				if !slices.Equal(got, []string{"yes1", "yes3"}) {
					t.Errorf("got %q", got)
				}
				// What was committed is not read again.
				a = r.start("a", top, func(c *streams.Config) { c.Guarantee = guarantee })
				r.running(a)
				r.cluster.Produce(t, record("in", 0, "k", "yes4"))
				r.until("the third record passes", func() bool { return len(r.cluster.Committed(t, "out")) == 3 })
			})
		})
	}
}

// counts is the last count of each key, and how many records there are.
func counts(records []*kgo.Record) (last map[string]int64, n int) {
	last = make(map[string]int64)
	for _, r := range records {
		last[string(r.Key)] = int64(binary.BigEndian.Uint64(r.Value))
	}
	return last, len(records)
}

// exact checks that each key was counted 1, 2, 3 and so on, once each.
func exact(t *testing.T, records []*kgo.Record, want map[string]int64) {
	t.Helper()
	seen := make(map[string]int64)
	for _, r := range records {
		key, n := string(r.Key), int64(binary.BigEndian.Uint64(r.Value))
		if n != seen[key]+1 {
			t.Errorf("key %s: the count %d comes after %d", key, n, seen[key])
		}
		seen[key] = n
	}
	if !maps.Equal(seen, want) {
		t.Errorf("counts %v, want %v", seen, want)
	}
}

// wanted is what rig.produce of n records counts to.
func wanted(n int, suffix string) map[string]int64 {
	want := make(map[string]int64)
	for i := range n {
		want[fmt.Sprint("k", i%7)+suffix]++
	}
	return want
}

func TestCountOverThreadsAndInstances(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.AtLeastOnce, streams.ExactlyOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 4)
				r.cluster.Create(t, "out", 1)
				r.change = func(c *streams.Config) { c.Guarantee, c.NumStreamThreads = guarantee, 2 }
				a := r.start("a", counting(t, true, nil, state.InMemory()))
				r.running(a)
				r.produce("in", 4, 0, 100)
				b := r.start("b", counting(t, true, nil, state.InMemory()))
				r.running(a, b)
				r.produce("in", 4, 100, 100)
				r.until("all is counted", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n >= 200 })
				if err := a.end(); err != nil {
					t.Errorf("end a: %v", err)
				}
				r.produce("in", 4, 200, 100)
				r.until("b counts all", func() bool { _, n := counts(r.cluster.Committed(t, "out")); return n >= 300 })
				if err := b.end(); err != nil {
					t.Errorf("end b: %v", err)
				}
				exact(t, r.cluster.Committed(t, "out"), wanted(300, "!"))
			})
		})
	}
}
