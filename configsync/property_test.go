package configsync_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/configsync"
	"mm2/topology"
)

// What was modelled in TestAnAppliedPlanLeavesNothingToDo holds for brokers:
// one round of a Syncer leaves nothing to do, whatever both sides looked like.
func TestARoundLeavesNothingToDo(t *testing.T) {
	configKeys := []string{"retention.ms", "segment.bytes", "cleanup.policy", "max.message.bytes", "min.insync.replicas"}
	values := map[string][]string{"cleanup.policy": {"delete", "compact"}}
	for seed := range uint64(25) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			r := newRig(t)
			configs := func() map[string]string {
				out := map[string]string{}
				for _, key := range configKeys {
					if rng.IntN(2) == 0 {
						vs := append(values[key], "1000", "2000")
						out[key] = vs[rng.IntN(min(2, len(vs)))]
					}
				}
				return out
			}
			mode := []configsync.ACLMode{configsync.ACLsJava, configsync.ACLsExact}[rng.IntN(2)]
			untouched := map[string]string{}
			for i := range 8 {
				name := fmt.Sprintf("orders%d", i)
				r.create(r.source, name, 1+rng.Int32N(4), configs())
				if rng.IntN(2) == 0 {
					there := configs()
					r.create(r.target, "A."+name, 1+rng.Int32N(4), there)
					untouched["A."+name] = there["min.insync.replicas"]
				}
			}
			r.addACLs(r.source, randomACLs(rng, "orders")...)
			r.addACLs(r.target, randomACLs(rng, "A.orders")...)
			before := r.acls(r.target)
			w := r.worker(func(c *configsync.SyncerConfig) {
				c.Rules.ACLs = mode
				c.Rules.DefaultsFrom = []configsync.DefaultsFrom{configsync.FromTarget, configsync.FromSource}[rng.IntN(2)]
			})
			stop := r.start(w)
			wait(t, time.Second)
			stop()
			if next := r.plan(w); !next.Empty() {
				t.Errorf("seed %d: still to do: %v", seed, next.Changes)
			}
			for topic, want := range untouched {
				if got := r.configs(topic)["min.insync.replicas"]; got != want {
					t.Errorf("seed %d: min.insync.replicas of %s was %q and is %q", seed, topic, want, got)
				}
			}
			after := map[string]bool{}
			for _, a := range r.acls(r.target) {
				after[a] = true
			}
			for _, a := range before {
				if !after[a] {
					t.Errorf("seed %d: lost %s", seed, a)
				}
			}
		})
	}
}

// How many requests a plan for a thousand topics takes is held; how long it
// takes is what BenchmarkLookAtAThousandTopics prints.
func TestPlanOfAThousandTopicsTakesFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.thousand()
		w := r.worker()
		source, target := r.source.Fault(kfake.Fault{Observe: true, Count: -1}), r.target.Fault(kfake.Fault{Observe: true, Count: -1})
		if n := len(r.plan(w).Changes); n != 1000 {
			t.Errorf("%d changes, want 500 creations and 500 configs", n)
		}
		// Versions, metadata of the client, topics, configs, ACLs, the ledger.
		if source.Hits() > 8 || target.Hits() > 10 {
			t.Errorf("%d requests to the source, %d to the target", source.Hits(), target.Hits())
		}
	})
}

func (r *rig) thousand() {
	for i := range 1000 {
		name := fmt.Sprintf("orders%04d", i)
		r.create(r.source, name, 1, map[string]string{"retention.ms": "1000"})
		if i%2 == 0 {
			r.create(r.target, "A."+name, 1, nil)
		}
	}
}

func BenchmarkLookAtAThousandTopics(b *testing.B) {
	r := &rig{t: b}
	r.source, r.target = r.cluster(9093, 1), r.cluster(9094, 1)
	r.thousand()
	w := r.worker()
	for b.Loop() {
		if n := len(r.plan(w).Changes); n != 1000 {
			b.Fatalf("%d changes", n)
		}
	}
}

