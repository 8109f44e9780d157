package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// Change is a new position of a group for one partition of the source.
type Change struct {
	Group       string
	Partition   pipeline.Partition
	Offset      int64 // the next record that the group reads
	LeaderEpoch int32 // of the record before it; -1: unknown
	Metadata    string
	Committed   time.Time // when the group committed it; zero where polling cannot tell
	Deleted     bool      // the group has no position there any more
}

// FollowMode says how the positions of groups are followed.
type FollowMode string

// FollowTail reads the topic that groups commit to, FollowPoll asks for the
// positions again and again. FollowAuto tails where it may and polls elsewhere.
const (
	FollowAuto FollowMode = "auto"
	FollowTail FollowMode = "tail"
	FollowPoll FollowMode = "poll"
)

// UnsupportedGroup is a group of a type whose positions are not carried over.
type UnsupportedGroup struct {
	Group string `json:"group"`
	Type  string `json:"type"` // share or streams
}

// FollowerConfig says what a [Follower] follows.
type FollowerConfig struct {
	Flow         topology.Flow
	Groups       topology.Filter
	Mode         FollowMode
	PollInterval time.Duration // from one poll to the next
	// SnapshotInterval is how often a tail is compared with what the groups
	// have, which also finds deletions, and how often auto looks again whether
	// it may tail.
	SnapshotInterval time.Duration
	OffsetsTopic     string // "__consumer_offsets"
}

// Listener is told what a [Follower] finds. Its methods are called by one
// goroutine at a time and hold the follower up.
type Listener interface {
	// Changed delivers changes in the order of their commits within one group
	// and partition. The slice is the listener's to keep.
	Changed(changes []Change)
	// Unsupported names all groups that cannot be followed.
	Unsupported(groups []UnsupportedGroup)
	// Following says how groups are followed now, and why not otherwise.
	Following(mode FollowMode, reason string)
	// FollowFailed is told of each failure; the follower tries again by
	// itself. nil says that it follows again.
	FollowFailed(err error)
}

// Follower delivers what the groups of a source commit for topics that a flow
// replicates. Every group and partition is delivered once when it is first
// seen and then on each change, never an older position behind a newer one.
type Follower struct {
	cfg      FollowerConfig
	source   *kafka.Dialer
	client   *kgo.Client // on the source, for everything but the tail
	listener Listener
	log      *slog.Logger

	topics  map[string]bool       // whether the flow replicates it
	names   map[string]bool       // whether the group filter selects it; for groups that are not in classes
	classes map[string]groupClass // by the last listing
	known   map[groupPartition]Change
	unread  bool      // the tail is in a format that we do not know
	polling time.Time // until then polling is better than a tail that is blocked
	failed  bool      // the last attempt

	// undecided is where partitions of the offsets topic stood at the last
	// snapshot that had records behind.
	undecided map[int32]int64
}

// groupPartition is one position of one group.
type groupPartition struct {
	group     string
	partition pipeline.Partition
}

// NewFollower returns a follower that does nothing until Run. The client
// belongs to the caller.
func NewFollower(cfg FollowerConfig, source *kafka.Dialer, client *kgo.Client, l Listener, log *slog.Logger) *Follower {
	return &Follower{
		cfg: cfg, source: source, client: client, listener: l, log: log,
		topics: map[string]bool{}, names: map[string]bool{}, classes: map[string]groupClass{}, known: map[groupPartition]Change{},
	}
}

const (
	firstFollowPause = 250 * time.Millisecond
	maxFollowPause   = 30 * time.Second
)

// Run follows until ctx ends and then returns nil. Failures are reported to the
// listener and tried again.
func (f *Follower) Run(ctx context.Context) error {
	pause := backoff.Backoff{First: firstFollowPause, Max: maxFollowPause}
	for ctx.Err() == nil {
		started := time.Now()
		err := f.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			continue // another mode suits better now
		case errors.Is(err, errUnreadable), errors.Is(err, errBlocked):
			f.log.Warn("cannot tail group positions, polling them instead", "err", err)
			f.unread = errors.Is(err, errUnreadable)
			f.polling = time.Now().Add(f.cfg.SnapshotInterval)
			continue
		}
		f.fails(err)
		if time.Since(started) > maxFollowPause {
			pause.Reset()
		}
		backoff.Sleep(ctx, pause.Next())
	}
	return nil
}

// follow runs one mode until it fails or another one suits better.
func (f *Follower) follow(ctx context.Context) error {
	mode, reason := f.choose(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	f.listener.Following(mode, reason)
	if mode == FollowTail {
		return f.tail(ctx)
	}
	return f.poll(ctx)
}

// choose decides how to follow, and says why.
func (f *Follower) choose(ctx context.Context) (FollowMode, string) {
	switch {
	case f.cfg.Mode == FollowPoll:
		return FollowPoll, "configured"
	case f.unread:
		return FollowPoll, f.cfg.OffsetsTopic + " has records in a format that this version of mm2 does not know"
	case time.Now().Before(f.polling):
		return FollowPoll, "a transaction that does not end hides what is newer in " + f.cfg.OffsetsTopic
	case f.cfg.Mode == FollowTail:
		return FollowTail, "configured"
	}
	return probeFollow(ctx, f.client, f.cfg.OffsetsTopic)
}

// fails reports a failure.
func (f *Follower) fails(err error) {
	f.failed = true
	f.listener.FollowFailed(err)
}

// works notes that the source answered, or why for some groups it did not.
func (f *Follower) works(s snapshot) {
	switch {
	case s.err != nil:
		f.fails(s.err)
	case f.failed:
		f.failed = false
		f.listener.FollowFailed(nil)
	}
}

// replicates is the flow's answer, remembered: patterns are slow, and names
// come with each commit.
func (f *Follower) replicates(topic string) bool {
	yes, seen := f.topics[topic]
	if !seen {
		yes = f.cfg.Flow.Replicates(topic)
		f.topics[topic] = yes
	}
	return yes
}

// selects is the group filter's answer, remembered until the next listing.
func (f *Follower) selects(group string) bool {
	if _, listed := f.classes[group]; listed {
		return true
	}
	yes, seen := f.names[group]
	if !seen {
		yes = f.cfg.Groups.Match(group)
		f.names[group] = yes
	}
	return yes
}

// deliver passes on what is news.
func (f *Follower) deliver(changes []Change) {
	var news []Change
	for _, c := range changes {
		at := groupPartition{c.Group, c.Partition}
		last, seen := f.known[at]
		switch {
		case c.Deleted && !seen:
			continue
		case c.Deleted:
			delete(f.known, at)
		case seen && last.Offset == c.Offset && last.Metadata == c.Metadata && last.LeaderEpoch == c.LeaderEpoch:
			continue
		default:
			f.known[at] = c
		}
		news = append(news, c)
	}
	if len(news) > 0 {
		f.listener.Changed(news)
	}
}

// settle makes what is known equal to a snapshot.
func (f *Follower) settle(s snapshot) {
	changes := make([]Change, 0, len(s.positions))
	for _, c := range s.positions {
		changes = append(changes, c)
	}
	for at := range f.known {
		if s.lacks(at) {
			s.gone[at] = true
			changes = append(changes, Change{Group: at.group, Partition: at.partition, Deleted: true})
		}
	}
	f.deliver(changes)
}

var errUnreadable = errors.New("unknown record format")

// unreadable says that the tail cannot be trusted.
func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnreadable, fmt.Sprintf(format, args...))
}
