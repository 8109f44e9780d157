package runtime_test

import (
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams"
	"mm2/streams/state"
)

// TestParsedConfig runs an application from Kafka's names, with static membership:
// a restart needs no rebalance, so nobody leaves.
func TestParsedConfig(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.cluster.Create(t, "in", 2)
		r.cluster.Create(t, "out", 1)
		var left atomic.Int32
		r.cluster.ControlKey(kmsg.LeaveGroup.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
			left.Add(1)
			return nil, nil, false
		})
		parsed, err := streams.ParseConfig(map[string]string{
			"application.id": "app", "bootstrap.servers": r.cluster.Addrs[0], "processing.guarantee": "exactly_once_v2",
			"state.dir": r.dirs["a"], "group.instance.id": "one", "replication.factor": "1", "session.timeout.ms": "10000",
		})
		if err != nil {
			t.Fatal(err)
		}
		reg := prometheus.NewRegistry()
		use := func(c *streams.Config) {
			clients, log := c.ClientOptions, c.Logger
			*c = parsed
			c.ClientOptions, c.Logger = append(clients, kgo.MetadataMaxAge(5e9)), log
		}
		a := r.start("a", counting(t, true, nil, state.InMemory()), use, func(c *streams.Config) { c.Metrics = reg })
		r.running(a)
		r.produce("in", 2, 0, 70)
		r.until("all is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 70 })
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		a = r.start("a", counting(t, true, nil, state.InMemory()), use)
		r.running(a)
		r.produce("in", 2, 70, 70)
		r.until("the rest is counted", func() bool { return len(r.cluster.Committed(t, "out")) == 140 })
		if err := a.end(); err != nil {
			t.Errorf("end: %v", err)
		}
		exact(t, r.cluster.Committed(t, "out"), wanted(140, "!"))
		if left.Load() != 0 {
			t.Error("a static member left the group")
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range families {
			if f.GetName() == "mm2_streams_records_processed_total" {
				found = true
				if got := f.GetMetric()[0].GetCounter().GetValue(); got != 140 {
					t.Errorf("%v records processed, want 140: 70 and their repartitioned ones", got)
				}
			}
		}
		if !found {
			t.Error("the metric of processed records is not registered")
		}
	})
}

func TestParseConfigRefuses(t *testing.T) {
	for _, tt := range []struct{ name, key, value string }{
		{"standbys", "num.standby.replicas", "1"},
		{"extractor", "default.timestamp.extractor", "org.apache.kafka.streams.processor.WallclockTimestampExtractor"},
		{"engine", "default.dsl.store", "in_memory"},
		{"unknown name", "num.stream.thread", "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := streams.ParseConfig(map[string]string{"application.id": "app", "bootstrap.servers": "b:9092", tt.key: tt.value})
			if err == nil {
				t.Errorf("%s is taken", tt.key)
			}
		})
	}
}
