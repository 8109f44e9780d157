package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"mm2/internal/app"
	"mm2/internal/check"
)

// Config says what to show.
type Config struct {
	Duration time.Duration // how long orders are written; positive
	Rate     float64       // orders a second at each end; positive
	Seed     uint64        // of what the orders contain
	Keep     bool          // stay up after the check until the context ends
	Listen   string        // HTTP address of the service; "off": none

	Out      io.Writer
	Terminal bool // Out understands control sequences
}

// ErrDamaged is wrapped by the error of [Run] when the check found something.
var ErrDamaged = errors.New("not every order arrived exactly once, in order and unchanged")

const (
	// settleLimit is how long the last orders may take to arrive: a lane that
	// was lost at the last moment is taken over after a session of 10 s.
	settleLimit = 30 * time.Second
	// arrivedCheck is how often a show that has written everything looks
	// whether it has arrived.
	arrivedCheck = 50 * time.Millisecond
	// verifyLimit is for reading everything once more.
	verifyLimit = time.Minute
)

// Run shows the demo. It writes orders for the configured time or until ctx
// ends, waits for the last ones to arrive, has a consumer group carried over,
// checks all of it, and prints the result as its last line. It returns nil only
// if everything arrived exactly once, in order and unchanged, and the group
// would go on at the same records.
func Run(ctx context.Context, cfg Config) error { return run(ctx, cfg, network{}) }

