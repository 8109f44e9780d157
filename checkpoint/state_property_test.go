package checkpoint

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"mm2/internal/pipeline"
)

// steps is an exact map with gaps on either side, of which a prefix is copied.
type steps struct {
	mu     sync.Mutex // guards copied
	copied int
	up     []int64 // source offsets of records, ascending
	down   []int64 // of their copies
}

func (s *steps) Forward(_ pipeline.Partition, offset int64) Translation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return pairs{up: s.up[:s.copied], down: s.down[:s.copied]}.Forward(pipeline.Partition{}, offset)
}

func (s *steps) Backward(pipeline.Partition, int64) Translation { return Translation{} }

// right is the first copy that a group at offset has not read.
func (s *steps) right(offset int64) int64 {
	for i, up := range s.up {
		if up >= offset {
			return s.down[i]
		}
	}
	return s.down[len(s.down)-1] + 1
}

// Whatever groups commit, whatever was copied by then, and whenever mm2
// restarts: no checkpoint skips a record, none goes back unless the group did,
// and in the end each is exact.
func TestCheckpointsNeverSkip(t *testing.T) {
	for range 300 {
		seed := rand.Uint64()
		if !checkRandomRun(t, rand.New(rand.NewPCG(seed, 0))) {
			t.Fatalf("seed %d", seed)
		}
	}
}

func checkRandomRun(t *testing.T, rnd *rand.Rand) bool {
	by := &steps{}
	for up, down := int64(0), int64(0); len(by.up) < 40; up, down = up+1+rnd.Int64N(3), down+1+rnd.Int64N(3) {
		by.up, by.down = append(by.up, up), append(by.down, down)
	}
	s := stateOf(t)
	var written []Checkpoint
	write := func() bool {
		for _, c := range round(s, by) {
			if c.Downstream > by.right(c.Upstream) {
				t.Errorf("checkpoint %+v skips: right is %d", c, by.right(c.Upstream))
				return false
			}
			if n := len(written); n > 0 && c.Downstream < written[n-1].Downstream && c.Upstream >= written[n-1].Upstream {
				t.Errorf("checkpoint %+v goes back behind %+v", c, written[n-1])
				return false
			}
			written = append(written, c)
		}
		return true
	}
	at := int64(0)
	for range 60 {
		switch rnd.IntN(10) {
		case 0, 1, 2, 3:
			at = min(at+rnd.Int64N(8), by.up[39]+1)
			committed(s, commit("g", "t", at))
		case 4:
			at = rnd.Int64N(at + 1)
			committed(s, commit("g", "t", at))
		case 5, 6, 7:
			by.copied = min(by.copied+rnd.IntN(6), 40)
			s.advanced()
		case 8:
			s = stateOf(t)
			s.load(written)
			committed(s, commit("g", "t", at))
		}
		if rnd.IntN(2) == 0 && !write() {
			return false
		}
	}
	committed(s, commit("g", "t", at))
	by.copied = 40
	s.advanced()
	if !write() {
		return false
	}
	if last := written[len(written)-1]; last.Downstream != by.right(at) {
		t.Errorf("in the end %+v, right is %d for %d", last, by.right(at), at)
		return false
	}
	return true
}

func TestNewRefuses(t *testing.T) {
	flow := testFlow(t, "A", "B", nil)
	for name, cfg := range map[string]Config{
		"no policy":     {Flow: flow, Emit: true},
		"nothing to do": {Flow: testFlow(t, "A", "B", stateOf(t).flow.Policy)},
		"no deps":       {Flow: testFlow(t, "A", "B", stateOf(t).flow.Policy), Sync: true},
	} {
		if _, err := New(cfg, Deps{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Retries of a group on the target wait, and stop when nothing is wanted.
func TestSyncPauses(t *testing.T) {
	for result, pause := range map[SyncResult]time.Duration{
		SyncActive: activePause, SyncRefused: failedPause, SyncFailed: failedPause, SyncUnchanged: -1, SyncAhead: -1, SyncWritten: -1,
	} {
		s := stateOf(t)
		round(committed(s, commit("g", "t", 5)), syncs{"t": {{5, 5}}})
		now := time.Now()
		jobs, _ := s.takeSync(now, 10)
		jobs[0].result = result
		s.synced(jobs, now, time.Second)
		if jobs, wait := s.takeSync(now, 10); len(jobs) != 0 || wait != pause {
			t.Errorf("%s: %d jobs, wait %s, want %s", result, len(jobs), wait, pause)
		}
	}
}
