package properties

import (
	"fmt"
	"strings"
)

// DidYouMean suggests the known name nearest to name, or nothing when none is
// near: another case always is, one error in three letters may be.
func DidYouMean(name string, known []string) string {
	best, distance := "", len(name)/3+2
	if len(name) < 3 {
		distance = 1
	}
	for _, k := range known {
		d := editDistance(name, k)
		if strings.EqualFold(name, k) {
			d = 0
		}
		if d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
