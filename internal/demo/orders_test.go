package demo

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/topology"
)

// written are the first n orders of one end, without their times.
func written(t *testing.T, region topology.Alias, seed uint64, n int) []order {
	t.Helper()
	fill := orders(region, seed)
	all := make([]order, n)
	for i := range all {
		var r kgo.Record
		fill(i, 0, &r)
		if len(r.Value) < 150 || len(r.Value) > 320 {
			t.Errorf("order of %d bytes: %s", len(r.Value), r.Value)
		}
		if err := json.Unmarshal(r.Value, &all[i]); err != nil {
			t.Fatal(err)
		}
		if string(r.Key) != all[i].Customer || len(r.Headers) != 2 || !r.Timestamp.Equal(all[i].Placed) {
			t.Errorf("record: %+v", r)
		}
		all[i].Placed = time.Time{}
	}
	return all
}

func TestOrdersFollowTheirSeed(t *testing.T) {
	first := written(t, "seoul", 1, 200)
	if diff := cmp.Diff(first, written(t, "seoul", 1, 200)); diff != "" {
		t.Errorf("the same seed: %s", diff)
	}
	if cmp.Equal(first, written(t, "seoul", 2, 200)) {
		t.Error("another seed writes the same")
	}
	tokyo := written(t, "tokyo", 1, 200)
	for i := range tokyo {
		tokyo[i].Order, tokyo[i].Region = first[i].Order, first[i].Region
	}
	if cmp.Equal(first, tokyo) {
		t.Error("the other end writes the same")
	}
}
