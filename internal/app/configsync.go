package app

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/configsync"
	"mm2/internal/config"
	"mm2/internal/kafka"
	"mm2/internal/stage"
	"mm2/replicator"
	"mm2/topology"
)

// syncRules are what of a flow's source belongs on its target: the one set of
// rules that making topics, keeping them in step and planning go by.
func syncRules(cfg config.Flow, routes *topology.Routes) configsync.Rules {
	r := configsync.Rules{
		Flow: cfg.Flow, Exclude: cfg.ConfigExclude, DefaultsFrom: configsync.DefaultsFrom(cfg.ConfigSync.DefaultsFrom),
		Configs: cfg.ConfigSync.Configs, DeleteTopics: cfg.ConfigSync.DeleteTopics,
	}
	if sends(cfg.Streams) {
		r.Routes = stage.Compile(cfg.Flow, cfg.Streams).Routes
	}
	if cfg.ConfigSync.ACLs {
		r.ACLs = configsync.ACLMode(cfg.ConfigSync.ACLMode)
	}
	if routes != nil && cfg.Policy.Name() == "identity" {
		r.Shared = func(topic string) (shared, leads bool) {
			c := routes.Topic(cfg.ID, topic)
			return c != nil && c.Shared(), c != nil && c.Leads()
		}
	}
	return r
}

// readsReverse tells whether ACLs of the source may be what a flow the other
// way brought there: where rights keep the name of what they are about.
func readsReverse(cfg config.Flow, back bool) bool {
	return back && cfg.ConfigSync.ACLs && (cfg.ConfigSync.ACLMode == config.ACLExact || cfg.Policy.Name() == "identity")
}

// hasReverse tells whether something is copied the other way.
func hasReverse(cfg *config.Config, id topology.FlowID) bool {
	for _, f := range cfg.Flows {
		if f.ID == id.Reverse() && f.Copy {
			return true
		}
	}
	return false
}

// bothEnds are a flow with what it takes to look at its clusters and change
// the target.
type bothEnds struct {
	cfg                      config.Flow
	back                     bool // a flow the other way copies, too
	routes                   *topology.Routes
	source, target           *kafka.Dialer
	sourceAdmin, targetAdmin *kgo.Client
	log                      *slog.Logger
}

// ledgers are what a flow and its reverse remember having made.
type ledgers struct{ target, reverse *configsync.Ledger }

func (e bothEnds) ledgers() (l ledgers, err error) {
	open := func(d *kafka.Dialer) func(...kgo.Opt) (*kgo.Client, error) {
		return func(opts ...kgo.Opt) (*kgo.Client, error) {
			return d.Client(e.cfg.ID.String()+"|owned-consumer", opts...)
		}
	}
	l.target, err = configsync.NewLedger(configsync.LedgerConfig{
		Topic: topology.OwnedTopic(e.cfg.ID.Source), ReplicationFactor: e.cfg.LanesReplicationFactor,
	}, configsync.LedgerDeps{Client: e.targetAdmin, Open: open(e.target), Logger: e.log})
	if err != nil || !readsReverse(e.cfg, e.back) {
		return l, err
	}
	l.reverse, err = configsync.NewLedger(configsync.LedgerConfig{
		Topic: topology.OwnedTopic(e.cfg.ID.Target), ReplicationFactor: -1, // only read
	}, configsync.LedgerDeps{Client: e.sourceAdmin, Open: open(e.source), Logger: e.log})
	return l, err
}

// configSync is what makes and keeps a flow's target like its source.
type configSync struct {
	topics topics
	syncer *configsync.Syncer
}

func newConfigSync(e bothEnds, metrics *configsync.Metrics) (configSync, error) {
	l, err := e.ledgers()
	if err != nil {
		return configSync{}, err
	}
	var syncer atomic.Pointer[configsync.Syncer]
	made, err := configsync.New(configsync.Config{
		Flow: e.cfg.ID, ReplicationFactor: e.cfg.ReplicationFactor, Rules: syncRules(e.cfg, e.routes),
	}, configsync.Deps{Source: e.sourceAdmin, Target: e.targetAdmin, Logger: e.log, Ledger: l.target, News: func() {
		if s := syncer.Load(); s != nil {
			s.Kick()
		}
	}})
	if err != nil {
		return configSync{}, err
	}
	s, err := configsync.NewSyncer(configsync.SyncerConfig{
		Rules: syncRules(e.cfg, e.routes), Mode: configsync.Mode(e.cfg.ConfigSync.Mode), Interval: e.cfg.ConfigSync.Interval,
	}, configsync.SyncerDeps{
		Source: e.sourceAdmin, Target: e.targetAdmin, Topics: made, Ledger: l.target, Reverse: l.reverse, Metrics: metrics, Logger: e.log,
	})
	syncer.Store(s)
	return configSync{topics: topics{made}, syncer: s}, err
}

// control is the syncer as a task that runs once in a flow.
func (c configSync) control() replicator.Control {
	return replicator.Control{Name: "config-sync", Run: func(ctx context.Context) error { return c.syncer.Run(ctx) }}
}
