package replicator_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
	"mm2/replicator"
	"mm2/topology"
)

// web is any number of clusters in one bubble, joined by flows that keep names.
type web struct {
	net      kfake.VirtualNetwork
	clusters map[topology.Alias]*mm2test.Cluster
	flows    []topology.Flow
	routes   *topology.Routes
	n        int // records produced
}

func newWeb(t *testing.T, when topology.Provenance, flows ...string) *web {
	t.Helper()
	w := &web{clusters: map[topology.Alias]*mm2test.Cluster{}}
	filter, err := topology.NewFilter([]string{"orders.*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range flows {
		id, ok := topology.ParseFlowID(text)
		if !ok {
			t.Fatalf("bad flow %q", text)
		}
		for _, a := range []topology.Alias{id.Source, id.Target} {
			if w.clusters[a] == nil {
				w.clusters[a] = mm2test.NewCluster(t, &w.net, 9093+len(w.clusters), "cluster-"+string(a))
			}
		}
		w.flows = append(w.flows, topology.Flow{
			ID: id, Policy: topology.NewIdentityPolicy(id.Source, ".", "."), Topics: filter, Copy: true, Provenance: when,
		})
	}
	if problems := topology.Check(w.flows); len(problems) > 0 {
		t.Fatalf("refused: %v", problems)
	}
	w.routes = topology.NewRoutes(w.flows)
	return w
}

func (w *web) dialer(t *testing.T, a topology.Alias, link *mm2test.Link) *kafka.Dialer {
	t.Helper()
	d, err := kafka.NewDialer(a, connection.Connection{Bootstrap: w.clusters[a].Addrs}, nil, kgo.Dialer(link.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w *web) replicator(t *testing.T, f topology.Flow, link *mm2test.Link, change ...func(*replicator.Deps)) *replicator.Replicator {
	t.Helper()
	deps := replicator.Deps{
		Topics:  topics{target: kadm.NewClient(w.clusters[f.ID.Target].Client(t))},
		Metrics: replicator.NewMetrics(prometheus.NewRegistry()), Logger: testLogger(t, f.ID.String()),
	}
	for _, c := range change {
		c(&deps)
	}
	r, err := replicator.New(replicator.Config{
		Flow: f, Source: w.dialer(t, f.ID.Source, link), Target: w.dialer(t, f.ID.Target, link), Worker: f.ID.String(), Routes: w.routes,
		Lanes: 2, LanesReplicationFactor: 1, DiscoveryInterval: time.Second, CommitInterval: 500 * time.Millisecond, CommitBytes: 1 << 20,
		SessionTimeout: 10 * time.Second, TransactionTimeout: 8 * time.Second,
	}, deps)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start runs all flows over one link until stop or the end of the test.
func (w *web) start(t *testing.T) (link *mm2test.Link, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	link = mm2test.NewLink(&w.net)
	var running sync.WaitGroup
	for _, f := range w.flows {
		r := w.replicator(t, f, link)
		running.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Errorf("%s: %v", f.ID, err)
			}
		})
	}
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return link, stop
}

// produce writes n records to topic on each of the clusters; the values name
// the cluster.
func (w *web) produce(t *testing.T, topic string, n int) {
	t.Helper()
	for a, c := range w.clusters {
		var out []*kgo.Record
		for i := range n {
			out = append(out, &kgo.Record{Topic: topic, Partition: int32(i % 2), Value: fmt.Appendf(nil, "%s%d", a, w.n+i)})
		}
		c.Produce(t, out...)
	}
	w.n += n
}

// wantEverywhere checks that each cluster has every record once, in the order
// of its origin, marked with it where it is a copy, and that nothing grows.
func (w *web) wantEverywhere(t *testing.T, topic string) {
	t.Helper()
	ends := w.ends(t, topic)
	time.Sleep(30 * time.Second)
	if diff := cmp.Diff(ends, w.ends(t, topic)); diff != "" {
		t.Errorf("%s grows by itself (-before +after):\n%s", topic, diff)
	}
	for at, c := range w.clusters {
		got := map[topology.Alias][]int{}
		for _, r := range c.Committed(t, topic) {
			var n int
			origin := topology.Alias(r.Value[:1])
			if _, err := fmt.Sscan(string(r.Value[1:]), &n); err != nil {
				t.Fatal(err)
			}
			got[origin] = append(got[origin], n)
			want := []kgo.RecordHeader{{Key: replicator.OriginHeader, Value: []byte(origin)}}
			if origin == at {
				want = nil
			}
			if diff := cmp.Diff(want, r.Headers); diff != "" {
				t.Fatalf("headers on %s of a record of %s (-want +got):\n%s", at, origin, diff)
			}
		}
		for origin := range w.clusters {
			var want []int // partition by partition
			for p := range 2 {
				for i := p; i < w.n; i += 2 {
					want = append(want, i)
				}
			}
			if !slices.Equal(want, got[origin]) {
				t.Errorf("%s has %d records of %s, want %d, once and in order", at, len(got[origin]), origin, len(want))
			}
		}
	}
}

func (w *web) ends(t *testing.T, topic string) map[topology.Alias][]int64 {
	t.Helper()
	out := map[topology.Alias][]int64{}
	for a, c := range w.clusters {
		os, err := kadm.NewClient(c.Client(t)).ListEndOffsets(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for p := range int32(2) {
			o, _ := os.Lookup(topic, p)
			out[a] = append(out[a], o.Offset)
		}
	}
	return out
}

// Same names in all directions: nothing goes round, nothing arrives twice, also
// through a restart and a kill in the middle.
func TestSameNamesEverywhere(t *testing.T) {
	tests := []struct {
		name    string
		flows   []string
		records int
	}{
		{"both ways", []string{"A->B", "B->A"}, 2_000},
		{"full mesh of three", []string{"A->B", "A->C", "B->A", "B->C", "C->A", "C->B"}, 10_000},
		{"ring of three", []string{"A->B", "B->C", "C->A"}, 400},
		{"hub with two spokes", []string{"A->H", "H->A", "B->H", "H->B"}, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWeb(t, topology.ProvenanceAuto, tt.flows...)
				for _, c := range w.clusters {
					c.Create(t, "orders", 2)
				}
				w.produce(t, "orders", tt.records/4)
				_, stop := w.start(t)
				w.produce(t, "orders", tt.records/4)
				time.Sleep(time.Second)
				stop()
				w.produce(t, "orders", tt.records/4)
				link, _ := w.start(t)
				time.Sleep(3 * time.Second)
				w.produce(t, "orders", tt.records-tt.records/4*3)
				link.Cut()
				time.Sleep(20 * time.Second)
				link.Mend()
				time.Sleep(time.Minute)
				w.wantEverywhere(t, "orders")
			})
		})
	}
}

