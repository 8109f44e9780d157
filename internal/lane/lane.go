// Package lane shares the lanes of a flow out between workers and keeps each
// lane's work running while it is ours.
//
// A lane is one partition of the compacted lanes topic on the target cluster.
// Ownership is Kafka's own group protocol: the workers of a flow are an ordinary
// consumer group over that topic (cooperative-sticky), so standard tools show
// who owns what, and no coordinator of ours exists. The group only shares out;
// what makes a lane exclusive is the transactional fence that its work opens
// with. A lane whose owner is fenced asks the group whether it is still a
// member before it tries again, and two owners that keep fencing each other are
// reported as the assignment error they are.
package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// ID is the number of a lane: a partition of the lanes topic.
type ID int32

// State is what a worker knows of one lane that is assigned to it.
type State string

// The states of an assigned lane.
const (
	Opening State = "opening" // fencing, reading marks, seeking
	Running State = "running" // copying
	Waiting State = "waiting" // failed, tried again after a pause
	Parked  State = "parked"  // a person must act; tried again at long intervals
)

// Causes with which the context of a lane's work ends.
var (
	// ErrRevoked: another worker takes the lane; finish what is open.
	ErrRevoked = errors.New("lane handed over to another worker")
	// ErrStopped: this worker is stopping; finish what is open.
	ErrStopped = errors.New("this worker is stopping")
	// ErrLost: the group gave the lane away without us; others may own it already.
	ErrLost = errors.New("lane lost: this worker's group session ended")
	// ErrConflict: two workers own the lane at once, whatever the group says.
	ErrConflict = errors.New("two workers hold this lane and fence each other")
)

// Config is what a Group needs.
type Config struct {
	Dialer *kafka.Dialer // of the target
	Flow   string        // for client ids and messages
	Group  string
	Topic  string // the lanes topic; must exist

	SessionTimeout time.Duration
	InstanceID     string // static membership; empty: none
	Worker         string // this worker's name in claims

	Logger *slog.Logger
}

// Status is a snapshot of one assigned lane.
type Status struct {
	ID     ID
	State  State
	Since  time.Time // of the state
	Err    string    // why it waits or is parked
	Fences int       // since it was assigned
}

// Lease is what the work of a lane is told about its ownership.
type Lease struct {
	ID    ID
	group *Group

	mu        sync.Mutex // guards what follows
	state     State
	since     time.Time
	err       error
	fences    int
	claimed   bool        // we have claimed it since it was assigned
	conflicts []time.Time // foreign claims found while the lane was ours
}

// Work copies one lane until ctx ends; then it ends what is open and returns.
// It is called again after it returned while the lane stays ours.
type Work func(ctx context.Context, lease *Lease) error

// Group is one worker's membership. Create it with New.
type Group struct {
	cfg  Config
	work Work

	mu     sync.Mutex // guards what follows
	lanes  map[ID]*held
	joined bool
	client *kgo.Client
}

// held is a lane whose work is running.
type held struct {
	lease  *Lease
	cancel context.CancelCauseFunc
	done   chan struct{}
}

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 30 * time.Second
	parkPause  = time.Minute

	// A foreign claim while the lane is ours happens once when the group moves
	// it and our session lags behind. Three within a minute is a fight.
	conflictLimit  = 3
	conflictWindow = time.Minute
)

// New returns a Group that has joined nothing yet.
func New(cfg Config, work Work) *Group {
	return &Group{cfg: cfg, work: work, lanes: map[ID]*held{}}
}

// Run is a member of the group until ctx ends, then hands every lane over
// (waiting for its work to end) and leaves. It returns nil when asked to stop.
func (g *Group) Run(ctx context.Context) error {
	cl, err := g.join(ctx)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.client = cl
	g.mu.Unlock()
	err = g.watch(ctx, cl)
	cause := ErrStopped
	if err != nil {
		cause = ErrLost
	}
	g.stop(g.all(), cause)
	cl.Close() // leaves, unless the membership is static
	g.mu.Lock()
	g.client, g.joined = nil, false
	g.mu.Unlock()
	return err
}

