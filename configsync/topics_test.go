package configsync_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"go.uber.org/goleak"

	"mm2/configsync"
	"mm2/internal/backoff"
	"mm2/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is two fake clusters in the caller's synctest bubble.
type rig struct {
	t              testing.TB
	source, target *kfake.Cluster
	vnet           kfake.VirtualNetwork
	user           string // whose clients are made from now on; empty: nobody's

	mu  sync.Mutex // guards the log
	log bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t}
	r.source = r.cluster(9093, 1)
	r.target = r.cluster(9094, 1)
	return r
}

func (r *rig) cluster(port, brokers int, opts ...kfake.Opt) *kfake.Cluster {
	r.t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(brokers), kfake.Ports(port), kfake.ListenFn(r.vnet.Listen)}, opts...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

func (r *rig) clientOpts(c *kfake.Cluster) []kgo.Opt {
	opts := []kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.Dialer(r.vnet.DialContext), kgo.DisableClientMetrics()}
	if r.user != "" {
		opts = append(opts, kgo.SASL(plain.Auth{User: r.user, Pass: r.user}.AsMechanism()))
	}
	return opts
}

func (r *rig) client(c *kfake.Cluster) *kgo.Client {
	r.t.Helper()
	cl, err := kgo.NewClient(r.clientOpts(c)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(cl.Close)
	return cl
}

// topics is a new Topics with clients of its own, as on another worker.
func (r *rig) topics(edit ...func(*configsync.Config)) *configsync.Topics {
	r.t.Helper()
	cfg := configsync.Config{
		Flow:              topology.FlowID{Source: "A", Target: "B"},
		ReplicationFactor: 1,
		Rules:             configsync.Rules{Exclude: filter(r.t, "min.insync.replicas")},
	}
	for _, e := range edit {
		e(&cfg)
	}
	topics, err := configsync.New(cfg, configsync.Deps{
		Source: r.client(r.source), Target: r.client(r.target), Logger: slog.New(slog.NewTextHandler(r, nil)),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return topics
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

func (r *rig) create(c *kfake.Cluster, topic string, partitions int32, configs map[string]string) {
	r.t.Helper()
	if err := c.CreateTopic(topic, partitions, configs); err != nil {
		r.t.Fatal(err)
	}
}

// configs are what was set on a topic of the target.
func (r *rig) configs(topic string) map[string]string {
	r.t.Helper()
	info := r.target.TopicInfo(topic)
	if info == nil {
		r.t.Fatalf("topic %s is not on the target", topic)
	}
	configs := map[string]string{}
	for k, v := range info.Configs {
		configs[k] = *v
	}
	return configs
}

// count observes the requests of a kind, except for those that only validate.
func count(c *kfake.Cluster, key kmsg.Key) func() int {
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Observe: true, Count: -1, When: func(req kmsg.Request) bool {
		create, ok := req.(*kmsg.CreateTopicsRequest)
		return !ok || !create.ValidateOnly
	}})
	return h.Hits
}

func want(source string, partitions int) configsync.Want {
	return configsync.Want{Source: source, Target: "A." + source, Partitions: partitions}
}

func TestEnsureCreatesLikeTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 6, map[string]string{
			"cleanup.policy": "compact", "max.message.bytes": "5000000", "min.insync.replicas": "2",
		})
		topics := r.topics()
		got, err := topics.Ensure(t.Context(), "orders", "A.orders", 6)
		if err != nil {
			t.Fatal(err)
		}
		want := configsync.TargetTopic{Partitions: 6, ID: got.ID, MaxMessageBytes: 5000000, Compacted: true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got.ID != r.target.TopicInfo("A.orders").TopicID {
			t.Error("wrong topic id")
		}
		if diff := cmp.Diff(map[string]string{"cleanup.policy": "compact", "max.message.bytes": "5000000"}, r.configs("A.orders")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEnsureLeavesTheTargetAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 2, map[string]string{"cleanup.policy": "compact"})
		r.create(r.target, "A.orders", 8, map[string]string{"retention.ms": "1000"})
		created, grown := count(r.target, kmsg.CreateTopics), count(r.target, kmsg.CreatePartitions)
		got, err := r.topics().Ensure(t.Context(), "orders", "A.orders", 2)
		if err != nil {
			t.Fatal(err)
		}
		if got.Partitions != 8 || got.Compacted || got.MaxMessageBytes != configsync.DefaultMaxMessageBytes {
			t.Errorf("topic: %+v", got)
		}
		if created() != 0 || grown() != 0 {
			t.Errorf("%d creations, %d growths", created(), grown())
		}
		if diff := cmp.Diff(map[string]string{"retention.ms": "1000"}, r.configs("A.orders")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEnsureGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 5, nil)
		r.create(r.target, "A.orders", 2, nil)
		got, err := r.topics().Ensure(t.Context(), "orders", "A.orders", 5)
		if err != nil || got.Partitions != 5 {
			t.Errorf("topic %+v, error %v", got, err)
		}
	})
}

