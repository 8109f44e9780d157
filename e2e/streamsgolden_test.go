package e2e_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
	"mm2/internal/streamsgolden"
	"mm2/streams"
	"mm2/streams/state"
)

// goldenDelayed are the cases whose results wait for a look at what is due, which
// an application takes once a second at most and the test driver with each record.
var goldenDelayed = map[string]bool{
	"05-stream-stream-join/left": true, "05-stream-stream-join/outer": true,
	"05-stream-stream-join/named-and-rekeyed": true, "08-time-windows/emit-on-window-close": true,
}

// goldenGlobals are the stores of topics that are read as global tables.
var goldenGlobals = map[string]string{"users": "users-store", "g1": "g1s", "g2": "g2s"}

// TestStreamsGoldenOnBroker runs the topologies of the golden vectors, which
// streams.TestGolden runs in the test driver, as applications on a broker, and
// compares all records of all topics with those of Kafka Streams. The vectors
// name topics and application, so that one runs after the other.
func TestStreamsGoldenOnBroker(t *testing.T) {
	need(t)
	// The records are of January 1970: nothing may be deleted for its age.
	broker := e2e.StartFor(t, e2e.Options{Config: map[string]string{"log.retention.ms": "-1"}})
	names, err := streamsgolden.Names()
	if err != nil {
		t.Fatal(err)
	}
	programs, _ := streamsgolden.Programs()
	ran := 0
	for _, file := range names {
		f, err := streamsgolden.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Cases {
			name := file + "/" + c.ID
			p, written := programs[name]
			clock := slices.ContainsFunc(c.Steps, func(s streamsgolden.Step) bool { return s.Advance != nil })
			if !written || len(c.Steps) == 0 || clock { // without records, or by a wall clock that stands still
				continue
			}
			ran++
			t.Run(name, func(t *testing.T) {
				// Clients remember topics by what others of the same names were.
				g := &goldenBroker{c: broker, admin: kadm.NewClient(broker.Client(t, kgo.MetadataMinAge(10*time.Millisecond))), producer: broker.Client(t, kgo.ProducerLinger(0))}
				g.run(t, f.ApplicationID, name, c, p)
			})
		}
	}
	if ran < 40 {
		t.Errorf("%d cases ran, want at least 40", ran)
	}
}

type goldenBroker struct {
	c        *e2e.Cluster
	admin    *kadm.Client
	producer *kgo.Client
}

