package configsync

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// SidesDeps are what [Look] reads from.
type SidesDeps struct {
	Source, Target *kgo.Client
	// Ledger is what mm2 made on the target; nil: nothing.
	Ledger *Ledger
	// Reverse is what the flow the other way made on the source: that is not
	// carried back. nil: nothing.
	Reverse *Ledger
}

// Sides are both sides of a flow, read one after the other.
type Sides struct {
	Source, Target Snapshot

	rules    Rules
	problems []Problem
}

// Look reads both sides of a flow. goneBefore are source topics that were gone
// some time ago and ever since. The error names the cluster that cannot be
// read; everything less is a problem of the plan.
func Look(ctx context.Context, deps SidesDeps, rules Rules, goneBefore map[string]bool) (Sides, error) {
	s := Sides{rules: rules}
	owned := newOwned()
	if rules.ACLs != ACLsOff || rules.DeleteTopics {
		owned = s.read(ctx, deps.Ledger)
	}
	var err error
	if s.Source, err = ReadSource(ctx, deps.Source, rules, owned); err != nil {
		return s, fmt.Errorf("look at cluster %s: %w", rules.Flow.ID.Source, err)
	}
	s.Source.GoneBefore = goneBefore
	if rules.ACLs != ACLsOff {
		// After the ACLs: an ACL is written down before it is there.
		s.Source.Owned = s.read(ctx, deps.Reverse)
	}
	if s.Target, err = ReadTarget(ctx, deps.Target, rules, s.Source, owned); err != nil {
		return s, fmt.Errorf("look at cluster %s: %w", rules.Flow.ID.Target, err)
	}
	return s, nil
}

// read returns what a ledger owns. Without it nobody can tell which ACLs and
// topics are mm2's, so nothing is said about them.
func (s *Sides) read(ctx context.Context, l *Ledger) Owned {
	if l == nil {
		return newOwned()
	}
	owned, err := l.Read(ctx)
	if err != nil {
		s.unownable(err)
		return newOwned()
	}
	return owned
}

func (s *Sides) unownable(err error) {
	s.rules.ACLs, s.rules.DeleteTopics = ACLsOff, false
	s.problems = append(s.problems, Problem{
		Kind: NoOwnership, Text: "what mm2 makes cannot be remembered or told, so it makes no ACLs and deletes nothing: " + err.Error(),
	})
}

// Plan is the difference between the sides.
func (s *Sides) Plan() Plan {
	p := Diff(s.Source, s.Target, s.rules)
	p.Problems = sortProblems(append(p.Problems, s.problems...))
	return p
}
