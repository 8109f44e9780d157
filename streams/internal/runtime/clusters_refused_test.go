package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"mm2/internal/mm2test"
	"mm2/streams"
)

func TestClustersAreRefused(t *testing.T) {
	two := map[string]streams.Cluster{"src": {BootstrapServers: []string{"a:1"}}, "dst": {BootstrapServers: []string{"b:1"}}}
	tests := map[string]struct {
		source, sink []streams.Option
		change       func(*streams.Config)
		want         []string
	}{
		"unknown alias":         {source: []streams.Option{streams.OnCluster("elsewhere")}, want: []string{"elsewhere", "src", "dst", "KSTREAM-SOURCE-0000000000"}},
		"unknown sink":          {sink: []streams.Option{streams.OnCluster("there"), streams.Direct()}, want: []string{"there"}},
		"sink elsewhere":        {sink: []streams.Option{streams.OnCluster("src")}, want: []string{"replication flow", "Direct and AllowDuplicates"}},
		"direct only":           {sink: []streams.Option{streams.OnCluster("src"), streams.Direct()}, want: []string{"AllowDuplicates beside Direct"}},
		"home is unknown":       {change: func(c *streams.Config) { c.Home = "nowhere" }, want: []string{"nowhere", "dst"}},
		"two addresses of home": {change: func(c *streams.Config) { c.BootstrapServers = []string{"c:1"} }, want: []string{"c:1", "b:1"}},
		"settings of the application": {change: func(c *streams.Config) {
			c.Clusters["src"] = streams.Cluster{BootstrapServers: []string{"a:1"}, Properties: map[string]string{"num.stream.threads": "3"}}
		}, want: []string{"num.stream.threads", "src"}},
		"no addresses": {change: func(c *streams.Config) { c.Clusters["src"] = streams.Cluster{} }, want: []string{"src", "bootstrap.servers"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder()
			streams.Stream[string, string](b, "in", tt.source...).To("out", tt.sink...)
			c := streams.Config{ApplicationID: "app", Guarantee: streams.ExactlyOnce, Home: "dst", Clusters: map[string]streams.Cluster{"src": two["src"], "dst": two["dst"]}}
			if tt.change != nil {
				tt.change(&c)
			}
			_, err := streams.New(build(t, b), c)
			if err == nil {
				t.Fatal("New took it")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error has no %q: %v", want, err)
				}
			}
		})
	}
}

// TestPositionsThatDoNotFit refuses a part with too many topics before any
// record.
func TestPositionsThatDoNotFit(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		var topics []string
		for i := range 80 {
			topics = append(topics, fmt.Sprintf("a-topic-with-a-long-name-%d", i))
		}
		if _, err := kadm.NewClient(src.Client(t)).CreateTopics(context.Background(), 1, 1, nil, topics...); err != nil {
			t.Fatal(err)
		}
		b := streams.NewBuilder()
		streams.StreamTopics[string, string](b, topics, streams.OnCluster("src")).To("out")
		a := r.start("a", build(t, b))
		<-a.done
		if err := a.end(); err == nil || !strings.Contains(err.Error(), "4096") || !strings.Contains(err.Error(), "Repartition") {
			t.Errorf("Run gave %v", err)
		}
	})
}

// TestNotCopartitionedOverClusters compares topics of two clusters.
func TestNotCopartitionedOverClusters(t *testing.T) {
	inTwo(t, func(t *testing.T, r *rig, src *mm2test.Cluster) {
		src.Create(t, "same", 3)
		r.cluster.Create(t, "same", 4)
		b := streams.NewBuilder()
		far := streams.Stream[string, string](b, "same", streams.OnCluster("src"))
		near := streams.Table[string, string](b, "same")
		streams.JoinTable(far, near, func(v, w string) string { return v + w }).To("out")
		a := r.start("a", build(t, b))
		<-a.done
		if err := a.end(); !errors.Is(err, streams.ErrNotCopartitioned) || !strings.Contains(err.Error(), "src/same=3") {
			t.Errorf("Run gave %v", err)
		}
	})
}
