package pipeline

// Careful finds out which record of a partition a sink refuses. A refusal may
// name only the first record of what was sent together, so after one the source
// hands out chunks that are committed one at a time, and asks Careful how many
// records the next one has: 1, 2, 4, … until a chunk is refused, then half of
// what is left of it, until a chunk of one record is. A bad record among n costs
// about log n refusals and as many commits.
//
// The zero value is the search after the first refusal.
type Careful struct {
	size  int
	until int64 // in front of this offset there is a bad record; 0: not known
	sane  int   // records committed since the last refusal
}

// careful is how many records have to be committed in a row before the search is
// over: more than a batch has that a client sends at once.
const careful = 1 << 13

// Size is how many records the next chunk may have, at least 1.
func (c *Careful) Size() int { return max(c.size, 1) }

// Committed takes note of a chunk that committed and ends before offset next. It
// tells whether the search is over: what was refused is accepted by now.
func (c *Careful) Committed(records int, next int64) bool {
	c.sane += records
	switch {
	case c.until > 0 && next < c.until:
		c.size = max(c.Size()/2, 1)
	case c.until > 0:
		// All of the refused chunk was accepted in smaller ones.
		return true
	default:
		c.size = 2 * c.Size()
	}
	return c.sane >= careful
}

// Refused takes note of a refused chunk that ends before offset limit. It tells
// whether the chunk's only record is the one: then the search starts again
// behind it.
func (c *Careful) Refused(records int, limit int64) bool {
	if records <= 1 {
		*c = Careful{}
		return true
	}
	c.size, c.until, c.sane = records/2, limit, 0
	return false
}
