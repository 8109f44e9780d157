package checkpoint

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/internal/pipeline"
	"mm2/topology"
)

// syncs translate by Java's rule: what lies behind a sync is one further at
// most, and what lies before the first one is unknown.
type syncs map[string][][2]int64 // by source topic: (up, down), ascending

func (s syncs) Forward(source pipeline.Partition, offset int64) Translation {
	found := s[source.Topic]
	for _, f := range slices.Backward(found) {
		switch up, down := f[0], f[1]; {
		case up == offset:
			return Translation{Offset: down, Exact: true, Known: true}
		case up < offset:
			return Translation{Offset: down + 1, Known: true}
		}
	}
	return Translation{}
}

func (s syncs) Backward(pipeline.Partition, int64) Translation { return Translation{} }

// round has a state write what is due, and returns it.
func round(s *state, by Translator) []Checkpoint {
	jobs := s.take()
	translate(s.flow, by, jobs)
	jobs = s.decide(jobs, time.Now())
	s.acknowledged(jobs, time.Now())
	var out []Checkpoint
	for _, j := range jobs {
		out = append(out, j.next)
	}
	return out
}

func commit(group, topic string, offset int64) Change {
	return Change{Group: group, Partition: pipeline.Partition{Topic: topic}, Offset: offset, LeaderEpoch: -1}
}

func committed(s *state, changes ...Change) *state {
	s.apply(changes, time.Now())
	return s
}

func stateOf(t *testing.T) *state {
	return newState(testFlow(t, "source1", "target2", topology.NewDefaultPolicy("", "")), true)
}

func wantCheckpoints(t *testing.T, got []Checkpoint, want ...Checkpoint) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checkpoints (-want +got):\n%s", diff)
	}
}

// MirrorCheckpointTaskTest.testCheckpoint: fields, one past a sync, and the
// very record.
func TestCheckpoint(t *testing.T) {
	by := syncs{"topic1": {{3, 4}}, "target2.topic5": {{7, 8}}}
	s := stateOf(t)
	wantCheckpoints(t, round(committed(s, Change{
		Group: "group9", Partition: pipeline.Partition{Topic: "topic1", Partition: 2}, Offset: 10, Metadata: "m",
	}), by), Checkpoint{Group: "group9", Topic: "source1.topic1", Partition: 2, Upstream: 10, Downstream: 5, Metadata: "m"})
	wantCheckpoints(t, round(committed(s, commit("group11", "target2.topic5", 12)), by),
		Checkpoint{Group: "group11", Topic: "topic5", Upstream: 12, Downstream: 9})
	wantCheckpoints(t, round(committed(s, commit("group13", "target2.topic5", 7)), by),
		Checkpoint{Group: "group13", Topic: "topic5", Upstream: 7, Downstream: 8})
}

// MirrorCheckpointTaskTest.testNoCheckpointForTopicWithoutOffsetSyncs.
func TestNoCheckpointForTopicWithoutOffsetSyncs(t *testing.T) {
	by := syncs{"topic1": {{1, 1}}}
	wantCheckpoints(t, round(committed(stateOf(t), commit("group1", "topic2", 1), commit("group1", "topic1", 1)), by),
		Checkpoint{Group: "group1", Topic: "source1.topic1", Upstream: 1, Downstream: 1})
}

// MirrorCheckpointTaskTest.testCheckpointRecordsMonotonicIfStoreRewinds.
func TestCheckpointRecordsMonotonicIfStoreRewinds(t *testing.T) {
	s := stateOf(t)
	at := func(up, down int64) Checkpoint {
		return Checkpoint{Group: "g", Topic: "source1.t", Upstream: up, Downstream: down}
	}
	full, rewound := syncs{"t": {{0, 0}, {10, 10}, {20, 20}}}, syncs{"t": {{0, 0}}}
	wantCheckpoints(t, round(committed(s, commit("g", "t", 15)), full), at(15, 11))
	wantCheckpoints(t, round(committed(s, commit("g", "t", 18)), rewound)) // would go back to 1
	wantCheckpoints(t, round(committed(s, commit("g", "t", 20)), full), at(20, 20))
	wantCheckpoints(t, round(committed(s, commit("g", "t", 5)), rewound), at(5, 1)) // the group itself went back
	wantCheckpoints(t, round(committed(s, commit("g", "t", 25)), full), at(25, 21))
}

// MirrorCheckpointTaskTest.testCheckpointsTaskRestartUsesExistingCheckpoints,
// with its numbers.
func TestCheckpointsTaskRestartUsesExistingCheckpoints(t *testing.T) {
	before := stateOf(t)
	written := round(committed(before, commit("g", "t", 250)), syncs{"t": {{100, 100}, {200, 200}, {300, 300}}})
	wantCheckpoints(t, written, Checkpoint{Group: "g", Topic: "source1.t", Upstream: 250, Downstream: 201})

	s := stateOf(t)
	s.load(written)
	by := syncs{"t": {{175, 175}, {375, 375}, {475, 475}}}
	wantCheckpoints(t, round(committed(s, commit("g", "t", 250)), by)) // 176
	wantCheckpoints(t, round(committed(s, commit("g", "t", 370)), by)) // 176
	wantCheckpoints(t, round(committed(s, commit("g", "t", 400)), by),
		Checkpoint{Group: "g", Topic: "source1.t", Upstream: 400, Downstream: 376})
}

