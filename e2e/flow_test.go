package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
)

const (
	readyIn   = 30 * time.Second // a worker with its clusters up
	arrivesIn = 2 * time.Minute  // all records, after the last fault
	stopsIn   = 20 * time.Second // a worker after SIGTERM
)

// alias is a cluster and what a mesh calls it.
type alias struct {
	name string
	*e2e.Cluster
}

// mesh is a configuration file of these clusters and this topology.
func mesh(topology string, clusters ...alias) string {
	var b strings.Builder
	for _, c := range clusters {
		fmt.Fprintf(&b, "[clusters.%s]\nbootstrap = [\"%s\"]\n\n", c.name, strings.Join(c.Bootstrap(), `", "`))
	}
	b.WriteString("[[topology]]\n" + strings.TrimSpace(topology) + "\n")
	return b.String()
}

// worker starts mm2 with a mesh and returns when it is ready.
func worker(t *testing.T, name, config string, env ...string) *e2e.Worker {
	t.Helper()
	w := e2e.Run(t, e2e.Job{Binary: fleet.binary(t), Name: name, Config: config, Env: env})
	w.Ready(t, readyIn)
	return w
}

// load produces until stop is called, which returns when every record has an
// outcome. Producing must not fail.
func load(t *testing.T, c *e2e.Cluster, log *check.Log, workload check.Workload, opts ...kgo.Opt) (stop func()) {
	t.Helper()
	opts = append([]kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// Batches are small here. With the race detector, pools forget at random,
		// and each small lz4 batch would cost megabytes of new buffers.
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.ProducerLinger(2 * time.Millisecond),
	}, opts...)
	producer := check.NewProducer(c.Client(t, opts...), log, workload)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- producer.Run(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("produce to %s: %v", workload.Topic, err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// write produces a workload with a limit to its end.
func write(t *testing.T, c *e2e.Cluster, log *check.Log, workload check.Workload, opts ...kgo.Opt) {
	t.Helper()
	if err := check.NewProducer(c.Client(t, opts...), log, workload).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// waitAcked waits until a number of records were acknowledged.
func waitAcked(t *testing.T, log *check.Log, n int) {
	t.Helper()
	e2e.Until(t, time.Minute, fmt.Sprintf("%d records are acknowledged", n), func(context.Context) error {
		if got := log.Counts().Acked; got < n {
			return fmt.Errorf("%d are", got)
		}
		return nil
	})
}

// arrival watches records of a log arrive on a cluster.
type arrival struct {
	view   *check.View
	reader *check.Reader
	name   string
	read   int // records of ours read so far
}

// watch reads topics of a cluster, which need not exist yet. prefix is what
// mm2 puts before the names of the source's topics.
func watch(t *testing.T, c *e2e.Cluster, log *check.Log, prefix string, sources ...string) *arrival {
	t.Helper()
	topics := make([]string, len(sources))
	for i, source := range sources {
		topics[i] = prefix + source
	}
	a := &arrival{
		view: log.View(func(topic string) string { return prefix + topic }),
		name: strings.Join(topics, ", "),
	}
	client := c.Client(t, check.ReaderOpts(topics...)...)
	a.reader = check.NewReader(client, func(r *kgo.Record) { a.read++; a.view.Saw(r) }, topics...)
	return a
}

// all waits until every acknowledged record arrived.
func (a *arrival) all(t *testing.T, alive ...*e2e.Worker) {
	t.Helper()
	e2e.Until(t, arrivesIn, "all records in "+a.name, func(ctx context.Context) error {
		if err := a.step(ctx, alive); err != nil {
			return err
		}
		if missing := a.view.Missing(); missing > 0 {
			return fmt.Errorf("%d are missing", missing)
		}
		return nil
	})
}

// more waits until n more records arrived than when it was called.
func (a *arrival) more(t *testing.T, n int, alive ...*e2e.Worker) {
	t.Helper()
	want := a.read + n
	e2e.Until(t, arrivesIn, fmt.Sprintf("%d more records in %s", n, a.name), func(ctx context.Context) error {
		if err := a.step(ctx, alive); err != nil {
			return err
		}
		if a.read < want {
			return fmt.Errorf("%d of them came", a.read-want+n)
		}
		return nil
	})
}

// catchesUp waits until everything has arrived that was acknowledged when it was
// called: no partition stands still then, however slow the machine is.
func (a *arrival) catchesUp(t *testing.T, alive ...*e2e.Worker) {
	t.Helper()
	waiting := a.view.Outstanding()
	e2e.Until(t, arrivesIn, "copying to "+a.name+" catches up", func(ctx context.Context) error {
		if err := a.step(ctx, alive); err != nil {
			return err
		}
		if missing := a.view.Lacks(waiting); missing > 0 {
			return fmt.Errorf("%d of %d records are missing", missing, len(waiting))
		}
		return nil
	})
}

func (a *arrival) step(ctx context.Context, alive []*e2e.Worker) error {
	for _, w := range alive {
		if err := w.Alive(); err != nil {
			return err
		}
	}
	return a.reader.ToEnd(ctx)
}

// verdict reads what came since and fails the test unless everything is right.
// Call it after the workers ended: nothing can follow then.
func (a *arrival) verdict(t *testing.T) check.Report {
	t.Helper()
	if err := a.reader.ToEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	report := a.view.Report()
	t.Logf("%s: %s", a.name, report)
	if err := report.Err(); err != nil {
		t.Errorf("%s: %v", a.name, err)
	}
	if report.Delivered == 0 {
		t.Errorf("%s: nothing arrived, so nothing was tested", a.name)
	}
	return report
}

// finish waits for all records, ends the workers and gives the verdict.
func finish(t *testing.T, workers []*e2e.Worker, arrivals ...*arrival) {
	t.Helper()
	for _, a := range arrivals {
		a.all(t, workers...)
	}
	for _, w := range workers {
		w.Stop(t, stopsIn)
	}
	for _, a := range arrivals {
		a.verdict(t)
	}
}
