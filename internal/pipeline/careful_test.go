package pipeline_test

import (
	"testing"

	"mm2/internal/pipeline"
)

// The bad records are found exactly, whatever their number and place, with few
// commits and refusals.
func TestCarefulFindsTheRefusedRecords(t *testing.T) {
	for _, tc := range []struct {
		name         string
		records      int
		bad          map[int]bool
		most         int // commits and refusals together
		wantFinished bool
	}{
		{name: "none: it was mended meanwhile", records: 20_000, most: 14, wantFinished: true},
		{name: "the first", records: 500, bad: map[int]bool{0: true}, most: 11},
		{name: "in the middle", records: 500, bad: map[int]bool{250: true}, most: 30},
		{name: "the last", records: 500, bad: map[int]bool{499: true}, most: 30},
		{name: "two neighbours", records: 500, bad: map[int]bool{250: true, 251: true}, most: 35},
		{name: "all", records: 10, bad: map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true}, most: 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c pipeline.Careful
			found, tries, finished := map[int]bool{}, 0, false
			for next := 0; next < tc.records && !finished; {
				tries++
				limit := min(next+c.Size(), tc.records)
				refused := false
				for i := next; i < limit; i++ {
					refused = refused || tc.bad[i]
				}
				switch {
				case !refused:
					finished = c.Committed(limit-next, int64(limit))
					next = limit
				case c.Refused(limit-next, int64(limit)):
					found[next] = true
					next = limit
				}
			}
			if len(found) != len(tc.bad) {
				t.Errorf("found %v, want %v", found, tc.bad)
			}
			for i := range found {
				if !tc.bad[i] {
					t.Errorf("%d was taken for a bad record", i)
				}
			}
			if tries > tc.most || finished != tc.wantFinished {
				t.Errorf("%d commits and refusals, want at most %d; finished %v", tries, tc.most, finished)
			}
		})
	}
}
