package checkpoint

import (
	"slices"
	"sync"
	"time"

	"mm2/internal/pipeline"
	"mm2/topology"
)

// state is what one run knows of all groups: where they stand on the source,
// what that is on the target, and what was written there. It does no I/O and
// calls nothing of ours under its lock.
type state struct {
	flow topology.Flow
	sync bool // positions are committed on the target, too

	dirty   chan struct{} // capacity 1: there are positions to translate
	pending chan struct{} // capacity 1: there are groups to commit on the target

	mu          sync.Mutex // guards what follows
	groups      map[string]*group
	toTranslate map[*groupPosition]bool
	waiting     map[*groupPosition]bool      // may translate better when the copy advances
	last        map[groupPartition]writtenAt // by target partition: checkpoints written, now or by an earlier run
	mode        FollowMode
	modeReason  string
	unsupported []UnsupportedGroup
	failures    map[string]string // by what failed
}

// writtenAt is the last checkpoint of a group and target partition.
type writtenAt struct {
	Checkpoint
	// rewound says that the checkpoint took the position back, because the group
	// was reset or the copy began anew, and the target was not asked to follow
	// yet; ceiling is then the furthest position that we may have written there
	// before.
	rewound bool
	ceiling int64
}

// followedBy is what is kept once another checkpoint was written.
func (w writtenAt) followedBy(c Checkpoint) writtenAt {
	next := writtenAt{Checkpoint: c, rewound: w.rewound, ceiling: w.ceiling}
	if c.Upstream < w.Upstream || c.Downstream < w.Downstream {
		next.rewound, next.ceiling = true, max(w.Downstream, w.ceiling)
	}
	return next
}

// group is one consumer group of the source.
type group struct {
	name      string
	positions map[pipeline.Partition]*groupPosition
	sync      syncState
}

// groupPosition is where a group stands in one source partition.
type groupPosition struct {
	group   *group
	source  pipeline.Partition
	change  Change
	seen    time.Time // when we learnt of it
	version int       // counts changes

	target      pipeline.Partition
	translation Translation
	tried       bool      // translation is the answer for this or an earlier version
	written     time.Time // when it was last known to be covered by a checkpoint
	commit      time.Time // when the group made the commit that the target has been told of; zero: unknown
	settled     bool      // this version is covered by a checkpoint
}

func newState(flow topology.Flow, sync bool) *state {
	return &state{
		flow: flow, sync: sync, dirty: make(chan struct{}, 1), pending: make(chan struct{}, 1),
		groups: map[string]*group{}, toTranslate: map[*groupPosition]bool{}, waiting: map[*groupPosition]bool{},
		last: map[groupPartition]writtenAt{}, failures: map[string]string{},
	}
}

// poke wakes whoever waits on a channel of capacity 1.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// load takes the checkpoints that earlier runs wrote, oldest first. One that is
// lower although its group went on says that the copy began anew: nobody knows
// whether the target was asked to follow, and what it has there would skip
// records.
func (s *state) load(existing []Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range existing {
		w := writtenAt{Checkpoint: c}
		if last, known := s.last[c.at()]; known && (last.rewound || c.Upstream >= last.Upstream && c.Downstream < last.Downstream) {
			w = last.followedBy(c)
		}
		s.last[c.at()] = w
	}
}

// at is what a checkpoint is about.
func (c Checkpoint) at() groupPartition {
	return groupPartition{c.Group, pipeline.Partition{Topic: c.Topic, Partition: c.Partition}}
}

// apply takes what groups have committed.
func (s *state) apply(changes []Change, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		if c.Deleted {
			s.remove(c)
			continue
		}
		g := s.groups[c.Group]
		if g == nil {
			g = &group{name: c.Group, positions: map[pipeline.Partition]*groupPosition{}}
			s.groups[c.Group] = g
		}
		p := g.positions[c.Partition]
		if p == nil {
			p = &groupPosition{group: g, source: c.Partition}
			g.positions[c.Partition] = p
		}
		p.change, p.seen, p.settled = c, now, false
		p.version++
		s.toTranslate[p] = true
	}
	if len(s.toTranslate) > 0 {
		poke(s.dirty)
	}
}

// remove forgets a position. What was written for it stays on the target.
func (s *state) remove(c Change) {
	g := s.groups[c.Group]
	if g == nil {
		return
	}
	if p := g.positions[c.Partition]; p != nil {
		delete(g.positions, c.Partition)
		delete(s.toTranslate, p)
		delete(s.waiting, p)
	}
	if len(g.positions) == 0 {
		delete(s.groups, c.Group)
	}
}