func run(ctx context.Context, cfg Config, n network) error {
	if cfg.Duration <= 0 || cfg.Rate <= 0 {
		return fmt.Errorf("demo: duration %s and rate %g must be positive", cfg.Duration, cfg.Rate)
	}
	m, err := startMesh(n, cfg.Listen)
	if err != nil {
		return err
	}
	defer m.close()
	s := &show{cfg: cfg, mesh: m, screen: &screen{out: cfg.Out, terminal: cfg.Terminal}}
	logger := slog.New(slog.NewTextHandler(s.screen, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if s.service, err = app.New(m.config, app.Options{Logger: logger, ClientOpts: n.dial}); err != nil {
		return err
	}
	defer s.close()
	for _, flow := range m.config.Flows {
		d, err := newDirection(m, flow, cfg.Rate, cfg.Seed)
		if err != nil {
			return err
		}
		s.directions = append(s.directions, d)
	}
	return s.run(ctx)
}

// show is one run of the demo.
type show struct {
	cfg        Config
	mesh       *mesh
	screen     *screen
	service    *app.App
	directions []*direction

	began time.Time
	rates map[string]meter // by flow
}

func (s *show) close() {
	for _, d := range s.directions {
		d.close()
	}
}

var errServiceEnded = errors.New("the service ended before the demo did")

// run is traffic, check, and the service around both. The service gets to know
// of the end of ctx only after the check: the orders under way belong to it.
func (s *show) run(ctx context.Context) error {
	s.began, s.rates = time.Now(), make(map[string]meter)
	s.screen.print(fmt.Sprintf("Two clusters in this process, %s and %s. For %s each gets %g orders a second, and each copies the other's.",
		aliases[0], aliases[1], s.cfg.Duration, s.cfg.Rate), "")

	service, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	alive, died := context.WithCancelCause(context.WithoutCancel(ctx))
	var serving errgroup.Group
	serving.Go(func() error {
		defer died(errServiceEnded)
		return s.service.Run(service)
	})

	err := s.traffic(ctx, alive)
	if err == nil && s.missing() == 0 {
		err = s.carry(alive)
	}
	if !s.cfg.Keep {
		// Stopped before the check: what it would still write is part of it.
		stop()
		err = errors.Join(err, serving.Wait())
	}
	report, verr := s.verify(context.WithoutCancel(ctx))
	err = errors.Join(err, verr)
	if err == nil && s.cfg.Keep && ctx.Err() == nil {
		s.screen.print(summary(report), "")
		s.stay(ctx, alive)
	}
	stop()
	if s.cfg.Keep {
		err = errors.Join(err, serving.Wait())
	}
	if err == nil && !report.OK() {
		s.screen.print(strings.Split(report.Detail(), "\n")...)
		err = ErrDamaged
	}
	s.screen.print(summary(report))
	return errors.Join(err, s.screen.failed())
}

// traffic writes orders until their time is over or ctx ends, and watches until
// all have arrived. It gives up when that takes too long or the service, whose
// context is alive, has ended.
func (s *show) traffic(ctx, alive context.Context) error {
	writing, stopWriting := context.WithTimeout(ctx, s.cfg.Duration)
	defer stopWriting()
	defer context.AfterFunc(alive, stopWriting)()
	watching, stopWatching := context.WithCancel(alive)
	defer stopWatching()

	written := make(chan struct{})
	var writers, watchers errgroup.Group
	for _, d := range s.directions {
		writers.Go(func() error { return d.produce(writing) })
		watchers.Go(func() error { return d.watch(watching) })
	}
	watchers.Go(func() error {
		defer close(written)
		return writers.Wait()
	})

	s.watch(alive, written)
	stopWriting()
	<-written
	stopWatching()
	err := watchers.Wait()
	if alive.Err() != nil {
		return errors.Join(context.Cause(alive), err)
	}
	return err
}

// watch shows frames until everything written has arrived.
func (s *show) watch(alive context.Context, written <-chan struct{}) {
	tick := time.NewTicker(s.screen.interval())
	defer tick.Stop()
	// Nothing waits for it as long as orders are written.
	arrived := time.NewTicker(arrivedCheck)
	arrived.Stop()
	defer arrived.Stop()
	phase, limit := "writing", (<-chan time.Time)(nil)
	for {
		select {
		case <-tick.C:
			s.screen.show(s.frame(phase))
		case <-written:
			written, phase, limit = nil, "arriving", time.After(settleLimit)
			arrived.Reset(arrivedCheck)
		case <-arrived.C:
			if s.missing() == 0 {
				s.screen.show(s.frame("arrived"))
				return
			}
		case <-limit:
			s.screen.show(s.frame(fmt.Sprintf("waited %s for the rest", settleLimit)))
			return
		case <-alive.Done():
			return
		}
	}
}

func (s *show) missing() (n int) {
	for _, d := range s.directions {
		n += d.view.Missing()
	}
	return n
}

// verify checks both directions.
func (s *show) verify(ctx context.Context) (check.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, verifyLimit)
	defer cancel()
	var reports []check.Report
	var failed error
	for _, d := range s.directions {
		report, err := d.verify(ctx)
		reports, failed = append(reports, report), errors.Join(failed, err)
	}
	sum := check.Sum(reports...)
	if failed == nil && sum.Acked == 0 {
		failed = errors.New("no order was written")
	}
	return sum, failed
}

// stay tells where to look and waits for the end of ctx.
func (s *show) stay(ctx, alive context.Context) {
	for _, alias := range aliases {
		s.screen.print(fmt.Sprintf("%-7s bootstrap %s", alias, strings.Join(s.mesh.addresses(alias), ",")))
	}
	if listen := s.service.Listen(); listen != "" {
		s.screen.print("service http://" + listen + "/")
	}
	last := s.directions[len(s.directions)-1]
	s.screen.print("", fmt.Sprintf("Look, for example: kcat -b %s -C -t %s -o beginning -c 3", s.mesh.addresses(last.id.Target)[0], last.remote), "Ctrl-C ends it.", "")
	select {
	case <-ctx.Done():
	case <-alive.Done():
	}
}

// summary is the last line. What cannot happen without a defect is named only
// if it did.
func summary(r check.Report) string {
	var line strings.Builder
	fmt.Fprintf(&line, "produced %d  delivered %d  lost %d  duplicated %d  reordered %d  altered %d",
		r.Acked, r.Delivered, r.Lost.Count, r.Duplicated.Count, r.Reordered.Count, r.Altered.Count)
	for _, rare := range []struct {
		name  string
		count int
	}{{"unacknowledged", r.Maybe}, {"unexpected", r.Unexpected.Count}, {"aborted but visible", r.AbortedVisible.Count}} {
		if rare.count > 0 {
			fmt.Fprintf(&line, "  %s %d", rare.name, rare.count)
		}
	}
	return line.String()
}
