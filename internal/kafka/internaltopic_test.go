package kafka_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
)

// internalTopicCluster starts a fake cluster of one broker in the caller's
// synctest bubble and returns a maker of admin clients.
func internalTopicCluster(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, func() *kadm.Client) {
	t.Helper()
	var vnet kfake.VirtualNetwork
	c, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(vnet.Listen),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, func() *kadm.Client {
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.Dialer(vnet.DialContext))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return kadm.NewClient(cl)
	}
}

var lanesSpec = kafka.InternalTopic{
	Name:               "mm2-lanes.A.internal",
	Partitions:         8,
	ReplicationFactor:  1,
	Configs:            map[string]string{"segment.bytes": "1048576"},
	ReplicationSetting: "lanes_replication_factor",
}

func TestEnsureInternalTopicCreates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, admin := internalTopicCluster(t)
		adm := admin()

		first, err := kafka.EnsureInternalTopic(t.Context(), adm, lanesSpec)
		if err != nil {
			t.Fatal(err)
		}
		if !first.Created || first.Partitions != 8 || first.CleanupPolicy != "compact" || first.ID == (kadm.TopicID{}) {
			t.Errorf("first: %+v", first)
		}
		again, err := kafka.EnsureInternalTopic(t.Context(), adm, lanesSpec)
		if err != nil {
			t.Fatal(err)
		}
		first.Created = false
		if again != first {
			t.Errorf("again: %+v, want %+v", again, first)
		}
		got := c.TopicInfo(lanesSpec.Name).Configs
		if *got["cleanup.policy"] != "compact" || *got["segment.bytes"] != "1048576" {
			t.Error("the configs did not arrive")
		}
	})
}

