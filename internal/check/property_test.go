package check_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/internal/check"
)

// TestReportFindsExactlyTheDamage damages random copies in known ways and
// compares the report with the damage done.
func TestReportFindsExactlyTheDamage(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for round := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, round))
		log := check.NewLog(nil)
		view := log.View(prefixed)
		var want wrong
		next := make([]int64, 1+rng.IntN(4)) // target offset of each partition
		for n := range 50 + rng.IntN(200) {
			partition := rng.IntN(len(next))
			r := record(n, int32(partition))
			r.Offset = 10 * int64(n+1)
			deliver := func(at int64) { view.Saw(copyOf(r, at)) }
			advance := func() int64 { next[partition] += 1 + rng.Int64N(3); return next[partition] }
			switch rng.IntN(12) {
			case 0:
				log.Acked(r)
				want.Lost++
			case 1:
				log.Acked(r)
				deliver(advance())
				deliver(advance())
				want.Duplicated++
			case 2:
				log.Acked(r)
				c := copyOf(r, advance())
				c.Value = append([]byte("not "), c.Value...)
				view.Saw(c)
				want.Altered++
			case 3:
				log.Aborted(r)
			case 4:
				log.Aborted(r)
				deliver(advance())
				want.AbortedVisible++
			case 5:
				log.Maybe(r)
			case 6:
				log.Maybe(r)
				deliver(advance())
			case 7:
				view.Saw(copyOf(r, advance()))
				want.Unexpected++
			case 8:
				// A record that the source has before r arrives after it.
				log.Acked(r)
				earlier := record(n+10_000, int32(partition))
				earlier.Offset = r.Offset - 1
				log.Acked(earlier)
				deliver(advance())
				view.Saw(copyOf(earlier, advance()))
				want.Reordered++
			default:
				log.Acked(r)
				deliver(advance())
			}
		}
		if diff := cmp.Diff(want, wrongIn(view.Report())); diff != "" {
			t.Fatalf("seed %d round %d: -want +got:\n%s", seed, round, diff)
		}
	}
}
