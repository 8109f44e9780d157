package configsync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
)

// ApplierDeps are what an [Applier] works with.
type ApplierDeps struct {
	Target *kgo.Client
	Topics *Topics // makes and grows topics
	Ledger *Ledger // on the target
	Logger *slog.Logger
}

// Applier carries out plans on the target, in a few requests for each kind of
// change. It remembers what the target has refused and asks again only after a
// pause that grows to five minutes, or when something else is wanted.
//
// Applying a plan twice, or on several workers at once, does no harm: what is
// done already stays done. Calls must not overlap.
type Applier struct {
	deps ApplierDeps
	log  *slog.Logger

	refused map[string]*refusal // by change and value
}

// refusal is a change that the target did not take.
type refusal struct {
	problem Problem
	next    time.Time
	pause   backoff.Backoff
}

// NewApplier returns an Applier that has done nothing yet. Without topics it
// makes none, without a ledger it makes no ACLs and deletes nothing.
func NewApplier(deps ApplierDeps) (*Applier, error) {
	if deps.Target == nil || deps.Logger == nil {
		return nil, errors.New("configsync applier: target client and logger are required")
	}
	return &Applier{deps: deps, log: deps.Logger, refused: make(map[string]*refusal)}, nil
}

// Report is what became of a plan.
type Report struct {
	Done []Change
	// Problems are changes that the target refused, now or a while ago.
	Problems []Problem
	// Err is what kept whole requests from being answered; these changes are
	// in no list, and the next plan has them again.
	Err error
}

// Apply carries out what it can of the plan.
func (a *Applier) Apply(ctx context.Context, p Plan) Report {
	w := &work{Applier: a}
	w.forgetRefusals(p)
	w.topics(ctx, w.due(p.Of(CreateTopic, AddPartitions)))
	w.configs(ctx, w.due(p.Of(SetConfig, DeleteConfig)))
	w.createACLs(ctx, w.due(p.Of(CreateACL)))
	w.deleteACLs(ctx, w.due(p.Of(DeleteACL)))
	w.deleteTopics(ctx, w.due(p.Of(DeleteTopic)))
	if len(p.forget) > 0 && a.deps.Ledger != nil {
		w.err(a.deps.Ledger.forget(ctx, p.forget))
	}
	w.report.Problems = sortProblems(w.report.Problems)
	return w.report
}

// Check asks the target which config changes of the plan it would refuse,
// without making them, and returns the plan with these as problems instead.
func (a *Applier) Check(ctx context.Context, p Plan) (Plan, error) {
	w := &work{Applier: a, dry: true}
	w.configs(ctx, p.Of(SetConfig, DeleteConfig))
	if w.report.Err != nil {
		return p, w.report.Err
	}
	out := Plan{Changes: p.Of(CreateTopic, AddPartitions, CreateACL, DeleteACL, DeleteTopic), Problems: p.Problems, forget: p.forget}
	out.Changes = append(out.Changes, w.report.Done...)
	out.Problems = append(out.Problems, w.report.Problems...)
	return out.sorted(), nil
}

// work is one call of Apply or Check.
type work struct {
	*Applier
	dry    bool
	report Report

	refusals map[string][]Change // of configs, by reason with %s for the topics
}

func (w *work) err(err error) {
	if err != nil {
		w.report.Err = errors.Join(w.report.Err, err)
	}
}

func (w *work) done(changes ...Change) {
	w.report.Done = append(w.report.Done, changes...)
	if w.dry {
		return
	}
	for _, c := range changes {
		delete(w.refused, c.attempt())
		w.log.Info("target changed", "change", c.String())
	}
}

// attempt names a change together with what it wants.
func (c Change) attempt() string {
	id := c.id()
	if c.Value != nil {
		id += "\x00" + *c.Value
	}
	return fmt.Sprintf("%s\x00%d", id, c.Partitions)
}

// refuse notes that the target did not take changes, for one reason. They are
// tried again together, so that they stay one problem.
func (w *work) refuse(text string, changes ...Change) {
	problem := Problem{Kind: Refused, Text: text}
	if len(changes) == 1 {
		problem.Topic = changes[0].Topic
	}
	w.report.Problems = append(w.report.Problems, problem)
	if w.dry {
		return
	}
	f := &refusal{pause: backoff.Backoff{First: firstRetry, Max: maxRetry}}
	for _, c := range changes {
		if before := w.refused[c.attempt()]; before != nil {
			f = before
			break
		}
	}
	f.problem, f.next = problem, time.Now().Add(f.pause.Next())
	for _, c := range changes {
		w.refused[c.attempt()] = f
	}
}

// due leaves out what the target has refused a moment ago.
func (w *work) due(changes []Change) []Change {
	now := time.Now()
	var due []Change
	for _, c := range changes {
		if f := w.refused[c.attempt()]; f != nil && now.Before(f.next) {
			w.report.Problems = append(w.report.Problems, f.problem)
			continue
		}
		due = append(due, c)
	}
	return due
}

// forgetRefusals drops those of changes that nobody wants any more.
func (w *work) forgetRefusals(p Plan) {
	wanted := make(map[string]bool, len(p.Changes))
	for _, c := range p.Changes {
		wanted[c.attempt()] = true
	}
	for attempt := range w.refused {
		if !wanted[attempt] {
			delete(w.refused, attempt)
		}
	}
}

// topics makes and grows topics the way discovery does. What it says about
// those that cannot be made is said again until they can.
func (w *work) topics(ctx context.Context, changes []Change) {
	if len(changes) == 0 || w.deps.Topics == nil {
		return
	}
	wants := make([]Want, len(changes))
	for i, c := range changes {
		wants[i] = Want{Source: c.Source, Target: c.Topic, Partitions: c.Partitions, Routed: c.Routed}
	}
	results, err := w.deps.Topics.ensure(ctx, wants, false)
	if err != nil {
		w.err(err)
		return
	}
	for i, c := range changes {
		if r := results[wants[i].Key()]; r.Err != nil {
			w.report.Problems = append(w.report.Problems, Problem{Kind: Refused, Topic: c.Topic, Text: r.Err.Error()})
			continue
		}
		w.done(c)
	}
}

// said is what a broker adds to an error code.
func said(err error, message *string) string {
	if text := deref(message); text != "" {
		return fmt.Sprintf("%v: %s", err, text)
	}
	return err.Error()
}