// A round costs one metadata request when nothing has changed, however many
// topics there are, and limits are read again after a while.
func TestEnsureAllIsCheapWhenNothingChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var wants []configsync.Want
		for i := range 1500 {
			name := fmt.Sprintf("t%04d", i)
			r.create(r.source, name, 1, nil)
			wants = append(wants, want(name, 1))
		}
		topics := r.topics()
		ensure := func() {
			t.Helper()
			results, err := topics.EnsureAll(t.Context(), wants)
			if err != nil || len(results) != len(wants) {
				t.Fatalf("%d results, error %v", len(results), err)
			}
			for source, result := range results {
				if result.Err != nil || result.Partitions != 1 {
					t.Fatalf("%s: %+v", source, result)
				}
			}
		}
		created, sourceConfigs, targetConfigs := count(r.target, kmsg.CreateTopics), count(r.source, kmsg.DescribeConfigs), count(r.target, kmsg.DescribeConfigs)
		ensure()
		if created() != 8 || sourceConfigs() != 2 || targetConfigs() != 2 {
			t.Errorf("first round: %d creations, %d and %d descriptions", created(), sourceConfigs(), targetConfigs())
		}
		metadata := count(r.target, kmsg.Metadata)
		for range 10 {
			backoff.Sleep(t.Context(), 5*time.Second)
			ensure()
		}
		if created() != 8 || targetConfigs() != 2 || metadata() != 10 {
			t.Errorf("ten more rounds: %d creations, %d descriptions, %d metadata requests", created(), targetConfigs(), metadata())
		}
		backoff.Sleep(t.Context(), 5*time.Minute)
		ensure()
		if targetConfigs() != 4 || sourceConfigs() != 2 {
			t.Errorf("after minutes: %d descriptions, want 4", targetConfigs())
		}
	})
}

func TestEnsureNoticesANewTopicOfTheSameName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		r.create(r.target, "A.orders", 1, map[string]string{"max.message.bytes": "1000"})
		topics := r.topics()
		first, err := topics.Ensure(t.Context(), "orders", "A.orders", 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.target.DeleteTopic("A.orders"); err != nil {
			t.Fatal(err)
		}
		r.create(r.target, "A.orders", 1, map[string]string{"max.message.bytes": "2000"})
		second, err := topics.Ensure(t.Context(), "orders", "A.orders", 1)
		if err != nil {
			t.Fatal(err)
		}
		if first.MaxMessageBytes != 1000 || second.MaxMessageBytes != 2000 || first.ID == second.ID {
			t.Errorf("first %+v, second %+v", first, second)
		}
	})
}

// refuseConfigs makes the target refuse topic configs like a broker that does
// not know them. It sees whole requests, so it must be the only topic in one.
func refuseConfigs(c *kfake.Cluster, refused map[string]string) {
	c.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.CreateTopicsRequest)
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, topic := range req.Topics {
			answer := kmsg.NewCreateTopicsResponseTopic()
			answer.Topic = topic.Topic
			for _, config := range topic.Configs {
				if reason, ok := refused[config.Name]; ok && answer.ErrorCode == 0 {
					answer.ErrorCode, answer.ErrorMessage = kerr.InvalidConfig.Code, &reason
				}
			}
			resp.Topics = append(resp.Topics, answer)
		}
		for _, answer := range resp.Topics {
			if answer.ErrorCode != 0 {
				return resp, nil, true
			}
		}
		return nil, nil, false
	})
}

