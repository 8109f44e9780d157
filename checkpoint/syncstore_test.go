package checkpoint_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mm2/checkpoint"
	"mm2/internal/pipeline"
)

var part = pipeline.Partition{Topic: "t", Partition: 3}

// feed is a sync store of one partition in a test.
type feed struct {
	*checkpoint.SyncStore
	t testing.TB
}

func newFeed(t testing.TB, cfg checkpoint.SyncStoreConfig) feed {
	return feed{checkpoint.NewSyncStore(cfg), t}
}

func loadedFeed(t testing.TB, cfg checkpoint.SyncStoreConfig) feed {
	f := newFeed(t, cfg)
	f.Loaded()
	return f
}

// sync adds one sync and checks the invariants of the slots.
func (f feed) sync(up, down int64) {
	f.t.Helper()
	f.Add(checkpoint.OffsetSync{Topic: part.Topic, Partition: part.Partition, Upstream: up, Downstream: down})
	f.checkInvariants(up)
}

// checkInvariants is A, B and C of neighbours; those of others follow. Two syncs
// of one upstream offset stand side by side.
func (f feed) checkInvariants(latest int64) {
	f.t.Helper()
	syncs, _ := f.Slots(part)
	if syncs[0].Upstream != latest {
		f.t.Fatalf("A: slot 0 has %d, want %d", syncs[0].Upstream, latest)
	}
	for j := 1; j < len(syncs); j++ {
		i := j - 1
		newer, older := syncs[i].Upstream, syncs[j].Upstream
		if newer == older {
			continue
		}
		if bound := older + int64(1)<<j - int64(1)<<i; bound >= 0 && newer > bound {
			f.t.Fatalf("B: slots %d and %d have %d and %d", i, j, newer, older)
		}
		if bound := older + int64(1)<<max(i-2, 0); bound < 0 || newer < bound {
			f.t.Fatalf("C: slots %d and %d have %d and %d", i, j, newer, older)
		}
	}
}

func (f feed) expect(up, down int64) {
	f.t.Helper()
	if got, ok := f.Translate(part, up); !ok || got != down {
		f.t.Errorf("%d -> %d (%t), want %d", up, got, ok, down)
	}
}

// expectSparse says that there is a sync at offset and that the one before it
// is at previous; TooOld for none.
func (f feed) expectSparse(offset, previous int64) {
	f.t.Helper()
	f.expect(offset, offset)
	if previous == checkpoint.TooOld {
		f.expect(offset-1, checkpoint.TooOld)
		return
	}
	f.expect(offset-1, previous+1)
}

// array prints the slots as "[0]=20:20 [1..3]=7:7".
func (f feed) array() string {
	syncs, same := f.Slots(part)
	var runs []string
	for i := 0; i < len(syncs); {
		j := i + 1
		for j < len(syncs) && same[j] {
			j++
		}
		name := strconv.Itoa(i)
		if j-i > 1 {
			name = fmt.Sprintf("%d..%d", i, j-1)
		}
		runs = append(runs, fmt.Sprintf("[%s]=%d:%d", name, syncs[i].Upstream, syncs[i].Downstream))
		i = j
	}
	return strings.Join(runs, " ")
}

type pair struct{ up, down int64 }

// even is from, from+step, ... to, the same on both sides.
func even(from, to, step int64) []pair {
	var out []pair
	for ; from <= to; from += step {
		out = append(out, pair{from, from})
	}
	return out
}

