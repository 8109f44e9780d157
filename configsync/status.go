package configsync

import (
	"maps"
	"slices"
	"time"
)

// Status is what a [Syncer] last saw and did on this worker.
type Status struct {
	Mode   Mode      `json:"mode"`
	LastOK time.Time `json:"last_ok,omitzero"`
	Err    string    `json:"error,omitempty"` // why the last round came to nothing
	// Drift counts differences that are there after the last round: in mode
	// report all of them, in mode enforce those that could not be mended.
	Drift int `json:"drift"`
	// Pending are the first of them in words.
	Pending  []string             `json:"pending,omitempty"`
	Problems []Problem            `json:"problems,omitempty"`
	Changes  map[ChangeKind]int64 `json:"changes,omitempty"` // made since this worker runs the flow's control tasks
}

// maxPending bounds what the status says in words.
const maxPending = 50

// Status is a snapshot; ok is false while another worker keeps the target in
// step, or none. Safe for concurrent use.
func (s *Syncer) Status() (st Status, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st = s.status
	st.Pending, st.Problems = slices.Clone(st.Pending), slices.Clone(st.Problems)
	st.Changes = maps.Clone(st.Changes)
	return st, st.Mode != ""
}

// finished notes what a round saw and did.
func (s *Syncer) finished(plan Plan, report Report, problems []Problem) {
	left := make(map[string]Change, len(plan.Changes))
	for _, c := range plan.Changes {
		left[c.id()] = c
	}
	for _, c := range report.Done {
		delete(left, c.id())
		s.metrics.changes[c.Kind].Inc()
	}
	drift := len(left)
	for _, p := range problems {
		if p.Kind == MorePartitions {
			drift++
		}
	}
	var pending []string
	for _, c := range plan.Changes {
		if _, ok := left[c.id()]; ok && len(pending) < maxPending {
			pending = append(pending, c.String())
		}
	}
	s.metrics.drift.Set(float64(drift))
	if report.Err == nil {
		s.metrics.lastOK.SetToCurrentTime()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Mode, s.status.Drift, s.status.Pending, s.status.Problems = s.cfg.Mode, drift, pending, problems
	if s.status.Changes == nil {
		s.status.Changes = make(map[ChangeKind]int64)
	}
	for _, c := range report.Done {
		s.status.Changes[c.Kind]++
	}
	if report.Err == nil {
		s.status.LastOK, s.status.Err = time.Now().UTC(), ""
	}
}

// leave forgets the status: from now on another worker has it.
func (s *Syncer) leave() {
	s.metrics.drift.Set(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = Status{}
}
