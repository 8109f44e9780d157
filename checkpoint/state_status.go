package checkpoint

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Status is how the groups of a flow stand. It is empty while another worker
// carries them.
type Status struct {
	Running     bool               `json:"running"`
	Following   FollowMode         `json:"following,omitempty"`
	Reason      string             `json:"following_reason,omitempty"`
	Groups      []GroupStatus      `json:"groups,omitempty"`
	Unsupported []UnsupportedGroup `json:"unsupported,omitempty"`
	Problems    []string           `json:"problems,omitempty"`
}

// GroupState sums a group up.
type GroupState string

// The states of a group.
const (
	GroupWaiting    GroupState = "waiting"    // nothing of it could be translated yet
	GroupTranslated GroupState = "translated" // checkpoints are written; it was not committed on the target
	GroupSynced     GroupState = "synced"     // the target has its positions
	GroupActive     GroupState = "active"     // it has members on the target, so nothing is written there
	GroupAhead      GroupState = "ahead"      // it is further on the target, and stays there
	GroupFailed     GroupState = "failed"     // the target refuses its positions
)

var groupStates = []GroupState{GroupWaiting, GroupTranslated, GroupSynced, GroupActive, GroupAhead, GroupFailed}

// GroupStatus is one group. Positions are sums over its partitions.
type GroupStatus struct {
	Group      string     `json:"group"`
	State      GroupState `json:"state"`
	Why        string     `json:"why,omitempty"`
	Partitions int        `json:"partitions"`
	Translated int        `json:"translated"` // partitions with a checkpoint
	Exact      int        `json:"exact"`      // partitions whose translation is the very record
	Source     int64      `json:"source_position"`
	Target     int64      `json:"target_position"`
	// AgeSeconds is how long the oldest position that no checkpoint covers has
	// been waiting; 0: none waits.
	AgeSeconds     float64    `json:"age_seconds"`
	LastCheckpoint *time.Time `json:"last_checkpoint,omitempty"`
	LastSync       *time.Time `json:"last_sync,omitempty"`
}

func (s *state) status(now time.Time) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Running: true, Following: s.mode, Reason: s.modeReason, Unsupported: slices.Clone(s.unsupported)}
	for _, what := range slices.Sorted(maps.Keys(s.failures)) {
		st.Problems = append(st.Problems, what+": "+s.failures[what])
	}
	for _, g := range s.groups {
		st.Groups = append(st.Groups, s.groupStatus(g, now))
	}
	slices.SortFunc(st.Groups, func(a, b GroupStatus) int { return cmp.Compare(a.Group, b.Group) })
	return st
}

func (s *state) groupStatus(g *group, now time.Time) GroupStatus {
	out := GroupStatus{Group: g.name, Partitions: len(g.positions)}
	var newest time.Time
	for _, p := range g.positions {
		out.Source += p.change.Offset
		if last, known := s.last[groupPartition{g.name, p.target}]; known && p.tried {
			out.Translated++
			out.Target += last.Downstream
		}
		if p.tried && p.translation.Exact {
			out.Exact++
		}
		if p.written.After(newest) {
			newest = p.written
		}
		out.AgeSeconds = max(out.AgeSeconds, p.age(now).Seconds())
	}
	if !newest.IsZero() {
		out.LastCheckpoint = new(newest.UTC())
	}
	if !g.sync.at.IsZero() {
		out.LastSync = new(g.sync.at.UTC())
	}
	out.State, out.Why = s.groupState(g, out.Translated)
	return out
}

func (s *state) groupState(g *group, translated int) (GroupState, string) {
	if translated == 0 {
		return GroupWaiting, waitingWhy(g)
	}
	why := cmp.Or(g.sync.why, never(g))
	switch g.sync.result {
	case SyncWritten, SyncUnchanged:
		return GroupSynced, why
	case SyncActive:
		return GroupActive, why
	case SyncAhead:
		return GroupAhead, why
	case SyncRefused, SyncFailed:
		return GroupFailed, why
	}
	return GroupTranslated, why
}

// waitingWhy says why nothing of a group is translated.
func waitingWhy(g *group) string {
	if why := never(g); why != "" {
		return why
	}
	var topics []string
	for source := range g.positions {
		topics = append(topics, source.Topic)
	}
	slices.Sort(topics)
	return "nothing has been copied of " + strings.Join(slices.Compact(topics), ", ") + " since offsets are mapped"
}

// never says why some positions of a group have no translation and will have
// none.
func never(g *group) string {
	var reasons []string
	for _, p := range g.positions {
		if !p.translation.Known && p.translation.Why != "" {
			reasons = append(reasons, p.translation.Why)
		}
	}
	slices.Sort(reasons)
	return strings.Join(slices.Compact(reasons), "; ")
}

// age is how long a position has waited for a checkpoint.
func (p *groupPosition) age(now time.Time) time.Duration {
	if p.settled {
		return 0
	}
	return now.Sub(p.seen)
}

// counts are the numbers of groups by state, and the age of the position that
// has waited longest for a checkpoint.
func (s *state) counts(now time.Time) (byState map[GroupState]int, notSupported int, oldest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byState = map[GroupState]int{}
	for _, g := range s.groups {
		translated := 0
		for _, p := range g.positions {
			if _, known := s.last[groupPartition{g.name, p.target}]; known && p.tried {
				translated++
			}
			oldest = max(oldest, p.age(now))
		}
		state, _ := s.groupState(g, translated)
		byState[state]++
	}
	return byState, len(s.unsupported), oldest
}