func (g *goldenBroker) run(t *testing.T, application, name string, c streamsgolden.Case, p streamsgolden.Program) {
	if p.Adjust != nil {
		p.Adjust(&c)
	}
	t.Cleanup(func() { g.clear(t, application) })
	sources, all := goldenTopics(c)
	created, err := g.admin.CreateTopics(t.Context(), 1, 1, nil, all...)
	if err == nil {
		err = created.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range all {
		visibleNow(t, g.admin, topic)
	}
	app, run := g.start(t, application, p)
	read := 0
	for _, s := range sources {
		if goldenGlobals[s] == "" {
			read++
		}
	}
	for i, step := range c.Steps {
		if err := g.producer.ProduceSync(t.Context(), c.Input(t, step.In)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if step.Error != "" {
			select {
			case <-run.done:
			case <-time.After(time.Minute):
				t.Fatal("the application did not end at the error")
			}
			if run.err == nil {
				t.Error("the application ended without an error")
			}
			return // what was sent before was not committed, and may not have been written
		}
		// Inputs that only one topic has keep their order by themselves.
		if read == len(sources) && read == 1 && i < len(c.Steps)-1 && !goldenDelayed[name] {
			continue
		}
		g.processed(t, run, app, step.In, application, sources)
		if goldenDelayed[name] {
			g.due(t, c, i, without(all, sources))
		}
	}
	g.compare(t, application, name, c, p, sources, all)
	run.stop()
	<-run.done
	if run.err != nil {
		t.Errorf("Run: %v", run.err)
	}
}

var (
	goldenSource = regexp.MustCompile(`Source: .*topics: \[([^\]]*)\]`)
	goldenSink   = regexp.MustCompile(`Sink: \S+ \(topic: ([^)]+)\)`)
)

// goldenTopics are the topics that are read, and all that must be there.
func goldenTopics(c streamsgolden.Case) (sources, all []string) {
	topics := make(map[string]bool)
	for _, line := range c.Describe {
		if m := goldenSource.FindStringSubmatch(line); m != nil {
			for topic := range strings.SplitSeq(m[1], ", ") {
				if !strings.HasSuffix(topic, "-repartition") {
					topics[topic] = true
				}
			}
		}
	}
	sources = slices.Sorted(maps.Keys(topics))
	for _, line := range c.Describe {
		if m := goldenSink.FindStringSubmatch(line); m != nil && !strings.HasSuffix(m[1], "-repartition") {
			topics[m[1]] = true
		}
	}
	for _, step := range c.Steps {
		for _, r := range step.Out {
			topics[r.Topic] = true
		}
	}
	return sources, slices.Sorted(maps.Keys(topics))
}

// visibleNow waits until clients are told of a topic.
func visibleNow(t *testing.T, admin *kadm.Client, topic string) {
	t.Helper()
	e2e.Until(t, readyIn, "topic "+topic+" is visible", func(ctx context.Context) error {
		topics, err := admin.ListTopics(ctx, topic)
		if err == nil {
			err = topics.Error()
		}
		return err
	})
}

func (g *goldenBroker) start(t *testing.T, application string, p streamsgolden.Program) (*streams.App, *instance) {
	t.Helper()
	topology, err := p.Topology()
	if err != nil {
		t.Fatal(err)
	}
	config := streamsConfig(application, t.TempDir(), g.c.Bootstrap())
	config.CommitInterval, config.PollTimeout = 10*time.Millisecond, 10*time.Millisecond
	config.RepartitionPurgeInterval = time.Hour
	config.WindowChangelogExtraRetention = 100 * 365 * 24 * time.Hour
	config.Logger = slog.New(slog.DiscardHandler)
	if p.Config != nil {
		p.Config(&config)
	}
	app, err := streams.New(topology, config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	run := &instance{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(run.done)
		run.err = app.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-run.done
	})
	return app, run
}

// processed waits until a record and all that it led to has been processed.
func (g *goldenBroker) processed(t *testing.T, run *instance, app *streams.App, in *streamsgolden.Record, application string, sources []string) {
	t.Helper()
	e2e.Until(t, time.Minute, fmt.Sprintf("%v is processed", in), func(ctx context.Context) error {
		if err := run.alive(); err != nil {
			return err
		}
		if store := goldenGlobals[in.Topic]; store != "" {
			return globalHas(app, store, in)
		}
		return g.committedAll(ctx, application, sources)
	})
}

// committedAll is nil if the application has processed all topics that it reads.
// Ends are asked for after positions: what a record leads to is in its topic
// before its position is committed.
func (g *goldenBroker) committedAll(ctx context.Context, application string, sources []string) error {
	committed, err := g.admin.FetchOffsets(ctx, application)
	if err != nil {
		return err
	}
	topics, err := g.admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	for name := range topics {
		if strings.HasSuffix(name, "-repartition") {
			sources = append(slices.Clip(sources), name)
		}
	}
	ends, err := g.admin.ListEndOffsets(ctx, sources...)
	if err != nil {
		return err
	}
	var left error
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := committed.Lookup(end.Topic, end.Partition)
		if goldenGlobals[end.Topic] == "" && at.At < end.Offset {
			left = fmt.Errorf("%s is processed up to %d of %d", end.Topic, at.At, end.Offset)
		}
	})
	return left
}

// globalHas is nil if a global store has the row that a record makes.
func globalHas(app *streams.App, store string, in *streamsgolden.Record) error {
	if in.Key == nil {
		return nil // changes nothing
	}
	key := in.Key.(string)
	var row state.Timestamped[string]
	var ok bool
	plain, err := streams.QueryKeyValue[string, state.Timestamped[string]](app, store)
	if err == nil {
		row, ok, err = plain.Get(key)
	} else if byPointer, other := streams.QueryKeyValue[*string, state.Timestamped[string]](app, store); other == nil {
		row, ok, err = byPointer.Get(&key)
	}
	if err != nil {
		return err
	}
	if ok != (in.Value != nil) || ok && row.Value != in.Value {
		return fmt.Errorf("store %s has %q, %v", store, row.Value, ok)
	}
	return nil
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(topic string) bool { return slices.Contains(some, topic) })
}

