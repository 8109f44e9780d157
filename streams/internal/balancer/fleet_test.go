package balancer_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/mm2test"
	"mm2/streams/internal/assign"
	"mm2/streams/internal/balancer"
)

// fleet is one application on a fake cluster. The internal topic app-repartition
// is made by the leader's Plan.
type fleet struct {
	*app
	t       *testing.T
	net     kfake.VirtualNetwork
	cluster *mm2test.Cluster
	admin   *kadm.Client

	mu    sync.Mutex // guards what follows, app.err and all workers
	owner map[partition]*worker
}

// worker is a member with one client.
type worker struct {
	*fleet
	name    string
	process byte
	node    *node // what it says; guarded by fleet.mu
	link    *mm2test.Link
	cl      *kgo.Client
	bal     *balancer.Balancer
	stop    context.CancelFunc
	done    chan struct{}
	joined  int         // answers so far
	revoked int         // partitions
	got     []string    // values of consumed records
	owned   []partition // by kgo's callbacks
	errs    []error     // of polls
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{app: newApp(), t: t, owner: map[partition]*worker{}}
	f.cluster = mm2test.NewCluster(t, &f.net, 9093, "cluster")
	f.admin = kadm.NewClient(f.cluster.Client(t))
	for _, topic := range []string{"orders", "addresses", "clicks"} {
		f.cluster.Create(t, topic, f.counts[topic])
	}
	return f
}

