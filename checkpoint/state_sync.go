package checkpoint

import (
	"time"

	"mm2/internal/pipeline"
)

// SyncResult is what became of an attempt to commit a group's positions on the
// target.
type SyncResult string

// The results. Everything but SyncWritten left the target as it was.
const (
	SyncWritten   SyncResult = "written"
	SyncUnchanged SyncResult = "unchanged" // the target has these positions
	SyncAhead     SyncResult = "ahead"     // the group is further there, and stays there
	SyncActive    SyncResult = "active"    // the group has members on the target
	SyncWaiting   SyncResult = "waiting"   // the copy began anew, and it is not known yet where the group is in it
	SyncRefused   SyncResult = "refused"   // it got members while we looked: tried again
	SyncFailed    SyncResult = "error"
)

var syncResults = []SyncResult{SyncWritten, SyncUnchanged, SyncAhead, SyncActive, SyncWaiting, SyncRefused, SyncFailed}

const (
	// A group with members on the target is looked at again this often; so is
	// one that could not be written.
	activePause = 5 * time.Second
	failedPause = 10 * time.Second
)

// syncState is how a group stands with the target.
type syncState struct {
	wanted bool
	asked  int       // counts requests
	next   time.Time // not before
	result SyncResult
	why    string
	at     time.Time // when the target was last known to have what it should
}

func (s *syncState) request() {
	s.wanted = true
	s.asked++
}

// want is one position that a group should have on the target.
type want struct {
	target   pipeline.Partition
	targetID string // topic id that target has if offset is to be true; empty: unknown
	offset   int64
	metadata string
	rewound  bool // it may go back there, as far as ceiling
	ceiling  int64
	position *groupPosition
	commit   time.Time // when the group made the commit on the source; zero: unknown
}

// syncJob is one group to look at on the target.
type syncJob struct {
	group string
	asked int
	wants []want

	result  SyncResult
	why     string
	written []want // what was committed
	done    []want // where nothing is left to do: written, equal, or further there
	short   bool   // the target's log ended before what is wanted: look again
}

// takeSync hands out groups to commit, at most limit. wait is the time until
// the next one may be taken; it is negative when there is none.
func (s *state) takeSync(now time.Time, limit int) (jobs []*syncJob, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = -1
	for name, g := range s.groups {
		if !g.sync.wanted {
			continue
		}
		if until := g.sync.next.Sub(now); until > 0 || len(jobs) == limit {
			if until = max(until, 0); wait < 0 || until < wait {
				wait = until
			}
			continue
		}
		g.sync.wanted = false
		if wants := s.wants(g); len(wants) > 0 {
			jobs = append(jobs, &syncJob{group: name, asked: g.sync.asked, wants: wants})
		}
	}
	return jobs, wait
}

// wants are the last checkpoints that the newest translations agree with.
func (s *state) wants(g *group) []want {
	var out []want
	for _, p := range g.positions {
		last, known := s.last[groupPartition{g.name, p.target}]
		if !known || !p.tried || !p.translation.Known || p.translation.refutes(last.Downstream) {
			continue
		}
		out = append(out, want{
			target: p.target, targetID: p.translation.TargetID, offset: last.Downstream, metadata: last.Metadata,
			rewound: last.rewound, ceiling: last.ceiling, position: p, commit: p.commit,
		})
	}
	return out
}

// synced takes the results of a pass.
func (s *state) synced(jobs []*syncJob, now time.Time, interval time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		g := s.groups[j.group]
		if g == nil {
			continue
		}
		g.sync.result, g.sync.why = j.result, j.why
		switch j.result {
		case SyncWritten, SyncUnchanged, SyncAhead, SyncWaiting:
			g.sync.at, g.sync.next = now, now.Add(interval)
			g.sync.wanted = g.sync.asked != j.asked || j.short
		case SyncActive:
			g.sync.wanted, g.sync.next = true, now.Add(max(activePause, interval))
		case SyncRefused, SyncFailed:
			g.sync.wanted, g.sync.next = true, now.Add(max(failedPause, interval))
		}
		for _, w := range j.done {
			s.done(j.group, w)
		}
	}
}

// done notes that the target has a position, or is further and stays there.
func (s *state) done(group string, w want) {
	at := groupPartition{group, w.target}
	if last := s.last[at]; last.Downstream == w.offset && last.rewound {
		last.rewound, last.ceiling = false, 0
		s.last[at] = last
	}
	if w.position.commit.Equal(w.commit) {
		w.position.commit = time.Time{}
	}
}

// recheck asks for a look at every group on the target: somebody may have
// deleted or reset one there.
func (s *state) recheck() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		g.sync.request()
	}
	poke(s.pending)
}
