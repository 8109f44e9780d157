package configsync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/backoff"
)

// leaderWait bounds how long a round waits for leaders of what it made, so
// that one broker that is down holds up the other topics for that long once.
const leaderWait = 15 * time.Second

// topic is one target topic in the course of a round.
type topic struct {
	want Want
	err  error

	// What the last look at the metadata showed.
	found      bool
	partitions int
	id         kadm.TopicID
	leaderless []int32

	tried bool // to create or grow it in this round
	// expected is how many partitions the wait for leaders has to see: what a
	// broker that lags behind shows is not what there is.
	expected int
}

func (p *topic) missing() bool { return p.needs() == CreateTopic }
func (p *topic) short() bool   { return p.needs() == AddPartitions }

// needs is empty for a topic that is as wanted.
func (p *topic) needs() ChangeKind {
	c, _ := Rules{}.sized(p.want, p.found, p.partitions, nil)
	return c.Kind
}

func (p *topic) settled() bool {
	return p.found && p.partitions >= p.expected && len(p.leaderless) == 0
}

// round is one call of EnsureAll.
type round struct {
	*Topics

	wants   []Want
	topics  map[string]*topic // by target
	shared  map[string]error  // by source: its target is already another's
	brokers int               // of the target

	// refused are configs that the target has refused in this round, with its
	// reason: thousands of topics often share one.
	refused map[setting]string
}

type setting struct{ key, value string }

func newRound(t *Topics, wants []Want) *round {
	r := &round{
		Topics: t, wants: wants,
		topics:  make(map[string]*topic, len(wants)),
		shared:  make(map[string]error),
		refused: make(map[setting]string),
	}
	for _, w := range wants {
		if other := r.topics[w.Target]; other != nil && other.want.Source != w.Source {
			r.shared[w.Key()] = w.taken(other.want.Source)
			continue
		}
		r.topics[w.Target] = &topic{want: w}
	}
	return r
}

// run is the order of a round: create before growing, because somebody else may
// create a topic at the same time with fewer partitions; describe last, when
// everything that can exist does.
func (r *round) run(ctx context.Context) error {
	if len(r.topics) == 0 {
		return nil
	}
	if err := r.look(ctx, slices.Collect(maps.Keys(r.topics))); err != nil {
		return fmt.Errorf("look up target topics: %w", err)
	}
	if missing := r.pick((*topic).missing); len(missing) > 0 {
		r.create(ctx, missing)
		r.awaitLeaders(ctx, missing)
	}
	if short := r.pick((*topic).short); len(short) > 0 {
		r.grow(ctx, short)
		r.awaitLeaders(ctx, short)
	}
	for target, p := range r.topics {
		switch {
		case p.err == nil:
			delete(r.failing, target)
		case p.tried && ctx.Err() == nil: // otherwise not the topic's fault
			r.failed(target, p.err)
		}
	}
	r.describe(ctx)
	return nil
}

// pick returns the topics without error that are as asked and due, by name.
// One that is not due keeps the error of its last try.
func (r *round) pick(is func(*topic) bool) []*topic {
	now := time.Now()
	var picked []*topic
	for target, p := range r.topics {
		if p.err != nil || !is(p) {
			continue
		}
		if due, err := r.due(target, now); !due {
			p.err = err
			continue
		}
		p.tried = true
		picked = append(picked, p)
	}
	slices.SortFunc(picked, func(a, b *topic) int { return strings.Compare(a.want.Target, b.want.Target) })
	return picked
}

// results are by the key of what was wanted.
func (r *round) results() map[string]Result {
	results := make(map[string]Result, len(r.wants))
	for _, w := range r.wants {
		if err := r.shared[w.Key()]; err != nil {
			results[w.Key()] = Result{Err: err}
			continue
		}
		p := r.topics[w.Target]
		result := Result{Err: p.err}
		if p.found {
			l := r.limits[w.Target].or(DefaultMaxMessageBytes)
			result.TargetTopic = TargetTopic{
				Partitions: p.partitions, ID: p.id,
				MaxMessageBytes: l.maxMessageBytes, Compacted: l.compacted,
			}
		}
		results[w.Key()] = result
	}
	return results
}

var errNoLeader = errors.New("no leader yet")

// awaitLeaders looks until the topics without error exist and every partition
// has a leader. Brokers learn of new partitions one after another, so for a
// while the answers differ.
func (r *round) awaitLeaders(ctx context.Context, topics []*topic) {
	ctx, cancel := context.WithTimeoutCause(ctx, leaderWait, fmt.Errorf("waited for %s", leaderWait))
	defer cancel()
	pause := backoff.Backoff{First: 20 * time.Millisecond, Max: time.Second}
	for {
		var waiting []string
		for _, p := range topics {
			if p.err == nil && !p.settled() {
				waiting = append(waiting, p.want.Target)
			}
		}
		if len(waiting) == 0 {
			return
		}
		if !backoff.Sleep(ctx, pause.Next()) {
			r.giveUp(waiting, context.Cause(ctx))
			return
		}
		if err := r.look(ctx, waiting); err != nil {
			r.giveUp(waiting, fmt.Errorf("look up target topics: %w", err))
			return
		}
	}
}

// giveUp says what the topics still lack.
func (r *round) giveUp(waiting []string, why error) {
	for _, target := range waiting {
		p := r.topics[target]
		lack := fmt.Sprintf("partitions %v have none", p.leaderless)
		switch {
		case !p.found:
			lack = "the brokers do not know it yet"
		case p.partitions < p.expected:
			lack = fmt.Sprintf("the brokers know only %d of its partitions yet", p.partitions)
		}
		p.err = fmt.Errorf("target topic %s: %w: %s (%w)", target, errNoLeader, lack, why)
	}
}
