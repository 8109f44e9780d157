package configsync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/topology"
)

// DefaultMaxMessageBytes is Kafka's default of max.message.bytes. It stands in
// for a limit that we may not read.
const DefaultMaxMessageBytes = 1048588

// Config says how target topics are made.
type Config struct {
	Flow              topology.FlowID
	ReplicationFactor int16 // -1: the target's default
	Rules             Rules
}

// Deps are what [Topics] works with. Clients and logger are required, and the
// clients are the caller's to close.
type Deps struct {
	Source, Target *kgo.Client
	Logger         *slog.Logger // names the flow already

	// Ledger remembers the topics that are created; nil: nobody does, and they
	// are never deleted.
	Ledger *Ledger
	// News, if set, is called when topics are asked for that were not before.
	// It must not block.
	News func()
}

// Want is a source topic, what its copy is called, and how many partitions the
// copy needs.
type Want struct {
	Source, Target string
	Partitions     int
	// Routed: Target is no copy but a topic that records of Source, and maybe of
	// others, are sent to. It is made like a copy of Source, and nobody deletes
	// it: it may have records of topics that are still there.
	Routed bool
}

// Key is where the answer for the topic is found: its source, or for one that is
// Routed the target after an arrow, which no name of a topic has.
func (w Want) Key() string {
	if w.Routed {
		return "->" + w.Target
	}
	return w.Source
}

// TargetTopic describes a topic on the target.
type TargetTopic struct {
	Partitions int
	ID         kadm.TopicID
	// MaxMessageBytes is the max.message.bytes in force, or
	// [DefaultMaxMessageBytes] if we may not read it. It may be some minutes
	// old.
	MaxMessageBytes int32
	// Compacted is true if cleanup.policy contains compact, as far as we may
	// read it.
	Compacted bool
}

// Result is a target topic, or why it is not as wanted. Beside an Err,
// Partitions is zero if the topic cannot be used, and otherwise says what
// exists although more was wanted.
type Result struct {
	TargetTopic
	Err error
}

// Topics makes the target topics of one flow. It remembers what it has seen,
// so that a round in which nothing changed costs one metadata request.
// It is safe for concurrent use; calls take turns.
type Topics struct {
	cfg  Config
	deps Deps
	log  *slog.Logger

	turn chan struct{} // held by the call that owns what follows

	limits  map[string]limits   // by target topic
	failing map[string]*failing // by target topic
	blind   bool                // told that we may not read configs of the target

	known     map[string]bool       // topics that were asked for, by key
	unwritten map[string]OwnedTopic // created, but not yet in the ledger
	forgetful bool                  // told that the ledger cannot be written
}

// failing is a topic that could not be made. Trying again every round would
// ask the controller of the target the same few times a second for ever.
type failing struct {
	err   error
	next  time.Time
	pause backoff.Backoff
}

// New returns a Topics that has done nothing yet. It refuses dependencies that
// cannot work.
func New(cfg Config, deps Deps) (*Topics, error) {
	if deps.Source == nil || deps.Target == nil || deps.Logger == nil {
		return nil, errors.New("configsync: source client, target client and logger are required")
	}
	return &Topics{
		cfg:     cfg,
		deps:    deps,
		log:     deps.Logger,
		turn:    make(chan struct{}, 1),
		limits:  make(map[string]limits),
		failing: make(map[string]*failing),

		known:     make(map[string]bool),
		unwritten: make(map[string]OwnedTopic),
	}, nil
}

// Ensure makes the target topic exist with at least partitions partitions and
// describes it. It is [Topics.EnsureAll] for one topic.
func (t *Topics) Ensure(ctx context.Context, source, target string, partitions int) (TargetTopic, error) {
	results, err := t.EnsureAll(ctx, []Want{{Source: source, Target: target, Partitions: partitions}})
	if err != nil {
		return TargetTopic{}, err
	}
	return results[source].TargetTopic, results[source].Err
}

// EnsureAll makes every wanted target topic exist with at least its partitions.
// The answer has an entry for every wanted topic under its [Want.Key]; the error
// is one that concerns them all.
//
// A topic that is absent is created with the wanted number of partitions and
// the source topic's own configs. A config that the target refuses is left out
// with a warning in the log. A topic with too few partitions is grown; one with
// more is fine. EnsureAll returns when the partitions it made have leaders, at
// the latest after 15 seconds or when ctx ends. A topic that could not be made
// or grown is tried again after a pause that grows to five minutes; calls in
// between return the same error.
func (t *Topics) EnsureAll(ctx context.Context, wants []Want) (map[string]Result, error) {
	return t.ensure(ctx, wants, true)
}

// ensure is EnsureAll; with all it forgets topics that are not among the wanted.
func (t *Topics) ensure(ctx context.Context, wants []Want, all bool) (map[string]Result, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("ensure target topics: %w", context.Cause(ctx))
	}
	r := newRound(t, wants)
	if all {
		t.forget(r.topics)
		t.tellNews(wants)
	}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	t.writeDown(ctx)
	return r.results(), nil
}

// tellNews notes which topics are asked for.
func (t *Topics) tellNews(wants []Want) {
	news := false
	now := make(map[string]bool, len(wants))
	for _, w := range wants {
		now[w.Key()] = true
		news = news || !t.known[w.Key()]
	}
	t.known = now
	if news && t.deps.News != nil {
		t.deps.News()
	}
}

// writeDown tells the ledger what was created. What cannot be written now is
// written after the next call; until then the topics are nobody's, which only
// means that they are not deleted.
func (t *Topics) writeDown(ctx context.Context) {
	if t.deps.Ledger == nil || len(t.unwritten) == 0 {
		return
	}
	err := t.deps.Ledger.OwnTopics(ctx, t.unwritten)
	switch {
	case err == nil:
		clear(t.unwritten)
		t.forgetful = false
	case !t.forgetful && ctx.Err() == nil:
		t.forgetful = true
		t.log.Warn("cannot remember which topics were created, trying again", "topics", len(t.unwritten), "err", err)
	}
}

// altered makes the next call describe the topics again.
func (t *Topics) altered(ctx context.Context, targets map[string]bool) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return // what is known grows old by itself
	}
	for target := range targets {
		delete(t.limits, target)
	}
}

const (
	firstRetry = 5 * time.Second // about one round of discovery
	maxRetry   = 5 * time.Minute
)

// due tells whether a topic may be tried now, or else why not.
func (t *Topics) due(target string, now time.Time) (bool, error) {
	f := t.failing[target]
	if f == nil || !now.Before(f.next) {
		return true, nil
	}
	return false, f.err
}

// failed remembers that a try failed.
func (t *Topics) failed(target string, err error) {
	f := t.failing[target]
	if f == nil {
		f = &failing{pause: backoff.Backoff{First: firstRetry, Max: maxRetry}}
		t.failing[target] = f
	}
	f.err, f.next = err, time.Now().Add(f.pause.Next())
}

// forget drops what is remembered of topics that nobody wants any more.
func (t *Topics) forget(wanted map[string]*topic) {
	for target := range t.limits {
		if wanted[target] == nil {
			delete(t.limits, target)
		}
	}
	for target := range t.failing {
		if wanted[target] == nil {
			delete(t.failing, target)
		}
	}
}
