package runtime_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/mm2test"
	"mm2/streams"
	"mm2/streams/state"
)

// rig is a cluster in virtual time with instances of one application.
type rig struct {
	t       *testing.T
	net     kfake.VirtualNetwork
	cluster *mm2test.Cluster
	change  func(*streams.Config)
	dirs    map[string]string
}

// inRig runs a test on a fresh cluster.
func inRig(t *testing.T, test func(t *testing.T, r *rig), opts ...kfake.Opt) {
	t.Helper()
	dirs := map[string]string{"a": t.TempDir(), "b": t.TempDir(), "c": t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, dirs: dirs}
		r.cluster = mm2test.NewCluster(t, &r.net, 9093, "cluster", opts...)
		test(t, r)
	})
}

// instance is a running instance.
type instance struct {
	r    *rig
	name string
	app  *streams.App
	link *mm2test.Link
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex // guards what follows
	err    error
	states []streams.State
}

func (r *rig) start(name string, top *streams.Topology, changes ...func(*streams.Config)) *instance {
	r.t.Helper()
	i := &instance{r: r, name: name, link: mm2test.NewLink(&r.net), done: make(chan struct{})}
	c := streams.Config{
		ApplicationID: "app", BootstrapServers: r.cluster.Addrs, StateDir: r.dirs[name],
		CommitInterval: 200 * time.Millisecond, ReplicationFactor: 1,
		Logger:        slog.New(slog.DiscardHandler),
		ClientOptions: []kgo.Opt{kgo.Dialer(i.link.DialContext), kgo.MetadataMinAge(10 * time.Millisecond), kgo.MetadataMaxAge(5 * time.Second)},
		Consumer:      []kgo.Opt{kgo.SessionTimeout(10 * time.Second), kgo.HeartbeatInterval(time.Second), kgo.RebalanceTimeout(20 * time.Second)},
		StateListener: func(_, to streams.State) {
			i.mu.Lock()
			defer i.mu.Unlock()
			i.states = append(i.states, to)
		},
	}
	if os.Getenv("STREAMS_LOG") != "" {
		c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("instance", name)
	}
	for _, change := range append([]func(*streams.Config){r.change}, changes...) {
		if change != nil {
			change(&c)
		}
	}
	var err error
	if i.app, err = streams.New(top, c); err != nil {
		r.t.Fatalf("new instance %s: %v", name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	i.stop = cancel
	go func() {
		defer close(i.done)
		err := i.app.Run(ctx)
		i.mu.Lock()
		defer i.mu.Unlock()
		i.err = err
	}()
	r.t.Cleanup(func() { _ = i.end() }) // tests that care have ended it before
	return i
}

// end asks the instance to stop and gives its error.
func (i *instance) end() error {
	i.stop()
	<-i.done
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.err
}

// running waits until the instances run.
func (r *rig) running(instances ...*instance) {
	r.t.Helper()
	r.until("the instances run", func() bool {
		return !slices.ContainsFunc(instances, func(i *instance) bool { return i.app.State() != streams.Running })
	})
}

// until waits, in virtual time, for what must come.
func (r *rig) until(what string, is func() bool) {
	r.t.Helper()
	for range 600 {
		if is() {
			return
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
	}
	r.t.Fatalf("after 2 minutes it is not true that %s", what)
}

// record is a record of one partition.
func record(topic string, partition int32, key, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: []byte(value), Timestamp: time.UnixMilli(1000)}
}

// produce writes n records with a few keys, spread over partitions by key.
func (r *rig) produce(topic string, partitions int32, from, n int) {
	r.t.Helper()
	var records []*kgo.Record
	for i := from; i < from+n; i++ {
		key := i % 7
		records = append(records, record(topic, int32(key)%partitions, fmt.Sprint("k", key), fmt.Sprint("v", i)))
	}
	r.cluster.Produce(r.t, records...)
}

func build(t *testing.T, b *streams.Builder) *streams.Topology {
	t.Helper()
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// counter counts records by key in a store and sends each count on.
type counter struct {
	ctx   streams.ProcessorContext[string, int64]
	store state.KeyValue[string, int64]
	fail  func(streams.Record[string, string]) error
}

func (c *counter) Init(ctx streams.ProcessorContext[string, int64]) (err error) {
	c.ctx = ctx
	c.store, err = streams.GetStore[state.KeyValue[string, int64]](ctx, "counts")
	return err
}

func (c *counter) Process(r streams.Record[string, string]) error {
	if c.fail != nil {
		if err := c.fail(r); err != nil {
			return err
		}
	}
	n, _, err := c.store.Get(r.Key)
	if err != nil {
		return err
	}
	if err := c.store.Put(r.Key, n+1); err != nil {
		return err
	}
	c.ctx.Forward(streams.WithValue(r, n+1))
	return nil
}

func (c *counter) Close() error { return nil }

// counting counts the records of "in" by key, behind a repartition if asked.
func counting(t *testing.T, repartition bool, fail func(streams.Record[string, string]) error, opts ...state.Option) *streams.Topology {
	t.Helper()
	b := streams.NewBuilder()
	b.AddStateStore(state.NewKeyValue[string, int64]("counts", opts...))
	in := streams.Stream[string, string](b, "in")
	if repartition {
		in = streams.Map(in, func(k, v string) (string, string) { return k + "!", v }).Repartition(streams.Named("by-key"))
	}
	streams.Process(in, func() streams.Processor[string, string, string, int64] { return &counter{fail: fail} }, streams.Connect("counts")).To("out")
	return build(t, b)
}