func (g *Group) join(ctx context.Context) (*kgo.Client, error) {
	ids := func(m map[string][]int32) []ID {
		out := make([]ID, 0, len(m[g.cfg.Topic]))
		for _, p := range m[g.cfg.Topic] {
			out = append(out, ID(p))
		}
		slices.Sort(out)
		return out
	}
	opts := []kgo.Opt{
		kgo.ConsumerGroup(g.cfg.Group), kgo.ConsumeTopics(g.cfg.Topic), kgo.DisableAutoCommit(),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(g.cfg.SessionTimeout), kgo.HeartbeatInterval(g.cfg.SessionTimeout / 10),
		// Long enough for a lane to end its transaction, whatever the session.
		kgo.RebalanceTimeout(max(2*g.cfg.SessionTimeout, 30*time.Second)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { g.assigned(ctx, ids(m)) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { g.stop(ids(m), ErrRevoked) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { g.stop(ids(m), ErrLost) }),
	}
	if g.cfg.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(g.cfg.InstanceID))
	}
	cl, err := g.cfg.Dialer.Client(g.cfg.Flow+"|lanes", opts...)
	if err != nil {
		return nil, err
	}
	cl.PauseFetchTopics(g.cfg.Topic) // the topic is assigned, not consumed
	return cl, nil
}

// watch waits for the end, or for an error that ends the membership.
func (g *Group) watch(ctx context.Context, cl *kgo.Client) error {
	for {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fs.Errors() {
			var session *kgo.ErrGroupSession
			switch {
			case errors.Is(e.Err, kgo.ErrClientClosed):
				return fmt.Errorf("group %s: %w", g.cfg.Group, e.Err)
			case errors.Is(e.Err, kerr.GroupAuthorizationFailed), errors.Is(e.Err, kerr.TopicAuthorizationFailed),
				errors.Is(e.Err, kerr.FencedInstanceID), errors.Is(e.Err, kerr.InconsistentGroupProtocol),
				errors.Is(e.Err, kerr.InvalidSessionTimeout):
				return fmt.Errorf("group %s: %w", g.cfg.Group, kafka.Explain(e.Err))
			case errors.As(e.Err, &session):
				// The client joins again by itself; lanes were lost meanwhile.
				g.cfg.Logger.Warn("group session ended, joining again", "group", g.cfg.Group, "err", e.Err)
			default:
				g.cfg.Logger.Warn("lanes group", "group", g.cfg.Group, "err", e.Err)
			}
		}
	}
}

func (g *Group) assigned(ctx context.Context, ids []ID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.joined = true
	if ctx.Err() != nil {
		return
	}
	for _, id := range ids {
		if g.lanes[id] != nil {
			continue
		}
		// The work ends with the lane, not with ctx: on shutdown Run hands
		// lanes over with a cause, so that their logs say why they ended.
		wctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		h := &held{lease: &Lease{ID: id, group: g, state: Opening, since: time.Now()}, cancel: cancel, done: make(chan struct{})}
		g.lanes[id] = h
		go func() {
			defer close(h.done)
			g.keep(wctx, h.lease)
		}()
	}
	g.cfg.Logger.Info("lanes assigned", "lanes", ids)
}

func (g *Group) all() []ID {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Keys(g.lanes))
}

// stop ends the work of lanes and waits for it, so that a lane is given up only
// after its open transaction ended.
func (g *Group) stop(ids []ID, cause error) {
	var stopping []*held
	g.mu.Lock()
	for _, id := range ids {
		if h := g.lanes[id]; h != nil {
			h.cancel(cause)
			stopping = append(stopping, h)
			delete(g.lanes, id)
		}
	}
	g.mu.Unlock()
	for _, h := range stopping {
		<-h.done
	}
	if len(stopping) > 0 {
		g.cfg.Logger.Info("lanes given up", "lanes", ids, "cause", cause)
	}
}