// TestSyncStoreVectors are arrays and translations that Java's OffsetSyncStore
// (4.3.1) gave.
func TestSyncStoreVectors(t *testing.T) {
	tests := []struct {
		name   string
		cfg    checkpoint.SyncStoreConfig
		load   []pair
		loaded string // the array before live
		live   []pair
		array  string
		want   []pair
	}{
		{
			name: "every record", live: even(0, 20, 1),
			array: "[0]=20:20 [1]=19:19 [2]=18:18 [3]=16:16 [4]=8:8 [5..63]=0:0",
			want: []pair{
				{0, 0},
				{1, 1},
				{5, 1},
				{10, 9},
				{12, 9},
				{15, 9},
				{16, 16},
				{17, 17},
				{18, 18},
				{19, 19},
				{20, 20},
				{21, 21},
				{1000, 21},
			},
		},
		{
			name: "a lag of 100", live: even(0, 1010, 101),
			array: "[0..7]=1010:1010 [8]=909:909 [9]=808:808 [10]=404:404 [11..63]=0:0",
			want: []pair{
				{0, 0},
				{50, 1},
				{101, 1},
				{400, 1},
				{500, 405},
				{700, 405},
				{808, 808},
				{900, 809},
				{909, 909},
				{1000, 910},
				{1010, 1010},
				{1011, 1011},
			},
		},
		{
			name:  "gaps",
			live:  []pair{{0, 0}, {3, 2}, {10, 8}, {11, 9}, {50, 45}, {51, 46}, {52, 47}, {1000, 900}, {1001, 901}},
			array: "[0]=1001:901 [1..10]=1000:900 [11..63]=0:0",
			want:  []pair{{0, 0}, {2, 1}, {10, 1}, {50, 1}, {52, 1}, {500, 1}, {1000, 900}, {1001, 901}, {5000, 902}},
		},
		{
			name:  "target recreated",
			live:  []pair{{100, 100}, {200, 200}, {300, 0}, {400, 100}},
			array: "[0..7]=400:100 [8]=300:0 [9..63]=100:100",
			want:  []pair{{99, -1}, {100, 100}, {150, 101}, {200, 101}, {300, 0}, {350, 1}, {400, 100}, {500, 101}},
		},
		{
			name:  "source recreated",
			live:  []pair{{100, 100}, {200, 200}, {0, 201}, {100, 301}},
			array: "[0..7]=100:301 [8..63]=0:201",
			want:  []pair{{0, 201}, {50, 202}, {100, 301}, {200, 302}},
		},
		{
			name:  "one upstream offset twice",
			live:  []pair{{100, 100}, {100, 150}},
			array: "[0]=100:150 [1..63]=100:100",
			want:  []pair{{99, -1}, {100, 150}, {101, 151}},
		},
		{
			name:  "extremes",
			live:  []pair{{0, 0}, {math.MaxInt64 / 2, 5}, {math.MaxInt64 - 1, 6}},
			array: "[0..62]=9223372036854775806:6 [63]=4611686018427387903:5",
			want:  []pair{{0, -1}, {1, -1}, {math.MaxInt64 / 2, 5}, {math.MaxInt64 - 1, 6}, {math.MaxInt64, 7}},
		},
		{
			name: "load only last", cfg: checkpoint.SyncStoreConfig{OnlyLast: true},
			load: even(0, 1000, 100), loaded: "[0..63]=1000:1000",
			live:  even(1100, 1300, 100),
			array: "[0..7]=1300:1300 [8]=1200:1200 [9..63]=1000:1000",
			want:  []pair{{999, -1}, {1000, 1000}, {1050, 1001}, {1100, 1001}, {1250, 1201}, {1300, 1300}, {1301, 1301}},
		},
		{
			name: "load all",
			load: even(0, 1000, 100), loaded: "[0..7]=1000:1000 [8]=900:900 [9]=800:800 [10]=400:400 [11..63]=0:0",
			live:  even(1100, 1300, 100),
			array: "[0..7]=1300:1300 [8]=1200:1200 [9]=1000:1000 [10]=800:800 [11..63]=0:0",
			want:  []pair{{99, 1}, {500, 1}, {999, 801}, {1000, 1000}, {1050, 1001}, {1250, 1201}, {1300, 1300}},
		},
		{
			name: "target recreated, ours", cfg: checkpoint.SyncStoreConfig{ForgetRewound: true},
			live:  []pair{{100, 100}, {200, 200}, {300, 0}, {400, 100}},
			array: "[0..7]=400:100 [8..63]=300:0",
			want:  []pair{{99, -1}, {100, -1}, {150, -1}, {200, -1}, {300, 0}, {350, 1}, {400, 100}, {500, 101}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFeed(t, tt.cfg)
			for _, s := range tt.load {
				f.sync(s.up, s.down)
			}
			if got := tt.loaded; got != "" && f.array() != got {
				t.Errorf("loaded %s\n want %s", f.array(), got)
			}
			f.Loaded()
			for _, s := range tt.live {
				f.sync(s.up, s.down)
			}
			if got := f.array(); got != tt.array {
				t.Errorf("array %s\n want %s", got, tt.array)
			}
			for _, w := range tt.want {
				f.expect(w.up, w.down)
			}
		})
	}
}

