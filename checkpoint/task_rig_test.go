package checkpoint_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/checkpoint"
	"mm2/internal/backoff"
	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
	"mm2/topology"
)

// offsetMap maps runs of copied offsets, as an exact map does.
type offsetMap struct {
	advanced chan struct{}

	mu   sync.Mutex // guards runs
	runs map[pipeline.Partition]run
}

// run says that the source offsets [from, to) are the offsets from base of the
// target.
type run struct {
	target   pipeline.Partition
	from, to int64
	base     int64
}

func newOffsetMap() *offsetMap {
	return &offsetMap{advanced: make(chan struct{}, 1), runs: map[pipeline.Partition]run{}}
}

// copied says what partition 0 of a topic has become.
func (m *offsetMap) copied(topic, target string, from, to, base int64) {
	m.mu.Lock()
	m.runs[pipeline.Partition{Topic: topic}] = run{pipeline.Partition{Topic: target}, from, to, base}
	m.mu.Unlock()
	select {
	case m.advanced <- struct{}{}:
	default:
	}
}

func (m *offsetMap) Forward(source pipeline.Partition, offset int64) checkpoint.Translation {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, known := m.runs[source]
	at := min(max(offset, r.from), r.to)
	return checkpoint.Translation{Target: r.target, Offset: r.base + at - r.from, Exact: known && offset <= r.to, Known: known}
}

func (m *offsetMap) Backward(pipeline.Partition, int64) checkpoint.Translation {
	return checkpoint.Translation{}
}

// rig is two clusters in the caller's bubble and what a task between them
// needs.
type rig struct {
	t    *testing.T
	net  kfake.VirtualNetwork
	a, b *mm2test.Cluster
	offs *offsetMap
	reg  *prometheus.Registry
	log  strings.Builder

	mu      sync.Mutex // guards what follows and log
	latency []time.Duration
	admins  map[*mm2test.Cluster]*kadm.Client
	deps    checkpoint.Deps
	cfg     checkpoint.Config
	running *checkpoint.Task
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, offs: newOffsetMap(), reg: prometheus.NewRegistry(), admins: map[*mm2test.Cluster]*kadm.Client{}}
	r.a = mm2test.NewCluster(t, &r.net, 9093, "cluster-a")
	r.b = mm2test.NewCluster(t, &r.net, 9094, "cluster-b")
	for _, c := range []*mm2test.Cluster{r.a, r.b} {
		r.admins[c] = kadm.NewClient(c.Client(t))
	}
	groups, err := topology.NewFilter([]string{".*"}, []string{"console-consumer-.*"})
	if err != nil {
		t.Fatal(err)
	}
	topics, err := topology.NewFilter([]string{"orders.*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.cfg = checkpoint.Config{
		Flow:   topology.Flow{ID: topology.FlowID{Source: "A", Target: "B"}, Policy: topology.NewDefaultPolicy("", ""), Topics: topics, Copy: true},
		Groups: groups, Emit: true, Interval: 250 * time.Millisecond, ReplicationFactor: 1,
		Sync: true, SyncInterval: time.Second, Follow: checkpoint.FollowPoll, PollInterval: time.Second,
	}
	r.deps = checkpoint.Deps{
		Source: r.dialer("A", r.a), Target: r.dialer("B", r.b), Translator: r.offs, Advanced: r.offs.advanced,
		Metrics: checkpoint.NewMetrics(r.reg), Logger: slog.New(slog.NewTextHandler(r, nil)),
		Acknowledged: func(_ string, _ pipeline.Partition, d time.Duration) {
			r.mu.Lock()
			r.latency = append(r.latency, d)
			r.mu.Unlock()
		},
	}
	// Ten records of orders, and their copies, five offsets further.
	r.a.Create(t, "orders", 1)
	r.b.Create(t, "A.orders", 1)
	r.fill(r.a, "orders", 10)
	r.fill(r.b, "A.orders", 15)
	return r
}

func (r *rig) dialer(alias topology.Alias, c *mm2test.Cluster) *kafka.Dialer {
	r.t.Helper()
	d, err := kafka.NewDialer(alias, connection.Connection{Bootstrap: c.Addrs}, nil, kgo.Dialer(r.net.DialContext), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// Write makes the rig the destination of the log.
func (r *rig) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(line)
}

func (r *rig) logged(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.log.String(), text)
}

func (r *rig) fill(c *mm2test.Cluster, topic string, n int) {
	r.t.Helper()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Value: []byte("v")}
	}
	c.Produce(r.t, records...)
}

// pass lets virtual time pass.
func (r *rig) pass(d time.Duration) {
	backoff.Sleep(r.t.Context(), d)
	synctest.Wait()
}

// commits is a group without members that commits.
func (r *rig) commits(c *mm2test.Cluster, group, topic string, offset int64) {
	r.t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, At: offset, LeaderEpoch: 3, Metadata: "from " + group})
	if err := r.admins[c].CommitAllOffsets(r.t.Context(), group, offsets); err != nil {
		r.t.Fatalf("commit %s on %s: %v", group, topic, err)
	}
}

// position is what a group has committed; -1 is nothing.
func (r *rig) position(c *mm2test.Cluster, group, topic string) int64 {
	r.t.Helper()
	all := r.admins[c].FetchManyOffsets(r.t.Context(), group)
	o, ok := all[group].Fetched.Lookup(topic, 0)
	if !ok {
		return -1
	}
	return o.At
}

func (r *rig) wantPosition(c *mm2test.Cluster, group, topic string, want int64) {
	r.t.Helper()
	if got := r.position(c, group, topic); got != want {
		r.t.Errorf("group %s is at %d of %s, want %d", group, got, topic, want)
	}
}

// checkpoints are all that were written, as "group topic up:down metadata".
func (r *rig) checkpoints() []checkpoint.Checkpoint {
	r.t.Helper()
	var out []checkpoint.Checkpoint
	for _, rec := range r.b.Committed(r.t, "A.checkpoints.internal") {
		c, err := checkpoint.DecodeCheckpoint(rec.Key, rec.Value)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// wantCheckpoints compares what was written, in order for each group.
func (r *rig) wantCheckpoints(want ...checkpoint.Checkpoint) {
	r.t.Helper()
	got := r.checkpoints()
	for _, all := range [][]checkpoint.Checkpoint{want, got} {
		slices.SortStableFunc(all, func(a, b checkpoint.Checkpoint) int { return strings.Compare(a.Group, b.Group) })
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("checkpoints (-want +got):\n%s", diff)
	}
}

func at(group string, up, down int64) checkpoint.Checkpoint {
	return checkpoint.Checkpoint{Group: group, Topic: "A.orders", Upstream: up, Downstream: down, Metadata: "from " + group}
}

// start runs a task until stop is called.
func (r *rig) start() (stop func()) {
	r.t.Helper()
	task, err := checkpoint.New(r.cfg, r.deps)
	if err != nil {
		r.t.Fatal(err)
	}
	r.running = task
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- task.Run(ctx) }()
	stopped := false
	stop = func() {
		r.t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	}
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) group(name string) checkpoint.GroupStatus {
	r.t.Helper()
	groups := r.running.Status().Groups
	i := slices.IndexFunc(groups, func(g checkpoint.GroupStatus) bool { return g.Group == name })
	if i < 0 {
		r.t.Fatalf("group %s is not in the status %+v", name, groups)
	}
	return groups[i]
}

func betweenClusters(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newRig(t)) })
}
