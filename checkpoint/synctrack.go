package checkpoint

import (
	"maps"
	"slices"
	"time"

	"mm2/internal/pipeline"
)

// track is what the writer knows of one source partition.
type track struct {
	source  pipeline.Partition
	target  pipeline.Partition // its copy: records that went elsewhere have no sync
	key     []byte
	spacing spacing

	due     backlog
	rest    offsetPair // the last record, if rested
	rested  bool       // it is not due yet
	since   time.Time  // commit of the newest of due and rest
	written time.Time  // when syncs were last taken to be written
	gapped  time.Time  // when a gap was last a reason
	queued  bool       // in unsent
}

// note is called with mu held.
func (w *SyncWriter) note(s pipeline.Segment, at time.Time) {
	t, ok := w.tracks[s.Source]
	if !ok {
		key, err := OffsetSync{Topic: s.Source.Topic, Partition: s.Source.Partition}.EncodeKey()
		if err != nil {
			return // no topic has so long a name
		}
		t = &track{
			source:  s.Source,
			target:  pipeline.Partition{Topic: w.cfg.Flow.RemoteTopic(s.Source.Topic), Partition: s.Source.Partition},
			key:     key,
			spacing: newSpacing(),
		}
		w.tracks[s.Source] = t
	}
	if s.Target != t.target || s.Count <= 0 {
		return
	}
	t.note(s, at, w.cfg.LagMax)
	if !t.queued {
		t.queued = true
		w.unsent = append(w.unsent, t)
	}
}

func (t *track) note(s pipeline.Segment, at time.Time, lagMax int64) {
	rule := spacingRule{lagMax: lagMax, gaps: at.Sub(t.gapped) >= syncInterval}
	if rule.gaps && t.spacing.gap(s.SourceBase) {
		t.gapped = at
	}
	due, rest, left := t.spacing.segment(s.SourceBase, s.TargetBase, s.Count, rule)
	t.due.add(due)
	t.rest, t.rested, t.since = rest, left, at
}

// batch is the syncs of one partition in a round.
type batch struct {
	track *track
	syncs backlog
	since time.Time
}

// waiting reports whether anything waits of the partitions that mine selects.
func (w *SyncWriter) waiting(mine func(pipeline.Partition) bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.unsent, func(t *track) bool { return mine == nil || mine(t.source) })
}

// take empties what may be written now, tells when the rest may, and for how
// many partitions it is too late.
func (w *SyncWriter) take(now time.Time, mine func(pipeline.Partition) bool) (out []batch, wait time.Duration, late int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.unsent[:0]
	for _, t := range w.unsent {
		if mine != nil && !mine(t.source) {
			kept = append(kept, t)
			continue
		}
		if now.Sub(t.since) > suspended && now.Sub(w.awake) > suspended {
			// Others may own the lane by now and be ahead.
			t.due, t.rested, t.queued = nil, false, false
			late++
			continue
		}
		quiet := syncInterval - now.Sub(t.written)
		syncs := t.take(mine != nil || quiet <= 0)
		if len(syncs) > 0 {
			out = append(out, batch{track: t, syncs: syncs, since: t.since})
			t.written, quiet = now, syncInterval
		}
		t.queued = t.rested
		if !t.rested {
			continue
		}
		kept = append(kept, t)
		if wait == 0 || quiet < wait {
			wait = quiet
		}
	}
	clear(w.unsent[len(kept):])
	w.unsent = kept
	return out, wait, late
}

// take empties the backlog, and adds the last record if it is time for it.
func (t *track) take(last bool) backlog {
	syncs := t.due
	t.due = nil
	if last && t.rested {
		t.rested = false
		syncs = append(syncs, t.rest)
	}
	return syncs
}

// putBack keeps the newest sync of each partition, in front of what came since.
// Nobody knows which of the others were written, and of those that were not a
// later one may have been: writing them now would be a rewind.
func (w *SyncWriter) putBack(batches []batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range batches {
		t := b.track
		if w.tracks[t.source] != t {
			continue // released
		}
		newest := b.syncs[len(b.syncs)-1]
		if len(t.due) == 0 || t.due[0].up > newest.up {
			t.due = append(backlog{newest}, t.due...)
			t.due.thin()
		}
		if !t.queued {
			t.queued, t.since = true, b.since
			w.unsent = append(w.unsent, t)
		}
	}
}

// forget drops the partitions that mine selects and tells of how many something
// was not written.
func (w *SyncWriter) forget(mine func(pipeline.Partition) bool) (unwritten int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.unsent)
	w.unsent = slices.DeleteFunc(w.unsent, func(t *track) bool { return mine(t.source) })
	maps.DeleteFunc(w.tracks, func(p pipeline.Partition, _ *track) bool { return mine(p) })
	return before - len(w.unsent)
}