// nudge is in the keys of records that make the application look for what is due.
const nudge = "nudge"

// due sends records of a key of their own until the results of all steps up to i
// are there.
func (g *goldenBroker) due(t *testing.T, c streamsgolden.Case, i int, outputs []string) {
	t.Helper()
	want, got := 0, 0
	last := *c.Steps[i].In
	last.Key, last.Value = nudge, nudge
	for _, step := range c.Steps[:i+1] {
		want += len(step.Out)
		last.At = max(last.At, step.In.At) // a late record would be dropped first
	}
	reader := check.NewReader(g.c.Client(t, check.ReaderOpts(outputs...)...), func(r *kgo.Record) {
		if !strings.Contains(string(r.Key), nudge) {
			got++
		}
	}, outputs...)
	e2e.Until(t, 20*time.Second, fmt.Sprintf("all results of step %d", i), func(ctx context.Context) error {
		if err := reader.ToEnd(ctx); err != nil || got >= want {
			return err
		}
		return cmp.Or(g.producer.ProduceSync(ctx, c.Input(t, &last)).FirstErr(), fmt.Errorf("%d of %d", got, want))
	})
}

// compare reads all topics that the application wrote. Where results are delayed
// those of one step come in any order, and numbers in internal keys count the
// records that made them due.
func (g *goldenBroker) compare(t *testing.T, application, name string, c streamsgolden.Case, p streamsgolden.Program, sources, all []string) {
	t.Helper()
	delayed := goldenDelayed[name]
	var wantOut, wantInternal []string
	for _, step := range c.Steps {
		for _, r := range step.Out {
			wantOut = append(wantOut, r.String())
		}
		for _, r := range step.Internal {
			wantInternal = append(wantInternal, r.String())
		}
	}
	topics, err := g.admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	outputs := without(all, sources)
	for topic := range topics {
		if strings.HasPrefix(topic, application+"-") {
			outputs = append(outputs, topic)
		}
	}
	var out, internal []string
	reader := check.NewReader(g.c.Client(t, check.ReaderOpts(outputs...)...), func(r *kgo.Record) {
		switch {
		case strings.Contains(string(r.Key), nudge):
		case strings.HasPrefix(r.Topic, application+"-"):
			if goldenTimeless(c, r.Topic) {
				r.Timestamp = time.UnixMilli(-1)
			}
			internal = append(internal, streamsgolden.InternalLine(r))
		default:
			out = append(out, c.Line(t, r))
		}
	}, outputs...)
	if err := reader.ToEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	if delayed {
		slices.Sort(wantOut)
		slices.Sort(out)
	}
	if diff := gocmp.Diff(streamsgolden.ByPlace(wantOut), streamsgolden.ByPlace(out)); diff != "" {
		t.Errorf("out (-want +got):\n%s", diff)
	}
	if p.NoInternal == "" && !delayed {
		if diff := gocmp.Diff(streamsgolden.ByPlace(wantInternal), streamsgolden.ByPlace(internal)); diff != "" {
			t.Errorf("internal (-want +got):\n%s", diff)
		}
	}
}

// goldenTimeless is whether records of an internal topic are given no time: the
// producer chooses one.
func goldenTimeless(c streamsgolden.Case, topic string) bool {
	for _, step := range c.Steps {
		for _, r := range step.Internal {
			if r.Topic == topic {
				return r.At == nil
			}
		}
	}
	return false
}

// clear deletes all topics and the group.
func (g *goldenBroker) clear(t *testing.T, application string) {
	ctx := context.WithoutCancel(t.Context())
	topics, err := g.admin.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	deleted, err := g.admin.DeleteTopics(ctx, topics.Names()...)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.admin.DeleteGroup(ctx, application); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		t.Fatal(err)
	}
}