func TestEnsureLeavesOutConfigsThatTheTargetRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 2, map[string]string{
			"cleanup.policy": "compact", "vendor.tier": "cold", "segment.bytes": "1000", "vendor.zone": "x",
		})
		refuseConfigs(r.target, map[string]string{"vendor.tier": "Unknown topic config name: vendor.tier", "vendor.zone": "Unknown topic config name: vendor.zone"})
		got, err := r.topics().Ensure(t.Context(), "orders", "A.orders", 2)
		if err != nil || got.Partitions != 2 {
			t.Fatalf("topic %+v, error %v", got, err)
		}
		if diff := cmp.Diff(map[string]string{"cleanup.policy": "compact", "segment.bytes": "1000"}, r.configs("A.orders")); diff != "" {
			t.Error(diff)
		}
		if r.logged("target refuses a topic config") != 2 || r.logged("key=vendor.tier") != 1 || r.logged("Unknown topic config name: vendor.zone") != 1 {
			t.Errorf("log: %s", &r.log)
		}
	})
}

func TestEnsureGivesUpOnConfigsRefusedForNoReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, map[string]string{"segment.bytes": "1000"})
		r.target.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "A.orders", Err: kerr.InvalidConfig, Count: -1, When: func(req kmsg.Request) bool {
			return !req.(*kmsg.CreateTopicsRequest).ValidateOnly
		}})
		_, err := r.topics().Ensure(t.Context(), "orders", "A.orders", 1)
		if !errors.Is(err, kerr.InvalidConfig) {
			t.Errorf("error %v", err)
		}
	})
}

func TestEnsureExplains(t *testing.T) {
	source := func(r *rig) *kfake.Cluster { return r.source }
	target := func(r *rig) *kfake.Cluster { return r.target }
	tests := []struct {
		name     string
		on       func(*rig) *kfake.Cluster
		fault    kfake.Fault
		existing int32 // partitions that the target has already
		rf       int16
		want     error
		text     string
		usable   int // partitions that can be used all the same
	}{
		{
			name: "replication factor", rf: 3, want: kerr.InvalidReplicationFactor,
			text: "replication factor 3: the cluster has 1 broker(s); set replication_factor to that or less",
		},
		{
			name: "policy", rf: 1, want: kerr.PolicyViolation, text: "create.topic.policy",
			on: target, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "A.orders", Err: kerr.PolicyViolation},
		},
		{
			name: "create denied", rf: 1, want: kerr.TopicAuthorizationFailed, text: "grant CREATE on Topic A.orders (or on Cluster)",
			on: target, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "A.orders", Err: kerr.TopicAuthorizationFailed},
		},
		{
			name: "target not shown", rf: 1, want: kerr.TopicAuthorizationFailed, text: "grant DESCRIBE on Topic A.orders of cluster B",
			on: target, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "A.orders", Err: kerr.TopicAuthorizationFailed},
		},
		{
			name: "name that Kafka does not take", rf: 1, want: kerr.InvalidTopicException, text: "its name on cluster B would be A.orders with 8 characters",
			on: target, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "A.orders", Err: kerr.InvalidTopicException},
		},
		{
			name: "source configs not shown", rf: 1, want: kerr.TopicAuthorizationFailed, text: "grant DESCRIBE_CONFIGS on Topic orders of cluster A, or create A.orders on B yourself",
			on: source, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: "orders", Err: kerr.TopicAuthorizationFailed},
		},
		{
			name: "growth denied", rf: 1, existing: 2, usable: 2, want: kerr.TopicAuthorizationFailed, text: "to 4 partitions: not allowed; grant ALTER on Topic A.orders",
			on: target, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreatePartitions}, Topic: "A.orders", Err: kerr.TopicAuthorizationFailed},
		},
		{
			name: "growth refused", rf: 1, existing: 2, usable: 2, want: kerr.ReassignmentInProgress, text: "grow target topic A.orders to 4 partitions",
			on: target, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreatePartitions}, Topic: "A.orders", Err: kerr.ReassignmentInProgress},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.create(r.source, "orders", 4, nil)
				r.create(r.source, "users", 4, nil)
				if tt.existing > 0 {
					r.create(r.target, "A.orders", tt.existing, nil)
				}
				if tt.on != nil {
					tt.fault.Count = -1
					tt.on(r).Fault(tt.fault)
				}
				topics := r.topics(func(c *configsync.Config) { c.ReplicationFactor = tt.rf })
				results, err := topics.EnsureAll(t.Context(), []configsync.Want{want("orders", 4), want("users", 4)})
				if err != nil {
					t.Fatal(err)
				}
				got := results["orders"]
				if !errors.Is(got.Err, tt.want) || !strings.Contains(got.Err.Error(), tt.text) {
					t.Errorf("error %v, want %v with %q", got.Err, tt.want, tt.text)
				}
				if got.Partitions != tt.usable {
					t.Errorf("%d partitions, want %d", got.Partitions, tt.usable)
				}
				if tt.rf == 1 && (results["users"].Err != nil || results["users"].Partitions != 4) {
					t.Errorf("its neighbour suffers: %+v", results["users"])
				}
			})
		})
	}
}

func TestEnsureAssumesLimitsItMayNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, name := range []string{"orders", "users"} {
			r.create(r.source, name, 1, nil)
			r.create(r.target, "A."+name, 1, map[string]string{"max.message.bytes": "77", "cleanup.policy": "compact"})
		}
		r.target.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed, Count: -1})
		topics := r.topics()
		for range 3 {
			results, err := topics.EnsureAll(t.Context(), []configsync.Want{want("orders", 1), want("users", 1)})
			if err != nil {
				t.Fatal(err)
			}
			if got := results["orders"]; got.Err != nil || got.MaxMessageBytes != configsync.DefaultMaxMessageBytes || got.Compacted {
				t.Errorf("topic: %+v", got)
			}
		}
		if r.logged("not allowed to read the configs") != 1 {
			t.Errorf("want one warning: %s", &r.log)
		}
	})
}

func TestEnsurePausesBeforeItTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "orders", 1, nil)
		denied := r.target.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "A.orders", Err: kerr.PolicyViolation, Count: -1})
		topics := r.topics()
		rounds := func(n int) {
			t.Helper()
			for range n {
				if _, err := topics.Ensure(t.Context(), "orders", "A.orders", 1); !errors.Is(err, kerr.PolicyViolation) {
					t.Fatalf("error %v", err)
				}
				backoff.Sleep(t.Context(), 5*time.Second)
			}
		}
		rounds(120) // ten minutes: 5 s doubled to 300 s, each at least half of it
		if hits := denied.Hits(); hits < 6 || hits > 12 {
			t.Errorf("%d tries in ten minutes", hits)
		}
		denied.Remove()
		backoff.Sleep(t.Context(), 5*time.Minute)
		if got, err := topics.Ensure(t.Context(), "orders", "A.orders", 1); err != nil || got.Partitions != 1 {
			t.Errorf("topic %+v, error %v", got, err)
		}
	})
}

func TestEnsureWithAnotherWorkerAtTheSameTime(t *testing.T) {
	tests := []struct {
		name     string
		existing int32
		key      kmsg.Key
	}{
		{"both create", 0, kmsg.CreateTopics},
		{"both grow", 1, kmsg.CreatePartitions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const workers = 4
				r := newRig(t)
				r.create(r.source, "orders", 6, map[string]string{"cleanup.policy": "compact"})
				if tt.existing > 0 {
					r.create(r.target, "A.orders", tt.existing, map[string]string{"cleanup.policy": "compact"})
				}
				// All have looked before the first may act, so that all but one
				// act on what has just changed.
				asked := 0
				r.target.ControlKey(int16(tt.key), func(kmsg.Request) (kmsg.Response, error, bool) {
					r.target.KeepControl()
					asked++
					for asked < workers {
						r.target.SleepControl(func() { backoff.Sleep(t.Context(), time.Millisecond) })
					}
					return nil, nil, false
				})
				var wg sync.WaitGroup
				for i := range workers {
					topics := r.topics()
					wg.Go(func() {
						// A worker whose view of the source is older wants less.
						got, err := topics.Ensure(t.Context(), "orders", "A.orders", 6-i%2)
						if err != nil || got.Partitions < 6-i%2 || !got.Compacted {
							t.Errorf("worker %d: topic %+v, error %v", i, got, err)
						}
					})
				}
				wg.Wait()
				if asked != workers {
					t.Errorf("%d requests, want %d", asked, workers)
				}
				if got := len(r.target.PartitionInfos("A.orders")); got != 6 {
					t.Errorf("%d partitions", got)
				}
			})
		})
	}
}