// TestOffsetSyncStoreTest is Java's OffsetSyncStoreTest.
func TestOffsetSyncStoreTest(t *testing.T) {
	t.Run("testOffsetTranslation", func(t *testing.T) {
		f := loadedFeed(t, checkpoint.SyncStoreConfig{})
		f.sync(100, 200)
		f.expect(150, 201)
		f.sync(150, 251)
		f.expect(150, 251)
		f.expect(5, checkpoint.TooOld)
		f.sync(200, 10) // downstream reset
		f.expect(200, 10)
		f.sync(20, 20) // upstream reset
		f.expect(20, 20)
	})
	t.Run("testNoTranslationIfStoreNotStarted", func(t *testing.T) {
		f := newFeed(t, checkpoint.SyncStoreConfig{})
		f.sync(0, 0)
		f.sync(100, 100)
		for _, up := range []int64{0, 100} {
			if got, ok := f.Translate(part, up); ok {
				t.Errorf("%d -> %d before the store was loaded", up, got)
			}
		}
		f.Loaded()
		f.expect(100, 100)
	})
	t.Run("testNoTranslationIfNoOffsetSync", func(t *testing.T) {
		f := loadedFeed(t, checkpoint.SyncStoreConfig{})
		if got, ok := f.Translate(part, 0); ok {
			t.Errorf("0 -> %d without a sync", got)
		}
		f.sync(1, 1)
		if got, ok := f.Translate(pipeline.Partition{Topic: part.Topic, Partition: part.Partition + 1}, 1); ok {
			t.Errorf("1 -> %d without a sync of the partition", got)
		}
	})
	t.Run("testPastOffsetTranslation", func(t *testing.T) {
		f := newFeed(t, checkpoint.SyncStoreConfig{OnlyLast: true})
		longRun(f, 0, 1000)
		f.Loaded()
		f.expectSparse(1000, checkpoint.TooOld)
		longRun(f, 1010, 10000)
		expectKept(f, 1000, 4840, 6760, 8680, 9160, 9640, 9880, 9940, 9970, 9990, 10000)
		f.sync(1500, 11000) // upstream reset
		f.expect(1499, checkpoint.TooOld)
		f.expect(1500, 11000)
		f.expect(2000, 11001)
	})
	t.Run("testPastOffsetTranslationWithoutInitializationReadToEnd", func(t *testing.T) {
		f := newFeed(t, checkpoint.SyncStoreConfig{})
		longRun(f, 0, 1000)
		f.Loaded()
		longRun(f, 1000, 10000)
		expectKept(f, 0, 3840, 7680, 8640, 9120, 9600, 9840, 9900, 9960, 9990, 10000)
		f.sync(1500, 11000)
		f.expect(1499, checkpoint.TooOld)
		f.expect(1500, 11000)
		f.expect(2000, 11001)
	})
	t.Run("testConsistentlySpacedSyncs", func(t *testing.T) {
		const syncs = 100
		for step := int64(1); step < math.MaxInt64/syncs/2; step = 2*step + 1 {
			for _, first := range []int64{0, 1, step, 1 << 40} {
				if limit := int64(math.MaxInt64) - first; step < limit/syncs {
					checkExpirations(t, first, slices.Repeat([]int64{step}, syncs), 1)
				}
			}
		}
	})
	t.Run("testRandomlySpacedSyncs", func(t *testing.T) {
		random := rand.New(rand.NewPCG(0, 0))
		const bits = 10
		for n := 1; n < 63-bits; n++ {
			steps := make([]int64, 1<<bits)
			for i := range steps {
				steps[i] = random.Int64N(1 << n)
			}
			checkExpirations(t, 0, steps, n+2)
		}
	})
	t.Run("testDroppedSyncsSpacing", func(t *testing.T) {
		random := rand.New(rand.NewPCG(0, 0))
		steps := make([]int64, 10000)
		for i := range steps {
			steps[i] = 100 * (1 + random.Int64N(2))
		}
		checkExpirations(t, 0, steps, 2)
	})
}

func longRun(f feed, from, to int64) {
	for ; from <= to; from += 10 {
		f.sync(from, from)
	}
}

// expectKept says that exactly these syncs are kept, oldest first.
func expectKept(f feed, offsets ...int64) {
	f.t.Helper()
	previous := int64(checkpoint.TooOld)
	if offsets[0] == 0 {
		f.expect(0, 0)
		previous, offsets = 0, offsets[1:]
	}
	for _, offset := range offsets {
		f.expectSparse(offset, previous)
		previous = offset
	}
}

// checkExpirations says that no sync makes the store forget more than limit
// others, that the latest and the earliest are kept.
func checkExpirations(t *testing.T, first int64, steps []int64, limit int) {
	t.Helper()
	f := loadedFeed(t, checkpoint.SyncStoreConfig{})
	f.sync(first, first)
	offset, before := first, 1
	for _, step := range steps {
		offset += step
		f.sync(offset, offset)
		syncs, same := f.Slots(part)
		if earliest := syncs[len(syncs)-1].Upstream; earliest != first {
			t.Fatalf("D: the earliest is %d, want %d", earliest, first)
		}
		distinct := 0
		for _, repeated := range same {
			if !repeated {
				distinct++
			}
		}
		if expired := before + 1 - distinct; expired > limit {
			t.Fatalf("sync %d (step %d) made the store forget %d, at most %d may go: %s", offset, step, expired, limit, f.array())
		}
		before = distinct
	}
}

// What a sync says about the records before it stays true, so a translation
// must never be past the copy of a record that the group has not read.
func TestSyncStoreNeverSkips(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		f := loadedFeed(t, checkpoint.SyncStoreConfig{ForgetRewound: round%2 == 0})
		copies := map[int64]int64{} // where each record is on the target
		var up, down int64
		for range 300 {
			up += 1 + random.Int64N(3)*random.Int64N(20)
			down += 1 + random.Int64N(3)
			copies[up] = down
			if random.IntN(4) == 0 {
				f.sync(up, down)
			}
		}
		for offset, copied := range copies {
			got, ok := f.Translate(part, offset)
			if ok && got > copied {
				t.Fatalf("round %d: a group at %d goes on at %d, but its next record is at %d", round, offset, got, copied)
			}
		}
	}
}
