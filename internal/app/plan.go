package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/configsync"
	"mm2/internal/config"
	"mm2/internal/kafka"
	"mm2/topology"
)

// PlanOptions are what the configuration file does not say.
type PlanOptions struct {
	Logger *slog.Logger // of clients; nil is quiet
	// Targets limits the flows to those into these clusters; empty is all.
	Targets []topology.Alias
	// ClientOpts are appended to the options of every Kafka client.
	ClientOpts []kgo.Opt
	// Timeout bounds what a flow takes; 0 is a minute.
	Timeout time.Duration
	// FollowGroups tells how the positions of groups of a source can be
	// followed ("tail" or "poll"), and why so; nil asks the source.
	FollowGroups func(ctx context.Context, source *kgo.Client) (mode, reason string)
}

// PlanReport is what running a file would change, in the words of its JSON form.
type PlanReport struct {
	File  string     `json:"file"`
	Flows []FlowPlan `json:"flows"` // in the order of the file's flows
}

// FlowPlan is what one flow would change.
type FlowPlan struct {
	Flow   string         `json:"flow"`
	Source topology.Alias `json:"source"`
	Target topology.Alias `json:"target"`
	// Error is why the flow cannot be planned; what follows is then incomplete.
	Error string `json:"error,omitempty"`
	// Mode is "enforce", or "report" if changes of what exists are only told.
	Mode   configsync.Mode `json:"mode"`
	Topics int             `json:"topics"` // of the source that are copied
	configsync.Plan
	Internal []InternalTopic    `json:"internal_topics"`
	Groups   *GroupsPlan        `json:"groups,omitempty"`
	Rights   []configsync.Right `json:"rights"`
}

// GroupsPlan is how positions of the source's groups would be followed.
type GroupsPlan struct {
	Follow string `json:"follow"` // "tail" or "poll"
	Reason string `json:"reason"`
}

// Changes tells whether running the flow would change anything.
func (f FlowPlan) Changes() bool {
	for _, t := range f.Internal {
		if !t.Exists {
			return true
		}
	}
	return len(f.Made()) > 0
}

// Made are the changes that would be made. In mode report that is what data
// need a place in.
func (f FlowPlan) Made() []configsync.Change {
	if f.Mode == configsync.ReportOnly {
		return f.Of(configsync.CreateTopic, configsync.AddPartitions)
	}
	return f.Plan.Changes
}

// Changes tells whether running the file would change anything.
func (r PlanReport) Changes() bool {
	for _, f := range r.Flows {
		if f.Changes() {
			return true
		}
	}
	return false
}

// Plan compares the clusters with what the flows of cfg want there and changes
// nothing. [App.Run] decides by the same code.
//
// The report has every selected flow, also those that could not be planned;
// the error says which and why.
func Plan(ctx context.Context, cfg *config.Config, opts PlanOptions) (PlanReport, error) {
	report := PlanReport{File: cfg.File, Flows: []FlowPlan{}}
	selected, err := selectFlows(cfg, opts.Targets)
	if err != nil {
		return report, err
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	// A person waits: a cluster that is not there is not waited for as long as
	// the service would. The client then says why, not only that time is up.
	quick := append([]kgo.Opt{kgo.RequestRetries(3), kgo.RetryTimeout(10 * time.Second)}, opts.ClientOpts...)
	dialers, err := dialers(cfg, selected, Options{Logger: opts.Logger, ClientOpts: quick})
	if err != nil {
		return report, err
	}
	planners, mesh := make([]*planner, len(selected)), routes(cfg)
	for i, f := range selected {
		p := &planner{opts: opts, bothEnds: bothEnds{
			cfg: f, back: hasReverse(cfg, f.ID), routes: mesh, source: dialers[f.ID.Source], target: dialers[f.ID.Target], log: opts.Logger,
		}}
		defer p.close()
		p.failed(p.look(ctx))
		planners[i] = p
	}
	foresee(planners)
	var errs []error
	for _, p := range planners {
		p.failed(p.check(ctx))
		report.Flows = append(report.Flows, p.out)
		errs = append(errs, p.err)
	}
	return report, errors.Join(errs...)
}

// planner plans one flow.
type planner struct {
	bothEnds // without clients until look
	opts     PlanOptions

	sides configsync.Sides
	out   FlowPlan
	err   error // the first; then nothing more is done
}

func (p *planner) close() {
	for _, cl := range []*kgo.Client{p.sourceAdmin, p.targetAdmin} {
		if cl != nil {
			cl.Close()
		}
	}
}

func (p *planner) failed(err error) {
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("flow %s: %w", p.cfg.ID, kafka.Explain(err))
		p.out.Error = p.err.Error()
	}
}