// process passes records with the given marks ("-": none) through the stage of
// a flow and gives back what is left.
func process(t testing.TB, routes *topology.Routes, flow topology.FlowID, marks ...string) (left []string, grown int64) {
	t.Helper()
	b := &pipeline.Batch{Source: pipeline.Partition{Topic: "orders"}, Bytes: 0}
	var records []pipeline.Record
	for i, m := range marks {
		r := &kgo.Record{Value: fmt.Appendf(nil, "%d", i), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}}}
		if m != "-" {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: replicator.OriginHeader, Value: []byte(m)})
		}
		records = append(records, pipeline.Record{Record: r, From: int64(i)})
		b.Bytes += bytesOf(r)
	}
	b.SetRecords(records)
	if err := replicator.NewProvenance(flow, routes).Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Records() {
		mark := "-"
		for _, h := range r.Headers {
			if h.Key == replicator.OriginHeader {
				mark = string(h.Value)
			}
		}
		left = append(left, fmt.Sprintf("%s:%s", r.Value, mark))
		grown -= bytesOf(r.Record)
	}
	return left, grown + b.Bytes
}

func bytesOf(r *kgo.Record) int64 {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}

func TestProvenance(t *testing.T) {
	ab := topology.FlowID{Source: "A", Target: "B"}
	tests := []struct {
		name  string
		when  topology.Provenance
		flows []string
		want  []string // of marks -, A, B, -, C, ""
	}{
		{"one way: untouched", topology.ProvenanceAuto, []string{"A->B"}, []string{"0:-", "1:A", "2:B", "3:-", "4:C", "5:"}},
		{"one way, always", topology.ProvenanceAlways, []string{"A->B"}, []string{"0:A", "1:A", "2:A", "3:A", "4:A", "5:A"}},
		{"both ways", topology.ProvenanceAuto, []string{"A->B", "B->A"}, []string{"0:A", "1:A", "3:A", "4:A", "5:A"}},
		{"passing on", topology.ProvenanceAlways, []string{"C->A", "A->B"}, []string{"0:A", "1:A", "2:A", "3:A", "4:C", "5:A"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWeb(t, tt.when, tt.flows...)
				got, wrong := process(t, w.routes, ab, "-", "A", "B", "-", "C", "")
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
				if wrong != 0 {
					t.Errorf("the batch's size is wrong by %d", wrong)
				}
			})
		})
	}
}

// Looking at records costs nothing but the room for a header.
func TestProvenanceAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(t, topology.ProvenanceAuto, "A->B", "B->A")
		stage := replicator.NewProvenance(topology.FlowID{Source: "A", Target: "B"}, w.routes)
		marks := [][]byte{nil, []byte("B"), []byte("A"), []byte("unheard of")}
		b := &pipeline.Batch{Source: pipeline.Partition{Topic: "orders"}}
		all := make([]pipeline.Record, 400)
		for i := range all {
			all[i] = pipeline.Record{Record: &kgo.Record{Headers: make([]kgo.RecordHeader, 0, 1)}}
		}
		batch := make([]pipeline.Record, len(all))
		allocs := testing.AllocsPerRun(20, func() {
			copy(batch, all)
			for i := range batch {
				r := batch[i].Record
				r.Headers = r.Headers[:0]
				if m := marks[i%len(marks)]; m != nil {
					r.Headers = append(r.Headers, kgo.RecordHeader{Key: replicator.OriginHeader, Value: m})
				}
			}
			b.SetRecords(batch)
			if err := stage.Process(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations for a batch", allocs)
		}
	})
}