// advanced says that the copy went on.
func (s *state) advanced() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.waiting {
		s.toTranslate[p] = true
	}
	clear(s.waiting)
	if len(s.toTranslate) > 0 {
		poke(s.dirty)
	}
}

// revised says that final answers may no longer be true.
func (s *state) revised() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		for _, p := range g.positions {
			s.toTranslate[p] = true
		}
	}
	if len(s.toTranslate) > 0 {
		poke(s.dirty)
	}
}

// job is one position on its way to a checkpoint.
type job struct {
	position *groupPosition
	version  int
	change   Change
	checkpoint
}

// checkpoint is what became of a job.
type checkpoint struct {
	translation Translation
	next        Checkpoint
}

// take hands out what is to be translated.
func (s *state) take() []job {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := make([]job, 0, len(s.toTranslate))
	for p := range s.toTranslate {
		jobs = append(jobs, job{position: p, version: p.version, change: p.change})
	}
	clear(s.toTranslate)
	return jobs
}

// translate asks the translator, without holding the lock.
func translate(flow topology.Flow, by Translator, jobs []job) {
	for i := range jobs {
		j := &jobs[i]
		j.translation = by.Forward(j.change.Partition, j.change.Offset)
		if j.translation.Target.Topic == "" {
			j.translation.Target = pipeline.Partition{Topic: DownstreamTopic(flow, j.change.Partition.Topic), Partition: j.change.Partition.Partition}
		}
		j.next = Checkpoint{
			Group: j.change.Group, Topic: j.translation.Target.Topic, Partition: j.translation.Target.Partition,
			Upstream: j.change.Offset, Downstream: j.translation.Offset, Metadata: j.change.Metadata,
		}
	}
}

// decide takes the translations and returns the jobs that need a checkpoint.
func (s *state) decide(jobs []job, now time.Time) []job {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := jobs[:0]
	for _, j := range jobs {
		p := j.position
		if !s.current(p) {
			continue
		}
		p.target, p.translation, p.tried = j.translation.Target, j.translation, true
		delete(s.waiting, p)
		if !j.translation.Exact && !j.translation.settled {
			s.waiting[p] = true
		}
		if !usable(j.translation) {
			continue
		}
		if last, known := s.last[j.next.at()]; due(last.Checkpoint, known, j.next, j.translation) {
			out = append(out, j)
			continue
		}
		s.settle(j, now)
	}
	return out
}

// current reports whether a position still belongs to its group.
func (s *state) current(p *groupPosition) bool {
	return s.groups[p.group.name] == p.group && p.group.positions[p.source] == p
}

// acknowledged notes that checkpoints were written.
func (s *state) acknowledged(jobs []job, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		at := j.next.at()
		w := writtenAt{Checkpoint: j.next}
		if before, known := s.last[at]; known {
			w = before.followedBy(j.next)
		}
		s.last[at] = w
		s.settle(j, now)
	}
}

// settle notes that a position is covered by the last checkpoint of its target
// partition, and has the group committed there.
func (s *state) settle(j job, now time.Time) {
	p := j.position
	if !s.current(p) {
		return
	}
	p.written, p.commit = now, j.change.Committed
	p.settled = p.version == j.version
	if s.sync {
		p.group.sync.request()
		poke(s.pending)
	}
}

// again puts jobs back that could not be written.
func (s *state) again(jobs []job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		if s.current(j.position) {
			s.toTranslate[j.position] = true
		}
	}
	if len(s.toTranslate) > 0 {
		poke(s.dirty)
	}
}

// fail notes what a part of the work fails with, and tells whether it worked
// before.
func (s *state) fail(part string, err error) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, failed := s.failures[part]
	s.failures[part] = err.Error()
	return !failed
}

// works notes that a part works, and tells whether it failed before.
func (s *state) works(part string) (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, failed := s.failures[part]
	delete(s.failures, part)
	return failed
}

// setMode notes how groups are followed, and tells whether that is news.
func (s *state) setMode(mode FollowMode, reason string) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news = s.mode != mode || s.modeReason != reason
	s.mode, s.modeReason = mode, reason
	return news
}

// setUnsupported notes which groups cannot be followed, and tells whether that
// is news.
func (s *state) setUnsupported(groups []UnsupportedGroup) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news = !slices.Equal(s.unsupported, groups)
	s.unsupported = groups
	return news
}
