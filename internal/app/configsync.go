package app

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/configsync"
	"mm2/internal/config"
	"mm2/internal/kafka"
	"mm2/replicator"
	"mm2/topology"
)

// syncRules are what of a flow's source belongs on its target: the one set of
// rules that making topics, keeping them in step and planning go by.
func syncRules(cfg config.Flow) configsync.Rules {
	r := configsync.Rules{
		Flow: cfg.Flow, Exclude: cfg.ConfigExclude, DefaultsFrom: configsync.DefaultsFrom(cfg.ConfigSync.DefaultsFrom),
		Configs: cfg.ConfigSync.Configs, DeleteTopics: cfg.ConfigSync.DeleteTopics,
	}
	if cfg.ConfigSync.ACLs {
		r.ACLs = configsync.ACLMode(cfg.ConfigSync.ACLMode)
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

// ledgers are what a flow and its reverse remember having made.
type ledgers struct{ target, reverse *configsync.Ledger }

func newLedgers(cfg config.Flow, back bool, source, target *kafka.Dialer, sourceAdmin, targetAdmin *kgo.Client, log *slog.Logger) (ledgers, error) {
	open := func(d *kafka.Dialer, role string) func(...kgo.Opt) (*kgo.Client, error) {
		return func(opts ...kgo.Opt) (*kgo.Client, error) { return d.Client(cfg.ID.String()+"|"+role, opts...) }
	}
	var l ledgers
	var err error
	l.target, err = configsync.NewLedger(configsync.LedgerConfig{
		Topic: topology.OwnedTopic(cfg.ID.Source), ReplicationFactor: cfg.LanesReplicationFactor,
	}, configsync.LedgerDeps{Client: targetAdmin, Open: open(target, "owned-consumer"), Logger: log})
	if err != nil || !readsReverse(cfg, back) {
		return l, err
	}
	l.reverse, err = configsync.NewLedger(configsync.LedgerConfig{
		Topic: topology.OwnedTopic(cfg.ID.Target), ReplicationFactor: -1,
	}, configsync.LedgerDeps{Client: sourceAdmin, Open: open(source, "owned-consumer"), Logger: log})
	return l, err
}

// configSync is what makes and keeps a flow's target like its source.
type configSync struct {
	topics topics
	syncer *configsync.Syncer
}

func newConfigSync(cfg config.Flow, l ledgers, source, target *kgo.Client, metrics *configsync.Metrics, log *slog.Logger) (configSync, error) {
	var syncer atomic.Pointer[configsync.Syncer]
	made, err := configsync.New(configsync.Config{
		Flow: cfg.ID, ReplicationFactor: cfg.ReplicationFactor, Rules: syncRules(cfg),
	}, configsync.Deps{Source: source, Target: target, Logger: log, Ledger: l.target, News: func() {
		if s := syncer.Load(); s != nil {
			s.Kick()
		}
	}})
	if err != nil {
		return configSync{}, err
	}
	s, err := configsync.NewSyncer(configsync.SyncerConfig{
		Rules: syncRules(cfg), Mode: configsync.Mode(cfg.ConfigSync.Mode), Interval: cfg.ConfigSync.Interval,
	}, configsync.SyncerDeps{
		Source: source, Target: target, Topics: made, Ledger: l.target, Reverse: l.reverse, Metrics: metrics, Logger: log,
	})
	syncer.Store(s)
	return configSync{topics: topics{made}, syncer: s}, err
}

// control is the syncer as a task that runs once in a flow.
func (c configSync) control() replicator.Control {
	return replicator.Control{Name: "config-sync", Run: func(ctx context.Context) error { return c.syncer.Run(ctx) }}
}