// keep runs the work of one lane for as long as it is ours.
func (g *Group) keep(ctx context.Context, l *Lease) {
	pause := backoff.Backoff{First: firstPause, Max: maxPause}
	log := g.cfg.Logger.With("lane", int(l.ID))
	for ctx.Err() == nil {
		started := time.Now()
		err := g.work(ctx, l)
		if ctx.Err() != nil {
			if err != nil {
				log.Debug("lane ended", "cause", context.Cause(ctx), "err", err)
			}
			return
		}
		if time.Since(started) > maxPause {
			pause.Reset()
		}
		wait := pause.Next()
		var fatal *pipeline.FatalError
		switch {
		case err == nil:
			err = errors.New("lane stopped without being asked to")
			l.set(Waiting, err)
		case errors.Is(err, pipeline.ErrFenced):
			l.fenced(err)
			log.Warn("fenced: asking the group whether the lane is still ours", "err", err)
			if cerr := g.confirm(ctx); cerr != nil {
				log.Warn("waiting for the group to decide about the lane", "err", cerr)
				l.set(Waiting, cerr)
				wait = max(wait, g.cfg.SessionTimeout/10)
			}
		case errors.Is(err, ErrConflict), errors.As(err, &fatal):
			wait = parkPause
			l.set(Parked, err)
			log.Error("lane parked, others go on", "err", err, "again_in", wait)
		default:
			l.set(Waiting, err)
			log.Warn("lane failed, trying again", "err", kafka.Explain(err), "again_in", wait)
		}
		backoff.Sleep(ctx, wait)
	}
}

// confirm asks the coordinator whether this worker is a member of the current
// generation. It returns nil if so: then the lanes we hold are ours.
func (g *Group) confirm(ctx context.Context) error {
	g.mu.Lock()
	cl := g.client
	g.mu.Unlock()
	if cl == nil {
		return ErrLost
	}
	for {
		member, generation := cl.GroupMetadata()
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group, req.MemberID, req.Generation = g.cfg.Group, member, generation
		if g.cfg.InstanceID != "" {
			req.InstanceID = new(g.cfg.InstanceID)
		}
		rctx, cancel := context.WithTimeout(ctx, g.cfg.SessionTimeout)
		resp, err := req.RequestWith(rctx, cl)
		cancel()
		if err != nil {
			return fmt.Errorf("ask group %s about our membership: %w", g.cfg.Group, err)
		}
		switch err := kerr.ErrorForCode(resp.ErrorCode); {
		case err == nil:
			return nil
		case errors.Is(err, kerr.RebalanceInProgress):
			backoff.Sleep(ctx, g.cfg.SessionTimeout/20)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		default:
			return fmt.Errorf("%w (%w)", ErrLost, err)
		}
	}
}

// Joined tells whether the group ever gave this worker an assignment, which may
// be empty, since Run began.
func (g *Group) Joined() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.joined
}

// Status is a snapshot of the lanes assigned to this worker, sorted.
func (g *Group) Status() []Status {
	g.mu.Lock()
	leases := make([]*Lease, 0, len(g.lanes))
	for _, h := range g.lanes {
		leases = append(leases, h.lease)
	}
	g.mu.Unlock()
	out := make([]Status, 0, len(leases))
	for _, l := range leases {
		out = append(out, l.status())
	}
	slices.SortFunc(out, func(a, b Status) int { return int(a.ID - b.ID) })
	return out
}

// Claimed is called by the work once the lane is open, with the worker that
// held it before. It returns ErrConflict if that shows a fight over the lane.
func (l *Lease) Claimed(previous string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.claimed && previous != "" && previous != l.group.cfg.Worker {
		l.conflicts = append(l.conflicts, now)
	}
	l.claimed = true
	l.conflicts = slices.DeleteFunc(l.conflicts, func(t time.Time) bool { return now.Sub(t) > conflictWindow })
	if len(l.conflicts) >= conflictLimit {
		l.conflicts = nil
		return fmt.Errorf("%w: worker %s took it while the group %s gave it to us. Are two groups, or two meshes with the same aliases, writing to this target?", ErrConflict, previous, l.group.cfg.Group)
	}
	l.state, l.since, l.err = Running, now, nil
	return nil
}

func (l *Lease) set(s State, err error) {
	l.mu.Lock()
	l.state, l.since, l.err = s, time.Now(), err
	l.mu.Unlock()
}

func (l *Lease) fenced(err error) {
	l.mu.Lock()
	l.fences++
	l.state, l.since, l.err = Waiting, time.Now(), err
	l.mu.Unlock()
}

func (l *Lease) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{ID: l.ID, State: l.state, Since: l.since, Fences: l.fences}
	if l.err != nil {
		s.Err = l.err.Error()
	}
	return s
}
