package e2e_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
	"mm2/streams"
	"mm2/streams/state"
)

// envAcross makes the test binary an application over two clusters. Its value is
// an acrossJob in JSON.
const envAcross = "MM2_E2E_ACROSS"

// acrossJob says what the application does: it counts the words of a topic on
// one cluster, with state and output on the other, exactly once.
type acrossJob struct {
	App, StateDir, Input, Output string
	From, Home                   []string // brokers
}

// start makes the application.
func (j *acrossJob) start() (*streams.App, error) {
	b := streams.NewBuilder()
	in := streams.Stream[string, string](b, j.Input, streams.OnCluster("from"))
	streams.GroupBy(in, func(_, word string) string { return word }, streams.Named("by-word")).
		Count(streams.Store("counts")).ToStream().To(j.Output)
	topology, err := b.Build()
	if err != nil {
		return nil, err
	}
	c := streamsConfig(j.App, j.StateDir, nil)
	c.Guarantee, c.Home, c.NumStreamThreads = streams.ExactlyOnce, "home", 2
	c.Clusters = map[string]streams.Cluster{"from": {BootstrapServers: j.From}, "home": {BootstrapServers: j.Home}}
	c.Producer = []kgo.Opt{kgo.TransactionTimeout(6 * time.Second)}
	return streams.New(topology, c)
}

// across is the main function of such a process.
func across() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var job acrossJob
	if err := json.Unmarshal([]byte(os.Getenv(envAcross)), &job); err != nil {
		fmt.Fprintln(os.Stderr, envAcross+":", err)
		return 1
	}
	app, err := job.start()
	if err == nil {
		err = app.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestStreamsAcrossClusters kills the two instances of an application whose input
// is on one cluster and whose output and state are on another, under load, and
// compares with what a sequential program would count.
func TestStreamsAcrossClusters(t *testing.T) {
	const kills, partitions = 8, 4
	from, home := cluster(t, "source"), cluster(t, "target")
	job := acrossJob{App: "across", Input: "across.words", Output: "across.counts", From: from.Bootstrap(), Home: home.Bootstrap()}
	visibleTopic(t, from, job.Input, partitions)
	visibleTopic(t, home, job.Output, partitions)
	load := startAcrossLoad(t, from, job.Input)

	dirs := []string{t.TempDir(), t.TempDir()}
	run := func(n int) *e2e.Worker {
		mine := job
		mine.StateDir = dirs[n]
		return runAcross(t, fmt.Sprint("instance-", n), mine)
	}
	seen := &acrossCounts{last: make(map[string]int64)}
	seen.reader = check.NewReader(home.Client(t, check.ReaderOpts(job.Output)...), seen.saw, job.Output)
	instances := []*e2e.Worker{run(0), run(1)}
	for n := range kills {
		seen.more(t, 2000)
		instances[n%2].Kill9(t)
		instances[n%2] = run(n % 2)
	}
	seen.more(t, 2000)
	want, total := load()
	e2e.Until(t, 3*time.Minute, "all is counted", func(ctx context.Context) error { return seen.step(ctx, total) })
	for _, w := range instances {
		w.Stop(t, time.Minute)
	}
	if err := seen.step(t.Context(), total); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, seen.last); diff != "" || seen.n != total {
		t.Errorf("%d counts of %d records; last counts (-want +got):\n%s", seen.n, total, diff)
	}
	job.StateDir = dirs[0]
	acrossRows(t, job, want)
	t.Logf("%d kills, %d records of %d words", kills, total, len(want))
}

// runAcross runs the application in a process of its own.
func runAcross(t *testing.T, name string, job acrossJob) *e2e.Worker {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return e2e.Run(t, e2e.Job{Binary: binary, Name: name, Env: []string{envAcross + "=" + string(text)}})
}

// startAcrossLoad produces some words every 10 ms until the result is called,
// which gives what a sequential program would count.
func startAcrossLoad(t *testing.T, c *e2e.Cluster, topic string) func() (map[string]int64, int) {
	t.Helper()
	client := c.Client(t, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DefaultProduceTopic(topic))
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	counts, total, done := make(map[string]int64), 0, make(chan error, 1)
	go func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			var batch []*kgo.Record
			for range 8 {
				word := fmt.Sprintf("word-%d", total*7919%101)
				counts[word]++
				total++
				batch = append(batch, &kgo.Record{Key: fmt.Appendf(nil, "%d", total), Value: []byte(word)})
			}
			// Not cut off by the end of the load: a record without an outcome
			// would leave the oracle in doubt.
			if err := client.ProduceSync(context.WithoutCancel(ctx), batch...).FirstErr(); err != nil {
				done <- err
				return
			}
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
		done <- nil
	}()
	return func() (map[string]int64, int) {
		cancel()
		if err := <-done; err != nil {
			t.Fatalf("produce to %s: %v", topic, err)
		}
		return counts, total
	}
}

// acrossCounts reads committed counts and checks that each word counts from 1 by
// ones: then nothing is lost, repeated or seen that was aborted.
type acrossCounts struct {
	reader *check.Reader
	last   map[string]int64
	n      int
	wrong  error
}

func (s *acrossCounts) saw(r *kgo.Record) {
	s.n++
	count := int64(binary.BigEndian.Uint64(r.Value))
	if word := string(r.Key); s.wrong == nil && count != s.last[word]+1 {
		s.wrong = e2e.Hopeless("%s-%d, offset %d: %q is counted %d after %d", r.Topic, r.Partition, r.Offset, word, count, s.last[word])
	}
	s.last[string(r.Key)] = count
}

func (s *acrossCounts) step(ctx context.Context, want int) error {
	if err := s.reader.ToEnd(ctx); err != nil {
		return err
	}
	if s.wrong != nil {
		return s.wrong
	}
	if s.n < want {
		return fmt.Errorf("%d of %d counts came", s.n, want)
	}
	return nil
}

// more waits for so many counts more.
func (s *acrossCounts) more(t *testing.T, n int) {
	t.Helper()
	want := s.n + n
	e2e.Until(t, 3*time.Minute, fmt.Sprintf("%d counts more", n), func(ctx context.Context) error { return s.step(ctx, want) })
}

// acrossRows runs the application once more, with a directory that one of the
// instances had, and compares its rows.
func acrossRows(t *testing.T, job acrossJob, want map[string]int64) {
	t.Helper()
	app, err := job.start()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	e2e.Until(t, 2*time.Minute, "the rows are those of all records", func(context.Context) error {
		view, err := streams.QueryKeyValue[string, state.Timestamped[int64]](app, "counts")
		if err != nil {
			return err
		}
		got := make(map[string]int64)
		for word, row := range view.All() {
			got[word] += row.Value
		}
		if err := view.Err(); err != nil {
			return err
		}
		if !maps.Equal(want, got) {
			return errors.New(cmp.Diff(want, got))
		}
		return nil
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
