package checkpoint

import (
	"testing"

	"mm2/internal/pipeline"
	"mm2/topology"
)

func testFlow(t testing.TB, source, target topology.Alias, p topology.Policy) topology.Flow {
	t.Helper()
	all, err := topology.NewFilter([]string{".*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return topology.Flow{ID: topology.FlowID{Source: source, Target: target}, Policy: p, Topics: all, Copy: true}
}

// MirrorCheckpointTaskTest.testDownstreamTopicRenaming, and hops that Java
// strips altogether.
func TestDownstreamTopicRenaming(t *testing.T) {
	flow := testFlow(t, "source1", "target2", topology.NewDefaultPolicy("", ""))
	for topic, want := range map[string]string{
		"topic3":                "source1.topic3",
		"target2.topic3":        "topic3",
		"source6.topic7":        "source1.source6.topic7",
		"target2.source6.topic": "source6.topic",
	} {
		if got := DownstreamTopic(flow, topic); got != want {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
	}
	if got := DownstreamTopic(testFlow(t, "A", "B", topology.NewIdentityPolicy("A", "", "")), "orders"); got != "orders" {
		t.Errorf("identity: %s", got)
	}
}

func TestDue(t *testing.T) {
	at := func(up, down int64) Checkpoint { return Checkpoint{Upstream: up, Downstream: down} }
	for _, tt := range []struct {
		name  string
		last  Checkpoint
		known bool
		next  Checkpoint
		want  bool
	}{
		{name: "the first one", next: at(0, 0), want: true},
		{name: "both advance", last: at(10, 9), known: true, next: at(20, 19), want: true},
		{name: "only the source advances", last: at(10, 9), known: true, next: at(20, 9), want: false},
		{name: "the same again", last: at(10, 9), known: true, next: at(10, 9), want: false},
		{name: "the translation improves", last: at(10, 9), known: true, next: at(10, 12), want: true},
		{name: "the translation gets worse", last: at(10, 9), known: true, next: at(20, 5), want: false},
		{name: "the group was reset", last: at(10, 9), known: true, next: at(3, 2), want: true},
		{name: "the group was reset, its translation was lower before", last: at(10, 2), known: true, next: at(3, 2), want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := due(tt.last, tt.known, tt.next, Translation{}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// pairs translates by an explicit list of copied records, up to their end.
type pairs struct {
	target pipeline.Partition
	up     []int64 // ascending
	down   []int64
}

func (p pairs) Forward(_ pipeline.Partition, offset int64) Translation {
	return p.translate(p.up, p.down, offset)
}

func (p pairs) Backward(_ pipeline.Partition, offset int64) Translation {
	return p.translate(p.down, p.up, offset)
}

func (p pairs) translate(from, to []int64, offset int64) Translation {
	if len(from) == 0 {
		return Translation{}
	}
	for i, f := range from {
		if f >= offset {
			return Translation{Target: p.target, Offset: to[i], Exact: true, Known: true}
		}
	}
	last := len(from) - 1
	return Translation{Target: p.target, Offset: to[last] + 1, Exact: offset == from[last]+1, Known: true}
}

// Two clusters copy into one another's topics under the same names: a position
// never skips a record of either, and going back and forth does not advance it.
func TestMergedNeverSkips(t *testing.T) {
	// A holds a0 a1 b0 a2 b1, B holds b0 a0 b1 a1 a2.
	forward := pairs{up: []int64{0, 1, 3}, down: []int64{1, 3, 4}}
	back := pairs{up: []int64{0, 2}, down: []int64{2, 4}}
	onA := []string{"a0", "a1", "b0", "a2", "b1"}
	onB := []string{"b0", "a0", "b1", "a1", "a2"}
	there, home := Merged(forward, back), Merged(back, forward)
	for p := range int64(len(onA) + 1) {
		read := map[string]bool{}
		for _, r := range onA[:p] {
			read[r] = true
		}
		tr := there.Forward(pipeline.Partition{}, p)
		for _, r := range onB[:tr.Offset] {
			if !read[r] {
				t.Errorf("position %d of A is %d of B, which skips %s", p, tr.Offset, r)
			}
		}
		if again := home.Forward(pipeline.Partition{}, tr.Offset); again.Offset > p {
			t.Errorf("position %d of A comes back as %d", p, again.Offset)
		}
	}
}