// A group whose commit came before the copy gets its checkpoint when the copy
// arrives, and a conservative one improves.
func TestPositionsAheadOfTheCopyAreTranslatedAgain(t *testing.T) {
	s := stateOf(t)
	at := func(down int64) Checkpoint {
		return Checkpoint{Group: "g", Topic: "source1.t", Upstream: 10, Downstream: down}
	}
	wantCheckpoints(t, round(committed(s, commit("g", "t", 10)), syncs{}))
	if got := s.status(time.Now()).Groups[0]; got.State != GroupWaiting || got.Why != "nothing has been copied of t since offsets are mapped" {
		t.Errorf("status %+v", got)
	}
	s.advanced()
	wantCheckpoints(t, round(s, syncs{"t": {{4, 104}}}), at(105))
	s.advanced()
	wantCheckpoints(t, round(s, syncs{"t": {{4, 104}, {10, 110}}}), at(110))
	s.advanced()
	if jobs := s.take(); len(jobs) != 0 {
		t.Errorf("an exact translation is looked at again: %+v", jobs)
	}
}

// What a group should have on the target is its last checkpoint, and a reset
// may take it back as far as we had written.
func TestWants(t *testing.T) {
	by := syncs{"t": {{5, 5}, {10, 10}, {20, 20}}}
	s := stateOf(t)
	s.load([]Checkpoint{{Group: "g", Topic: "source1.t", Upstream: 20, Downstream: 20}})
	if jobs, _ := s.takeSync(time.Now(), 10); len(jobs) != 0 {
		t.Errorf("a group that the source has not confirmed is committed: %+v", jobs[0])
	}
	round(committed(s, commit("g", "t", 10)), by)
	round(committed(s, commit("g", "t", 5)), by)
	jobs, _ := s.takeSync(time.Now(), 10)
	if len(jobs) != 1 || len(jobs[0].wants) != 1 {
		t.Fatalf("jobs %+v", jobs)
	}
	if w := jobs[0].wants[0]; w.offset != 5 || !w.rewound || w.ceiling != 20 {
		t.Errorf("want %+v", w)
	}
	jobs[0].result, jobs[0].done = SyncWritten, jobs[0].wants
	s.synced(jobs, time.Now(), time.Second)
	round(committed(s, commit("g", "t", 10)), by)
	if early, wait := s.takeSync(time.Now(), 10); len(early) != 0 || wait <= 0 || wait > time.Second {
		t.Errorf("committed again after %s: %+v", wait, early)
	}
	jobs, _ = s.takeSync(time.Now().Add(time.Second), 10)
	if w := jobs[0].wants[0]; w.offset != 10 || w.rewound {
		t.Errorf("want %+v", w)
	}
}

// A group that is deleted on the source is not looked at any more.
func TestDeletedGroupIsLeftAlone(t *testing.T) {
	s := stateOf(t)
	round(committed(s, commit("g", "t", 5)), syncs{"t": {{5, 5}}})
	committed(s, Change{Group: "g", Partition: pipeline.Partition{Topic: "t"}, Deleted: true})
	if jobs, _ := s.takeSync(time.Now(), 10); len(jobs) != 0 {
		t.Errorf("committed on the target: %+v", jobs[0])
	}
	if got := s.status(time.Now()).Groups; len(got) != 0 {
		t.Errorf("status %+v", got)
	}
}

// The copy began anew: the last checkpoint is of the old one, although the
// group did not go back, and so may be what the target has.
func TestACheckpointOfAnOldCopyIsReplaced(t *testing.T) {
	at := func(up, down int64) Checkpoint {
		return Checkpoint{Group: "g", Topic: "source1.t", Upstream: up, Downstream: down}
	}
	wantOf := func(s *state) want {
		t.Helper()
		s.recheck()
		jobs, _ := s.takeSync(time.Now().Add(time.Hour), 10)
		if len(jobs) != 1 || len(jobs[0].wants) != 1 {
			t.Fatalf("jobs %+v", jobs)
		}
		return jobs[0].wants[0]
	}
	old, now := syncs{"t": {{100, 90}}}, syncs{"t": {{100, 20}}}
	s := stateOf(t)
	written := round(committed(s, commit("g", "t", 100)), old)
	wantCheckpoints(t, written, at(100, 90))
	wantCheckpoints(t, round(committed(s, commit("g", "t", 101)), now)) // nothing is sure of 21
	s.revised()
	wantCheckpoints(t, round(committed(s, commit("g", "t", 100)), now), at(100, 20))
	if w := wantOf(s); w.offset != 20 || !w.rewound || w.ceiling != 90 {
		t.Errorf("want %+v", w)
	}

	t.Run("by the next worker", func(t *testing.T) {
		s := stateOf(t)
		s.load(written)
		wantCheckpoints(t, round(committed(s, commit("g", "t", 100)), now), at(100, 20))
		if w := wantOf(s); w.offset != 20 || !w.rewound || w.ceiling != 90 {
			t.Errorf("want %+v", w)
		}
	})
	t.Run("and the target was not told", func(t *testing.T) {
		s := stateOf(t)
		s.load([]Checkpoint{at(100, 90), at(100, 20), at(100, 21)})
		wantCheckpoints(t, round(committed(s, commit("g", "t", 100)), syncs{"t": {{100, 21}}}))
		if w := wantOf(s); w.offset != 21 || !w.rewound || w.ceiling != 90 {
			t.Errorf("want %+v", w)
		}
	})
	t.Run("while it is not written nothing is committed", func(t *testing.T) {
		s := stateOf(t)
		s.load(written)
		committed(s, commit("g", "t", 100))
		jobs := s.take()
		translate(s.flow, now, jobs)
		s.decide(jobs, time.Now())
		s.recheck()
		if jobs, _ := s.takeSync(time.Now(), 10); len(jobs) != 0 {
			t.Errorf("jobs %+v", jobs[0])
		}
	})
}
