package checkpoint

// unknown is an offset that no record has.
const unknown = -1

// spacing decides which records of one source partition get an offset sync, as
// the source task of Java does. It is a pure value.
type spacing struct {
	up, down int64 // the last record, on both sides; unknown before the first
	sync     int64 // downstream offset of the last sync that was due; unknown if none was
}

func newSpacing() spacing { return spacing{up: unknown, down: unknown, sync: unknown} }

// spacingRule is what the decision depends on besides the records.
type spacingRule struct {
	lagMax int64 // offset.lag.max
	gaps   bool  // a gap upstream is a reason; always so in Java
}

// dueSyncs are syncs at equal distances: n of them, the first at up and down.
type dueSyncs struct{ up, down, step, n int64 }

func (r dueSyncs) at(i int64) offsetPair {
	return offsetPair{up: r.up + i*r.step, down: r.down + i*r.step}
}

// gap reports whether records are missing between the last one and up.
func (s *spacing) gap(up int64) bool { return s.up != unknown && up > s.up+1 }

// due reports whether the next record must be synced for what it is: the first
// one, too far behind the last sync for the promise that translations lag less
// than lagMax records, the first after a gap or a rewind of either side.
func (s *spacing) due(up, down int64, rule spacingRule) bool {
	return s.sync == unknown || down-(s.sync+1) >= rule.lagMax ||
		up <= s.up || down < s.down || rule.gaps && s.gap(up)
}

// segment takes the next n records, without gaps on either side from up and
// down on. It returns those that are due, and the last record if it is not
// among them. Where n is large it still takes but a few steps: within a segment
// only the distance counts.
func (s *spacing) segment(up, down, n int64, rule spacingRule) (due dueSyncs, rest offsetPair, left bool) {
	first := int64(0)
	if !s.due(up, down, rule) {
		first = s.sync + 1 - down + rule.lagMax
	}
	due = dueSyncs{up: up + first, down: down + first, step: rule.lagMax + 1}
	if first < n {
		due.n = (n-1-first)/due.step + 1
		s.sync = due.at(due.n - 1).down
	}
	s.up, s.down = up+n-1, down+n-1
	return due, offsetPair{up: s.up, down: s.down}, s.sync != s.down || due.n == 0
}

// backlog is syncs of one partition that are due and not yet written, oldest
// first. It is bounded: of many, those are kept that Java's store would keep.
type backlog []offsetPair

// maxBacklog is enough for a commit of 3,000 records of a partition under the
// default lag of 100. Beyond it the backlog is thinned.
const maxBacklog = 32

// add appends what is due. After a rewind what was due before is of no use: every
// reader forgets it with the next sync.
func (b *backlog) add(r dueSyncs) {
	if r.n == 0 {
		return
	}
	if len(*b) > 0 && r.up <= (*b)[len(*b)-1].up {
		*b = nil
	}
	for _, i := range thinned(r.n) {
		*b = append(*b, r.at(i))
	}
	b.thin()
}

func (b *backlog) thin() {
	all := *b
	if len(all) <= maxBacklog {
		return
	}
	kept := make(backlog, 0, maxBacklog)
	for _, i := range thinned(int64(len(all))) {
		kept = append(kept, all[i])
	}
	*b = kept
}

// thinned are the indices to keep of n syncs, in order: all if they are few,
// else the last, and those 1, 2, 4, 8 and so on before it.
func thinned(n int64) []int64 {
	var kept []int64
	if n <= maxBacklog {
		for i := range n {
			kept = append(kept, i)
		}
		return kept
	}
	distance := int64(1)
	for distance <= (n-1)/2 {
		distance *= 2
	}
	for ; distance > 0; distance /= 2 {
		kept = append(kept, n-1-distance)
	}
	return append(kept, n-1)
}