func TestEnsureWaitsForLeaders(t *testing.T) {
	tests := []struct {
		name   string
		fault  kfake.Fault
		usable bool
	}{
		{"elected after a while", kfake.Fault{Err: kerr.LeaderNotAvailable, Partitions: []int32{1}, Count: 8}, true},
		{"never elected", kfake.Fault{Err: kerr.LeaderNotAvailable, Partitions: []int32{1}, Count: -1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.create(r.source, "orders", 3, nil)
				tt.fault.Keys, tt.fault.Topic = []kmsg.Key{kmsg.Metadata}, "A.orders"
				r.target.Fault(tt.fault)
				began := time.Now()
				topics := r.topics()
				got, err := topics.Ensure(t.Context(), "orders", "A.orders", 3)
				if (err == nil) != tt.usable || got.Partitions != 3 {
					t.Errorf("topic %+v, error %v", got, err)
				}
				if !tt.usable && !strings.Contains(err.Error(), "partitions [1] have none") {
					t.Errorf("error %v", err)
				}
				if waited := time.Since(began); waited > 16*time.Second {
					t.Errorf("waited %v", waited)
				}
				// Once it is there it is used, and nobody waits again.
				began = time.Now()
				if got, err := topics.Ensure(t.Context(), "orders", "A.orders", 3); err != nil || got.Partitions != 3 || time.Since(began) > time.Second {
					t.Errorf("second round after %v: topic %+v, error %v", time.Since(began), got, err)
				}
			})
		})
	}
}

func TestEnsureLosesTheAnswer(t *testing.T) {
	tests := []struct {
		name     string
		existing int32
		key      kmsg.Key
	}{
		{"to the creation", 0, kmsg.CreateTopics},
		{"to the growth", 1, kmsg.CreatePartitions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.create(r.source, "orders", 3, nil)
				if tt.existing > 0 {
					r.create(r.target, "A.orders", tt.existing, nil)
				}
				lost := r.target.Fault(kfake.Fault{Keys: []kmsg.Key{tt.key}, Topic: "A.orders", Err: kerr.RequestTimedOut})
				got, err := r.topics().Ensure(t.Context(), "orders", "A.orders", 3)
				if err != nil || got.Partitions != 3 || lost.Hits() != 1 {
					t.Errorf("topic %+v, error %v, %d hits", got, err, lost.Hits())
				}
			})
		})
	}
}

func TestEnsureAllRefusesSharedTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(r.source, "a", 1, nil)
		r.create(r.source, "b", 1, nil)
		results, err := r.topics().EnsureAll(t.Context(), []configsync.Want{
			{Source: "a", Target: "both", Partitions: 1}, {Source: "b", Target: "both", Partitions: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		if results["a"].Err != nil || results["b"].Err == nil || !strings.Contains(results["b"].Err.Error(), "a is copied there already") {
			t.Errorf("results: %+v", results)
		}
	})
}

func TestEnsureAllWithoutTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		topics := r.topics()
		r.target.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if results, err := topics.EnsureAll(ctx, []configsync.Want{want("orders", 1)}); err == nil {
			t.Errorf("results %+v without a target", results)
		}
		if results, err := topics.EnsureAll(t.Context(), nil); err != nil || len(results) != 0 {
			t.Errorf("nothing wanted: %+v, %v", results, err)
		}
	})
}
