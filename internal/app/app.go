package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"mm2/configsync"
	"mm2/heartbeat"
	"mm2/internal/config"
	"mm2/internal/javametrics"
	"mm2/internal/kafka"
	"mm2/replicator"
	"mm2/topology"
)

// Options are what the configuration file does not say.
type Options struct {
	Logger *slog.Logger
	// Registry takes the metrics; nil makes a new one with the Go and process
	// collectors.
	Registry *prometheus.Registry
	// Targets limits the flows to those into these clusters; empty is all.
	Targets []topology.Alias
	// ClientOpts are appended to the options of every Kafka client.
	ClientOpts []kgo.Opt
}

// App is the service. Build it with New, run it once.
type App struct {
	cfg      *config.Config
	logger   *slog.Logger
	registry *prometheus.Registry
	worker   string
	started  time.Time
	flows    []*flow

	mu     sync.Mutex // guards listen
	listen string
}

// ErrNoFlows says that there is nothing to run.
var ErrNoFlows = errors.New("no flow to run")

// New builds the service: it loads certificates and checks everything that can
// be checked without a connection. It starts nothing.
func New(cfg *config.Config, opts Options) (*App, error) {
	a := &App{cfg: cfg, logger: opts.Logger, registry: opts.Registry, worker: workerName(cfg.Service.WorkerName), started: time.Now()}
	if a.registry == nil {
		a.registry = prometheus.NewRegistry()
		a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	selected, err := selectFlows(cfg, opts.Targets)
	if err != nil {
		return nil, err
	}
	dialers, err := dialers(cfg, selected, opts)
	if err != nil {
		return nil, err
	}
	java, err := javametrics.NewMetrics(a.registry, cfg.Service.JavaMetrics...)
	if err != nil {
		return nil, err
	}
	shared := shared{
		worker: a.worker, instance: cfg.Service.WorkerName, logger: a.logger,
		metrics: replicator.NewMetrics(a.registry), heartbeats: heartbeat.NewMetrics(a.registry), configs: configsync.NewMetrics(a.registry),
		java: java, positions: newPositionMetrics(a.registry), routes: routes(cfg),
		fetchBytes: fetchBudget(memoryLimit(cfg.Service.MemoryLimit), selected),
	}
	a.registry.MustRegister(newAppMetrics(a))
	for _, f := range selected {
		a.flows = append(a.flows, newFlow(f, hasReverse(cfg, f.ID), dialers[f.ID.Source], dialers[f.ID.Target], shared))
	}
	return a, nil
}

// routes are made from all flows of the file, also those that other workers run.
func routes(cfg *config.Config) *topology.Routes {
	flows := make([]topology.Flow, len(cfg.Flows))
	for i, f := range cfg.Flows {
		flows[i] = f.Flow
	}
	return topology.NewRoutes(flows)
}

// selectFlows keeps the flows into the wanted targets that have something to
// do: copy, or at least emit heartbeats.
func selectFlows(cfg *config.Config, targets []topology.Alias) ([]config.Flow, error) {
	for _, t := range targets {
		if _, ok := cfg.Clusters[t]; !ok {
			var known []string
			for a := range cfg.Clusters {
				known = append(known, string(a))
			}
			slices.Sort(known)
			return nil, fmt.Errorf("cluster %q is not in %s, which has %s", t, cfg.File, strings.Join(known, ", "))
		}
	}
	var out []config.Flow
	for _, f := range cfg.Flows {
		if (f.Copy || f.Heartbeats.Emit || f.Heartbeats.Seed) && (len(targets) == 0 || slices.Contains(targets, f.ID.Target)) {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s declares no flow into %v", ErrNoFlows, cfg.File, targets)
	}
	return out, nil
}

func dialers(cfg *config.Config, flows []config.Flow, opts Options) (map[topology.Alias]*kafka.Dialer, error) {
	out := map[topology.Alias]*kafka.Dialer{}
	var errs []error
	for _, f := range flows {
		for _, alias := range []topology.Alias{f.ID.Source, f.ID.Target} {
			if _, ok := out[alias]; ok {
				continue
			}
			d, err := kafka.NewDialer(alias, cfg.Clusters[alias], opts.Logger, opts.ClientOpts...)
			out[alias] = d
			errs = append(errs, err)
		}
	}
	return out, errors.Join(errs...)
}

// workerName is unique among all workers of a mesh: two workers with one name
// could not tell their claims apart.
func workerName(configured string) string {
	if configured != "" {
		return configured
	}
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:6])
}

// Run serves until ctx ends; then every lane ends its transaction and is handed
// over. It returns nil when asked to stop. Flows that fail are tried again for
// ever; only what concerns the process as a whole (an address in use) is an
// error.
func (a *App) Run(ctx context.Context) error {
	debug.SetMemoryLimit(memoryLimit(a.cfg.Service.MemoryLimit))
	server, err := a.newServer(ctx)
	if err != nil {
		return err
	}
	// The API outlives the flows, so that a long hand-over can be watched.
	sctx, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	var serving errgroup.Group
	if server != nil {
		serving.Go(func() error { return server.run(sctx) })
	}
	a.logger.Info("worker started", "worker", a.worker, "flows", len(a.flows), "listen", a.Listen())
	flows, fctx := errgroup.WithContext(ctx)
	for _, f := range a.flows {
		flows.Go(func() error { return f.run(fctx) })
	}
	err = flows.Wait()
	stopServer()
	err = errors.Join(err, serving.Wait())
	a.logger.Info("worker stopped", "worker", a.worker)
	return err
}

// Listen is the HTTP address in use; empty before Run and without HTTP.
func (a *App) Listen() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.listen
}
