package internaltopics_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/mm2test"
	"mm2/streams/internal/internaltopics"
)

func cluster(t *testing.T) *mm2test.Cluster {
	return mm2test.NewCluster(t, new(kfake.VirtualNetwork), 9092, "home")
}

func manager(t *testing.T, c *mm2test.Cluster) *internaltopics.Manager {
	return internaltopics.NewManager(kadm.NewClient(c.Client(t)), nil)
}

var planned = []internaltopics.Topic{
	{Name: "app-x-repartition", Partitions: 3, ReplicationFactor: 1, Configs: map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}},
	{Name: "app-s-changelog", Partitions: 2, ReplicationFactor: -1, Configs: map[string]string{"cleanup.policy": "compact"}},
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestEnsureCreatesAndLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster(t)
		m, ctx := manager(t, c), bounded(t)
		c.Create(t, "orders", 4)
		if err := m.Check(ctx, planned); !errors.Is(err, internaltopics.ErrMissingInternalTopic) ||
			!strings.Contains(err.Error(), "app-s-changelog, app-x-repartition") {
			t.Errorf("check before: %v", err)
		}
		for range 2 {
			if err := m.Ensure(ctx, planned); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Check(ctx, planned); err != nil {
			t.Errorf("check after: %v", err)
		}
		counts, err := m.Partitions(ctx, "orders", "absent", "app-x-repartition", "app-s-changelog")
		want := map[string]int32{"orders": 4, "app-x-repartition": 3, "app-s-changelog": 2}
		if diff := cmp.Diff(want, counts); diff != "" || err != nil {
			t.Errorf("%v, (-want +got)\n%s", err, diff)
		}
		if got := c.TopicInfo("app-x-repartition").Configs; *got["retention.ms"] != "-1" || *got["cleanup.policy"] != "delete" {
			t.Error("the configs did not arrive")
		}
		if counts, err := m.Partitions(ctx); err != nil || len(counts) > 0 {
			t.Errorf("no topics asked for: %v, %v", counts, err)
		}
	})
}

func TestEnsureRefusesAnotherCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster(t)
		m, ctx := manager(t, c), bounded(t)
		c.Create(t, "app-x-repartition", 5)
		for _, ask := range []func(context.Context, []internaltopics.Topic) error{m.Ensure, m.Check} {
			err := ask(ctx, planned)
			var typed *internaltopics.Error
			if !errors.As(err, &typed) || !errors.Is(err, internaltopics.ErrPartitionCount) || typed.Topics["app-x-repartition"] != 5 ||
				!strings.Contains(err.Error(), "app-x-repartition=5; the topology needs 3") || !strings.Contains(err.Error(), "reset the application") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestEnsureWithManyCreators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, ctx := cluster(t), bounded(t)
		var wg sync.WaitGroup
		for range 5 {
			m := manager(t, c)
			wg.Go(func() {
				if err := m.Ensure(ctx, planned); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// answer makes the cluster answer the next creations of topics with code.
func answerCreate(c *mm2test.Cluster, code *kerr.Error, message string, times int) {
	c.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if times == 0 {
			return nil, nil, false
		}
		times--
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, asked := range req.(*kmsg.CreateTopicsRequest).Topics {
			st := kmsg.NewCreateTopicsResponseTopic()
			st.Topic, st.ErrorCode, st.ErrorMessage = asked.Topic, code.Code, &message
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
}

func TestEnsureTriesAgain(t *testing.T) {
	for name, code := range map[string]*kerr.Error{
		"being deleted": kerr.TopicAlreadyExists, "slow": kerr.RequestTimedOut, "controller moves": kerr.NotController,
		"quota": kerr.ThrottlingQuotaExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := cluster(t)
				m := manager(t, c)
				answerCreate(c, code, "", 6)
				if err := m.Ensure(bounded(t), planned); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestEnsureGivesUp(t *testing.T) {
	tests := []struct {
		name    string
		code    *kerr.Error
		message string
		want    []string
	}{
		{"invalid config", kerr.InvalidConfig, "Unknown topic config name: nonsense", []string{"create topic app-x-repartition", "the broker says: Unknown topic config name: nonsense"}},
		{"policy", kerr.PolicyViolation, "no", []string{"create.topic.policy"}},
		{"replicas", kerr.InvalidReplicationFactor, "", []string{"1 broker(s)", "set replication.factor"}},
		{"rights", kerr.TopicAuthorizationFailed, "", []string{"grant CREATE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := cluster(t)
				m := manager(t, c)
				answerCreate(c, tt.code, tt.message, -1)
				err := m.Ensure(bounded(t), planned)
				if !errors.Is(err, tt.code) {
					t.Errorf("got %v", err)
				}
				for _, want := range tt.want {
					if err != nil && !strings.Contains(err.Error(), want) {
						t.Errorf("got %v, want %q in it", err, want)
					}
				}
			})
		})
	}
}

func TestEnsureEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster(t)
		m := manager(t, c)
		answerCreate(c, kerr.TopicAlreadyExists, "", -1)
		err := m.Ensure(bounded(t), planned)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "still being deleted") {
			t.Errorf("got %v", err)
		}
	})
}

// A topic is not usable before metadata shows it.
func TestEnsureWaitsForMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster(t)
		m := manager(t, c)
		hidden := 8
		c.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
			asked := req.(*kmsg.MetadataRequest)
			if hidden == 0 || len(asked.Topics) != 2 {
				if hidden > 0 {
					c.KeepControl()
				}
				return nil, nil, false
			}
			c.KeepControl()
			hidden--
			resp := req.ResponseKind().(*kmsg.MetadataResponse)
			b := kmsg.NewMetadataResponseBroker()
			b.Host, b.Port = "127.0.0.1", 9092
			resp.Brokers = append(resp.Brokers, b)
			for _, a := range asked.Topics {
				topic := kmsg.NewMetadataResponseTopic()
				topic.Topic, topic.ErrorCode = a.Topic, kerr.UnknownTopicOrPartition.Code
				if hidden < 4 { // then in part, without leaders
					topic.ErrorCode = 0
					p := kmsg.NewMetadataResponseTopicPartition()
					p.Leader, p.ErrorCode = -1, kerr.LeaderNotAvailable.Code
					topic.Partitions = append(topic.Partitions, p)
				}
				resp.Topics = append(resp.Topics, topic)
			}
			return resp, nil, true
		})
		if err := m.Ensure(bounded(t), planned); err != nil {
			t.Error(err)
		}
		if hidden > 0 {
			t.Errorf("%d answers were not asked for", hidden)
		}
	})
}

func TestPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster(t)
		admin := kadm.NewClient(c.Client(t))
		var logged bytes.Buffer
		p := internaltopics.NewPurger(admin, slog.New(slog.NewTextHandler(&logged, nil)))
		c.Create(t, "app-x-repartition", 2)
		for range 5 {
			c.Produce(t, &kgo.Record{Topic: "app-x-repartition", Partition: 1, Value: []byte("v")})
		}
		if !p.Purge(t.Context(), map[string]map[int32]int64{"app-x-repartition": {0: 0, 1: 3}}) || !p.Purge(t.Context(), nil) {
			t.Error("not purged")
		}
		starts, err := admin.ListStartOffsets(t.Context(), "app-x-repartition")
		if err != nil {
			t.Fatal(err)
		}
		if at, _ := starts.Lookup("app-x-repartition", 1); at.Offset != 3 {
			t.Errorf("starts at %d, want 3", at.Offset)
		}
		if p.Purge(t.Context(), map[string]map[int32]int64{"absent": {0: 1}, "app-x-repartition": {1: 99}}) {
			t.Error("purged what is not there")
		}
		if got := logged.String(); !strings.Contains(got, "absent") || !strings.Contains(got, "offset=99") {
			t.Errorf("logged %s", got)
		}
	})
}

func TestPurgeHasOneRequestAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cluster(t)
		p := internaltopics.NewPurger(kadm.NewClient(c.Client(t)), nil)
		c.Create(t, "r", 1)
		c.Produce(t, &kgo.Record{Topic: "r", Value: []byte("v")})
		release := make(chan struct{})
		c.ControlKey(int16(kmsg.DeleteRecords), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.SleepControl(func() { <-release })
			return nil, nil, false
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if !p.Purge(t.Context(), map[string]map[int32]int64{"r": {0: 1}}) {
				t.Error("the first did not purge")
			}
		})
		synctest.Wait()
		if p.Purge(t.Context(), map[string]map[int32]int64{"r": {0: 1}}) {
			t.Error("the second did purge")
		}
		close(release)
		wg.Wait()
	})
}