func (p *planner) within(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := p.opts.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no complete answer within %s", timeout))
}

// look reads what the flow's clusters have.
func (p *planner) look(ctx context.Context) error {
	ctx, cancel := p.within(ctx)
	defer cancel()
	p.out = FlowPlan{
		Flow: p.cfg.ID.String(), Source: p.cfg.ID.Source, Target: p.cfg.ID.Target, Mode: configsync.Mode(p.cfg.ConfigSync.Mode),
		Plan:     configsync.Plan{Changes: []configsync.Change{}, Problems: []configsync.Problem{}},
		Internal: []InternalTopic{}, Rights: configsync.Rights(features(p.cfg, p.back)),
	}
	if err := kafka.Distinct(ctx, p.source, p.target); err != nil {
		return err
	}
	var err error
	if p.sourceAdmin, err = p.source.Client(p.cfg.ID.String() + "|plan"); err != nil {
		return err
	}
	if p.targetAdmin, err = p.target.Client(p.cfg.ID.String() + "|plan"); err != nil {
		return err
	}
	p.out.Internal, err = findInternal(ctx, internalTopics(p.cfg), map[topology.Alias]*kgo.Client{
		p.cfg.ID.Source: p.sourceAdmin, p.cfg.ID.Target: p.targetAdmin,
	})
	if err != nil {
		p.out.Internal = []InternalTopic{} // what was not found out is not absent
		return err
	}
	if !p.cfg.Copy {
		return nil
	}
	p.out.Groups = p.groups(ctx, p.sourceAdmin)
	ledgers, err := p.ledgers()
	if err != nil {
		return err
	}
	p.sides, err = configsync.Look(ctx, configsync.SidesDeps{
		Source: p.sourceAdmin, Target: p.targetAdmin, Ledger: ledgers.target, Reverse: ledgers.reverse,
	}, syncRules(p.cfg, p.routes), nil)
	// A deletion takes two rounds of the service; here one look stands for both.
	p.sides.Source.GoneBefore = p.sides.Source.Gone
	return err
}

// check compares what was found, and asks the target which of the changes it
// would refuse.
func (p *planner) check(ctx context.Context) error {
	if p.err != nil || !p.cfg.Copy {
		return nil
	}
	ctx, cancel := p.within(ctx)
	defer cancel()
	for name, t := range p.sides.Source.Topics {
		if !t.Internal && p.cfg.Replicates(name) {
			p.out.Topics++
		}
	}
	applier, err := configsync.NewApplier(configsync.ApplierDeps{Target: p.targetAdmin, Logger: p.log})
	if err != nil {
		return err
	}
	p.out.Plan, err = applier.Check(ctx, p.sides.Plan())
	return err
}

func probeFollow(ctx context.Context, source *kgo.Client) (mode, reason string) {
	m, reason := checkpoint.ProbeFollow(ctx, source)
	return string(m), reason
}

func (p *planner) groups(ctx context.Context, source *kgo.Client) *GroupsPlan {
	follow := p.cfg.Groups.Follow
	switch {
	case len(p.cfg.Groups.Filter.Include()) == 0 || !p.cfg.Checkpoints.Emit && !p.cfg.Groups.Sync:
		return nil
	case follow != "auto":
		return &GroupsPlan{Follow: follow, Reason: "the file says so"}
	}
	probe := p.opts.FollowGroups
	if probe == nil {
		probe = probeFollow
	}
	mode, reason := probe(ctx, source)
	return &GroupsPlan{Follow: mode, Reason: reason}
}