func (f *fleet) start(name string, process byte, change ...func(*worker)) *worker {
	f.t.Helper()
	w := &worker{fleet: f, name: name, process: process, link: mm2test.NewLink(&f.net), done: make(chan struct{})}
	w.node = f.node(f.t, name, process)
	w.node.endPoint = name + ":1"
	for _, c := range change {
		c(w)
	}
	var err error
	w.bal, err = balancer.New(balancer.Config{
		Assign: f.config, PlanTimeout: 10 * time.Second, OnAssignment: w.onAssignment,
		Metadata: func() assign.Metadata {
			f.mu.Lock()
			defer f.mu.Unlock()
			return w.node.metadata()
		},
		Plan: func(ctx context.Context, r balancer.Request) ([]balancer.Task, error) {
			_, err := f.admin.CreateTopic(ctx, f.counts["app-repartition"], 1, nil, "app-repartition")
			if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
				return nil, err
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.plan(ctx, r)
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	opts := []kgo.Opt{
		kgo.Dialer(w.link.DialContext), kgo.ConsumerGroup("app"), kgo.Balancers(w.bal),
		kgo.ConsumeTopics("orders", "addresses", "clicks", "app-repartition"),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.BlockRebalanceOnPoll(), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(10 * time.Second), kgo.HeartbeatInterval(time.Second), kgo.RebalanceTimeout(20 * time.Second),
		kgo.MetadataMaxAge(5 * time.Second),
		kgo.OnPartitionsAssigned(w.onAssigned), kgo.OnPartitionsRevoked(w.onRevoked), kgo.OnPartitionsLost(w.onRevoked),
	}
	if w.node.instance != nil {
		opts = append(opts, kgo.InstanceID(*w.node.instance))
	}
	f.mu.Lock()
	w.cl = f.cluster.Client(f.t, opts...)
	f.mu.Unlock()
	ctx, cancel := context.WithCancel(f.t.Context())
	w.stop = cancel
	go w.run(ctx)
	f.t.Cleanup(w.end)
	return w
}

// run is the loop of a stream thread.
func (w *worker) run(ctx context.Context) {
	defer close(w.done)
	for ctx.Err() == nil {
		fetches := w.cl.PollFetches(ctx)
		w.mu.Lock()
		fetches.EachError(func(_ string, _ int32, err error) {
			if ctx.Err() == nil {
				w.errs = append(w.errs, err)
			}
		})
		fetches.EachRecord(func(r *kgo.Record) { w.got = append(w.got, string(r.Value)) })
		w.mu.Unlock()
		w.cl.AllowRebalance()
	}
}

// end stops the member; a dynamic one leaves the group.
func (w *worker) end() {
	w.stop()
	<-w.done
	w.bal.Close()
	w.cl.CloseAllowingRebalance()
}

// crash cuts the member off; its session ends later.
func (w *worker) crash() {
	w.link.Cut()
	w.mu.Lock()
	w.drop(w.owned)
	w.mu.Unlock()
	w.end()
}

func (w *worker) onAssignment(a assign.Assignment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.joined++
	w.node.last = a
	if len(a.Unseen) > 0 {
		w.cl.ForceMetadataRefresh()
	}
	for _, id := range slices.Concat(a.Active, a.Standby, a.WarmUp) {
		w.node.disk[id] = 1000
	}
}

func (w *worker) onAssigned(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for topic, list := range added {
		for _, n := range list {
			p := partition{Topic: topic, Partition: n}
			if other := w.owner[p]; other != nil {
				w.t.Errorf("%s gets %v while %s owns it", w.name, p, other.name)
			}
			w.owner[p] = w
			w.owned = append(w.owned, p)
		}
	}
}

func (w *worker) onRevoked(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ps []partition
	for topic, list := range lost {
		for _, n := range list {
			ps = append(ps, partition{Topic: topic, Partition: n})
		}
	}
	w.revoked += len(ps)
	w.drop(ps)
}

func (w *worker) drop(ps []partition) {
	for _, p := range slices.Clone(ps) {
		if w.owner[p] == w {
			delete(w.owner, p)
		}
		w.owned = slices.DeleteFunc(w.owned, func(q partition) bool { return p == q })
	}
}

// settle waits, asks for follow-ups until none is due, and checks the end.
func (f *fleet) settle(workers ...*worker) {
	f.t.Helper()
	for range 20 {
		time.Sleep(30 * time.Second) // longer than a session; virtual
		synctest.Wait()
		var due *worker
		f.mu.Lock()
		for _, w := range workers {
			if w.node.last.FollowUp > 0 {
				due = w
			}
		}
		f.mu.Unlock()
		if due == nil {
			f.check(workers...)
			return
		}
		due.bal.Rejoin(due.cl)
	}
	f.t.Fatal("follow-ups do not end")
}

// fail makes Plan fail.
func (f *fleet) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fleet) check(workers ...*worker) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var nodes []*node
	active := map[assign.TaskID]bool{}
	standby := map[assign.TaskID]int{}
	for _, w := range workers {
		w.node.owned = map[partition]bool{}
		for _, p := range w.owned {
			w.node.owned[p] = true
		}
		nodes = append(nodes, w.node)
		if len(w.errs) > 0 || w.node.last.Err() != nil {
			f.t.Errorf("%s: poll errors %v, refusal %v", w.name, w.errs, w.node.last.Err())
		}
		for _, id := range w.node.last.Active {
			if active[id] {
				f.t.Errorf("%v is active twice", id)
			}
			active[id] = true
			for _, topic := range subtopologies[id.Subtopology].topics {
				if !w.node.owned[partition{Topic: topic, Partition: id.Partition}] {
					f.t.Errorf("%s runs %v without %s-%d", w.name, id, topic, id.Partition)
				}
			}
		}
		for _, id := range w.node.last.Standby {
			standby[id]++
			if slices.Contains(w.node.last.Active, id) {
				f.t.Errorf("%s has %v as active and standby", w.name, id)
			}
		}
		if len(w.node.last.WarmUp) > 0 {
			f.t.Errorf("%s still warms up %v", w.name, w.node.last.WarmUp)
		}
		if len(w.node.last.Hosts) != len(workers) {
			f.t.Errorf("%s knows %d hosts of %d", w.name, len(w.node.last.Hosts), len(workers))
		}
	}
	f.complete(f.t, nodes...)
	if len(active) != 13 {
		f.t.Errorf("%d tasks are active, want 13", len(active))
	}
	for id, n := range standby {
		if n != 1 || !subtopologies[id.Subtopology].stateful {
			f.t.Errorf("%v has %d standbys", id, n)
		}
	}
	if want := 9; len(workers) > 1 && len(standby) != want {
		f.t.Errorf("%d tasks have standbys, want %d", len(standby), want)
	}
}