func TestEnsureInternalTopicChecksWhatExists(t *testing.T) {
	tests := []struct {
		name       string
		partitions int32
		configs    map[string]string
		exact      bool
		want       error
		contains   string
	}{
		{name: "as wanted", partitions: 8, configs: map[string]string{"cleanup.policy": "compact"}, exact: true},
		{name: "other count reported", partitions: 3, configs: map[string]string{"cleanup.policy": "compact"}},
		{
			name: "other count refused", partitions: 3, configs: map[string]string{"cleanup.policy": "compact"}, exact: true,
			want: kafka.ErrPartitionCount, contains: "it has 3, wanted 8",
		},
		{
			name: "delete by default", partitions: 8,
			want: kafka.ErrNotCompacted, contains: "--entity-name mm2-lanes.A.internal --add-config cleanup.policy=compact",
		},
		{
			name: "compact and delete", partitions: 8, configs: map[string]string{"cleanup.policy": "compact,delete"},
			want: kafka.ErrNotCompacted, contains: `"compact,delete"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, admin := internalTopicCluster(t)
				if err := c.CreateTopic(lanesSpec.Name, tt.partitions, tt.configs); err != nil {
					t.Fatal(err)
				}
				spec := lanesSpec
				spec.ExactPartitions = tt.exact
				st, err := kafka.EnsureInternalTopic(t.Context(), admin(), spec)
				if !errors.Is(err, tt.want) || (err != nil && !strings.Contains(err.Error(), tt.contains)) {
					t.Errorf("error %v, want %v with %q", err, tt.want, tt.contains)
				}
				if st.Partitions != tt.partitions || st.Created {
					t.Errorf("state: %+v", st)
				}
			})
		})
	}
}

func TestEnsureInternalTopicOfManyCreators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const creators = 8
		c, admin := internalTopicCluster(t, kfake.NumBrokers(3))

		// Every creator sees that the topic is missing before the first may
		// create it.
		looked := make(chan struct{}, creators)
		c.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Metadata}, Topic: lanesSpec.Name, Err: kerr.UnknownTopicOrPartition, Count: creators,
			When: func(kmsg.Request) bool { looked <- struct{}{}; return true },
		})
		c.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			for len(looked) < creators {
				c.SleepControl(func() { backoff.Sleep(t.Context(), time.Millisecond) })
			}
			return nil, nil, false
		})

		var wg sync.WaitGroup
		states := make([]kafka.InternalTopicState, creators)
		for i := range creators {
			adm := admin()
			wg.Go(func() {
				var err error
				if states[i], err = kafka.EnsureInternalTopic(t.Context(), adm, lanesSpec); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		created := 0
		for _, st := range states {
			if st.Created {
				created++
			}
			if st.Partitions != 8 || st.CleanupPolicy != "compact" || st.ID != states[0].ID {
				t.Errorf("state: %+v", st)
			}
		}
		if created != 1 {
			t.Errorf("%d creators, want 1", created)
		}
	})
}

func TestEnsureInternalTopicExplainsRefusals(t *testing.T) {
	tests := []struct {
		name  string
		fault kfake.Fault
		rf    int16
		want  error
		text  string
	}{
		{
			name: "replication factor", rf: 3, want: kerr.InvalidReplicationFactor,
			text: "the cluster has 1 broker(s); set lanes_replication_factor to that or less, or to -1",
		},
		{
			name: "policy", rf: 1, want: kerr.PolicyViolation, text: "create.topic.policy",
			fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.PolicyViolation},
		},
		{
			name: "create denied", rf: 1, want: kerr.TopicAuthorizationFailed, text: "grant CREATE on Topic mm2-lanes.A.internal (or on Cluster)",
			fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed},
		},
		{
			name: "describe denied", rf: 1, want: kerr.TopicAuthorizationFailed, text: "grant DESCRIBE on Topic mm2-lanes.A.internal",
			fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.TopicAuthorizationFailed},
		},
		{
			name: "invalid config", rf: 1, want: kerr.InvalidConfig, text: "create topic mm2-lanes.A.internal",
			fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.InvalidConfig},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, admin := internalTopicCluster(t)
				if tt.fault.Err != nil {
					tt.fault.Topic = lanesSpec.Name
					c.Fault(tt.fault)
				}
				spec := lanesSpec
				spec.ReplicationFactor = tt.rf
				_, err := kafka.EnsureInternalTopic(t.Context(), admin(), spec)
				if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error %v, want %v with %q", err, tt.want, tt.text)
				}
			})
		})
	}
}

func TestEnsureInternalTopicOutlastsWhatPasses(t *testing.T) {
	tests := []struct {
		name    string
		fault   kfake.Fault
		created bool
	}{
		{
			name:  "answer to the creation lost",
			fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.RequestTimedOut},
		},
		{
			name: "leader not elected yet", created: true,
			fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Partitions: []int32{5}, Err: kerr.LeaderNotAvailable, Count: 20},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, admin := internalTopicCluster(t)
				tt.fault.Topic = lanesSpec.Name
				h := c.Fault(tt.fault)
				st, err := kafka.EnsureInternalTopic(t.Context(), admin(), lanesSpec)
				if err != nil {
					t.Fatal(err)
				}
				if st.Partitions != 8 || st.CleanupPolicy != "compact" || st.Created != tt.created {
					t.Errorf("state: %+v", st)
				}
				if h.Hits() < max(1, tt.fault.Count) {
					t.Errorf("fault hit %d times", h.Hits())
				}
			})
		})
	}
}

func TestEnsureInternalTopicStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, admin := internalTopicCluster(t)
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: lanesSpec.Name, Partitions: []int32{2}, Err: kerr.LeaderNotAvailable, Count: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := kafka.EnsureInternalTopic(ctx, admin(), lanesSpec)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "partitions [2] have no leader") {
			t.Errorf("error: %v", err)
		}
	})
}

func TestEnsureInternalTopicMayNotReadConfigs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, admin := internalTopicCluster(t)
		if err := c.CreateTopic(lanesSpec.Name, 8, nil); err != nil {
			t.Fatal(err)
		}
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: lanesSpec.Name, Err: kerr.TopicAuthorizationFailed})
		st, err := kafka.EnsureInternalTopic(t.Context(), admin(), lanesSpec)
		if err != nil || st.Partitions != 8 || st.CleanupPolicy != "" {
			t.Errorf("state %+v, error %v", st, err)
		}
	})
}
