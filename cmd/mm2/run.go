package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"mm2/internal/app"
	"mm2/internal/config"
	"mm2/topology"
)

// runCommand is `mm2 run`: the service.
type runCommand struct {
	file     string
	clusters []string
	listen   string
	level    string
	format   string
}

func newRunCommand() *cobra.Command {
	c := &runCommand{}
	cmd := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Run the flows of a mesh",
		Long: `Run copies records along the flows that FILE declares, exactly once, until it is
asked to stop. FILE is TOML, or a connect-mirror-maker.properties of Java
MirrorMaker 2. Start as many workers with the same file as you like: they share
the work.

SIGTERM or Ctrl-C ends every open transaction and hands the work over; a second
signal ends at once, which costs the others a session timeout and no record.`,
		Example: `  mm2 run -c mesh.toml
  mm2 run -c mesh.toml --cluster tokyo     # only the flows into tokyo: run mm2 near its target
  mm2 run -c connect-mirror-maker.properties --log-format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.run(cmd.Context(), cmd.Flags().Changed("listen"), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&c.file, "config", "c", "", "the mesh: a .toml or .properties file")
	f.StringArrayVar(&c.clusters, "cluster", nil, "run only the flows into this cluster (repeatable)")
	f.StringVar(&c.listen, "listen", "", `HTTP address for metrics, health and status; "off" for none (overrides the file)`)
	f.StringVar(&c.level, "log-level", "", "debug, info, warn or error (overrides the file)")
	f.StringVar(&c.format, "log-format", "", "text or json (overrides the file)")
	_ = cmd.MarkFlagRequired("config") // the flag exists
	return cmd
}

func (c *runCommand) run(ctx context.Context, listenSet bool, stderr io.Writer) error {
	cfg, err := config.Load(c.file)
	if err != nil {
		return usage(err)
	}
	if listenSet {
		cfg.Service.Listen = c.listen
	}
	logger, err := newLogger(stderr, or(c.level, cfg.Service.LogLevel), or(c.format, cfg.Service.LogFormat))
	if err != nil {
		return usage(err)
	}
	for _, w := range cfg.Warnings {
		logger.Warn("the configuration is accepted, but worth a look", "problem", w.String())
	}
	targets := make([]topology.Alias, len(c.clusters))
	for i, t := range c.clusters {
		targets[i] = topology.Alias(t)
	}
	a, err := app.New(cfg, app.Options{Logger: logger, Targets: targets})
	if err != nil {
		return usage(err)
	}
	ctx, stop := untilSignal(ctx, logger)
	defer stop()
	return a.Run(ctx)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// newLogger logs text or JSON from the given level up.
func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(or(level, "info"))); err != nil {
		return nil, fmt.Errorf("log level %q is not debug, info, warn or error", level)
	}
	opts := &slog.HandlerOptions{Level: l}
	switch or(format, "text") {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, fmt.Errorf("log format %q is not text or json", format)
}

// untilSignal ends the context at the first SIGTERM or interrupt; the second
// ends the process at once, with the exit code that shells use for the signal.
func untilSignal(parent context.Context, logger *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s, ok := <-signals:
			if !ok {
				return
			}
			logger.Info("stopping: ending transactions and handing lanes over; another signal ends at once", "signal", s.String())
			cancel()
		case <-ctx.Done():
			return
		}
		if s, ok := <-signals; ok {
			logger.Warn("ended at once", "signal", s.String())
			code := 128
			if n, ok := s.(syscall.Signal); ok {
				code += int(n)
			}
			os.Exit(code)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
		close(signals)
		<-done
	}
}