func BenchmarkDiffOfAThousandTopics(b *testing.B) {
	source, target := side("A", map[string]configsync.TopicState{}), side("B", map[string]configsync.TopicState{})
	for i := range 1000 {
		name := fmt.Sprintf("orders%04d", i)
		source.Topics[name] = configsync.TopicState{Partitions: 6, Configs: defaults("1")}
		target.Topics["A."+name] = configsync.TopicState{Partitions: 6, Configs: defaults("1")}
	}
	rules := configsync.Rules{Flow: flowAB(b, topology.NewDefaultPolicy("", ""), "orders.*"), Configs: true, ACLs: configsync.ACLsJava}
	b.ReportAllocs()
	for b.Loop() {
		if plan := configsync.Diff(source, target, rules); !plan.Empty() {
			b.Fatal(plan.Changes)
		}
	}
}

func TestLedgerRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx, name := t.Context(), topology.OwnedTopic("A")
		one, two := r.ledger(r.target, name), r.ledger(r.target, name)
		read := func(l *configsync.Ledger) configsync.Owned {
			t.Helper()
			owned, err := l.Read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return owned
		}
		if owned := read(one); len(owned.Topics)+len(owned.ACLs) != 0 || r.target.TopicInfo(name) != nil {
			t.Errorf("a ledger that is not there owns %v, or looking made it", owned)
		}
		acl := parseACL(t, "ALLOW READ TOPIC PREFIXED A.ord User:app")
		topics := map[string]configsync.OwnedTopic{"A.orders": {Source: "orders", ID: id(1)}, "A.users": {Source: "users", ID: id(2)}}
		if err := one.OwnTopics(ctx, topics); err != nil {
			t.Fatal(err)
		}
		if err := two.OwnACLs(ctx, []configsync.ACL{acl}); err != nil {
			t.Fatal(err)
		}
		want := configsync.Owned{Topics: topics, ACLs: map[configsync.ACL]bool{acl: true}}
		for i, l := range []*configsync.Ledger{one, two, r.ledger(r.target, name)} {
			if diff := cmp.Diff(want, read(l)); diff != "" {
				t.Errorf("ledger %d: %s", i, diff)
			}
		}
		// What nobody understands owns nothing; what has no value is forgotten.
		junk := []*kgo.Record{
			{Topic: name, Key: []byte("topic/A.junk"), Value: []byte("{")},
			{Topic: name, Key: []byte("acl/{}"), Value: []byte("{}")},
			{Topic: name, Key: []byte("topic/A.users")},
			{Topic: name, Value: []byte("no key")},
			{Topic: name, Key: []byte("topic/A.orders"), Value: []byte(`{"source":"orders","id":"short"}`)},
		}
		if err := r.client(r.target).ProduceSync(ctx, junk...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(configsync.Owned{Topics: map[string]configsync.OwnedTopic{}, ACLs: want.ACLs}, read(two)); diff != "" {
			t.Error(diff)
		}
		// Deleted and made anew.
		if err := r.target.DeleteTopic(name); err != nil {
			t.Fatal(err)
		}
		if owned := read(one); len(owned.ACLs) != 0 {
			t.Errorf("a deleted ledger owns %v", owned)
		}
		if err := one.OwnTopics(ctx, topics); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(configsync.Owned{Topics: topics, ACLs: map[configsync.ACL]bool{}}, read(r.ledger(r.target, name))); diff != "" {
			t.Error(diff)
		}
		req := kmsg.NewPtrDescribeConfigsRequest()
		rr := kmsg.NewDescribeConfigsRequestResource()
		rr.ResourceType, rr.ResourceName, rr.ConfigNames = kmsg.ConfigResourceTypeTopic, name, []string{"cleanup.policy"}
		req.Resources = append(req.Resources, rr)
		if resp, err := req.RequestWith(ctx, r.client(r.target)); err != nil || *resp.Resources[0].Configs[0].Value != "compact" {
			t.Errorf("%v, %v", resp, err)
		}
	})
}
