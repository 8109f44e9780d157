package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
	"mm2/streams"
)

// streamsConfig is for tests: members that died are missed soon.
func streamsConfig(app, stateDir string, bootstrap []string) streams.Config {
	return streams.Config{
		ApplicationID: app, BootstrapServers: bootstrap, StateDir: stateDir,
		Consumer: []kgo.Opt{kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(500 * time.Millisecond)},
		Logger:   slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
}

// instance is an application that runs in the process of the test.
type instance struct {
	stop context.CancelFunc
	done chan struct{}
	err  error // of Run; read after done
}

// startStreams runs an application until the end of the test.
func startStreams(t *testing.T, c *e2e.Cluster, app string, b *streams.Builder) *instance {
	t.Helper()
	topology, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	a, err := streams.New(topology, streamsConfig(app, t.TempDir(), c.Bootstrap()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	i := &instance{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(i.done)
		i.err = a.Run(ctx)
	}()
	t.Cleanup(func() { i.end(t) })
	return i
}

// end asks the application to end, which must succeed.
func (i *instance) end(t *testing.T) {
	t.Helper()
	i.stop()
	<-i.done
	if i.err != nil {
		t.Errorf("Run: %v", i.err)
	}
}

// alive is nil while the application runs.
func (i *instance) alive() error {
	select {
	case <-i.done:
		return e2e.Hopeless("Run ended: %w", i.err)
	default:
		return nil
	}
}

// visibleTopic creates a topic and returns when clients are told of it: an
// application that reads a topic which is not there ends at once, as in Kafka.
func visibleTopic(t *testing.T, c *e2e.Cluster, topic string, partitions int) {
	t.Helper()
	c.CreateTopic(t, topic, partitions)
	admin := c.Admin(t)
	e2e.Until(t, readyIn, "topic "+topic+" is visible", func(ctx context.Context) error {
		topics, err := admin.ListTopics(ctx, topic)
		if err == nil {
			err = topics.Error()
		}
		if err == nil && len(topics[topic].Partitions) != partitions {
			err = fmt.Errorf("it has %d partitions", len(topics[topic].Partitions))
		}
		return err
	})
}

// TestStreamsRefusesTopicsThatAreNotCopartitioned joins orders in 3 partitions
// with addresses in 4. Kafka Streams runs this and finds no partner for most
// records; here it does not start, and both ways out of the message work.
func TestStreamsRefusesTopicsThatAreNotCopartitioned(t *testing.T) {
	const orders, addresses, people = "copart.orders", "copart.addresses", 20
	c := cluster(t, "streams")
	visibleTopic(t, c, orders, 3)
	visibleTopic(t, c, addresses, 4)
	producer := c.Client(t)
	now := time.Now()
	for topic, at := range map[string]time.Time{addresses: now.Add(-time.Hour), orders: now} { // rows come before who looks for them
		var records []*kgo.Record
		for i := range people {
			records = append(records, &kgo.Record{Topic: topic, Timestamp: at, Key: fmt.Appendf(nil, "p%d", i), Value: fmt.Appendf(nil, "%s of p%d", topic, i)})
		}
		if err := producer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	want := make(map[string]string)
	for i := range people {
		want[fmt.Sprintf("p%d", i)] = fmt.Sprintf("%s of p%d, %s of p%d", orders, i, addresses, i)
	}
	both := func(order, address string) string { return order + ", " + address }

	t.Run("refused", func(t *testing.T) {
		b := streams.NewBuilder()
		var mu sync.Mutex
		seen := 0
		in := streams.Stream[string, string](b, orders).Peek(func(streams.Record[string, string]) {
			mu.Lock()
			defer mu.Unlock()
			seen++
		})
		streams.JoinTable(in, streams.Table[string, string](b, addresses), both).ForEach(func(streams.Record[string, string]) {})
		topology, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		app, err := streams.New(topology, streamsConfig("copart-refused", t.TempDir(), c.Bootstrap()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = app.Run(ctx)
		if !errors.Is(err, streams.ErrNotCopartitioned) {
			t.Fatalf("Run: %v; want ErrNotCopartitioned", err)
		}
		for _, part := range []string{addresses + "=4, " + orders + "=3", "Repartition", "GlobalTable"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error does not say %q: %v", part, err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if seen > 0 {
			t.Errorf("%d records were processed before", seen)
		}
	})

	t.Run("repartitioned", func(t *testing.T) {
		b := streams.NewBuilder()
		table := streams.Table[string, string](b, addresses)
		in := streams.Stream[string, string](b, orders).Repartition(streams.Named("orders"))
		streams.JoinTable(in, table, both).To("copart.repartitioned")
		visibleTopic(t, c, "copart.repartitioned", 1)
		joined(t, c, startStreams(t, c, "copart-repartitioned", b), "copart.repartitioned", want)
		if n := partitionsOf(t, c, "copart-repartitioned-orders-repartition"); n != 4 {
			t.Errorf("the repartition topic has %d partitions, want the 4 of %s", n, addresses)
		}
	})

	t.Run("global", func(t *testing.T) {
		b := streams.NewBuilder()
		table := streams.GlobalTable[string, string](b, addresses)
		in := streams.Stream[string, string](b, orders)
		streams.JoinGlobal(in, table, func(k, _ string) string { return k }, both).To("copart.global")
		visibleTopic(t, c, "copart.global", 1)
		joined(t, c, startStreams(t, c, "copart-global", b), "copart.global", want)
	})
}

// joined waits until a topic has these values.
func joined(t *testing.T, c *e2e.Cluster, app *instance, topic string, want map[string]string) {
	t.Helper()
	got := make(map[string]string)
	reader := check.NewReader(c.Client(t, check.ReaderOpts(topic)...), func(r *kgo.Record) { got[string(r.Key)] = string(r.Value) }, topic)
	e2e.Until(t, time.Minute, "all orders are joined", func(ctx context.Context) error {
		if err := app.alive(); err != nil {
			return err
		}
		if err := reader.ToEnd(ctx); err != nil {
			return err
		}
		if !maps.Equal(got, want) {
			return errors.New(cmp.Diff(want, got))
		}
		return nil
	})
}

func partitionsOf(t *testing.T, c *e2e.Cluster, topic string) int {
	t.Helper()
	topics, err := c.Admin(t).ListTopics(t.Context(), topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		t.Fatalf("look up %s: %v", topic, err)
	}
	return len(topics[topic].Partitions)
}
