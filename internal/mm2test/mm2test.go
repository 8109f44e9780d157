// Package mm2test runs whole clusters and workers inside one test process, in
// virtual time: kfake clusters on an in-memory network, and links that can be
// cut and frozen to kill and pause a worker. It is for tests only.
package mm2test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Cluster is a kfake cluster on a virtual network.
type Cluster struct {
	*kfake.Cluster
	Addrs []string
	net   *kfake.VirtualNetwork
}

// NewCluster starts a single-broker cluster; port tells clusters of one network
// apart. It is closed when the test ends.
func NewCluster(t testing.TB, vnet *kfake.VirtualNetwork, port int, id string, opts ...kfake.Opt) *Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.ListenFn(vnet.Listen), kfake.Ports(port), kfake.NumBrokers(1), kfake.ClusterID(id),
	}, opts...)...)
	if err != nil {
		t.Fatalf("start cluster %s: %v", id, err)
	}
	t.Cleanup(c.Close)
	return &Cluster{Cluster: c, Addrs: c.ListenAddrs(), net: vnet}
}

// Client returns a client of the cluster that is closed when the test ends.
func (c *Cluster) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.Addrs...), kgo.Dialer(NewLink(c.net).DialContext), kgo.DisableClientMetrics(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// A zstd decoder is closed by a finalizer, which a bubble does not survive.
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.MetadataMinAge(10 * time.Millisecond), // listings are cached that long
	}, opts...)...)
	if err != nil {
		t.Fatalf("client: %v", err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// Create makes a topic.
func (c *Cluster) Create(t testing.TB, topic string, partitions int32) {
	t.Helper()
	if _, err := kadm.NewClient(c.Client(t)).CreateTopic(t.Context(), partitions, 1, nil, topic); err != nil {
		t.Fatalf("create %s: %v", topic, err)
	}
}

// Recreate leaves the topic with one partition and another topic id. A running
// worker makes a copy that it misses anew, so it may be the one who creates it:
// for the worker that is the same damage.
func (c *Cluster) Recreate(t testing.TB, topic string) {
	t.Helper()
	admin := kadm.NewClient(c.Client(t))
	if _, err := admin.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatalf("delete %s: %v", topic, err)
	}
	if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, topic); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Fatalf("create %s again: %v", topic, err)
	}
}

// Produce writes records and waits for them.
func (c *Cluster) Produce(t testing.TB, records ...*kgo.Record) {
	t.Helper()
	if err := c.Client(t).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
}

// Committed reads all partitions of a topic up to their last stable offset, in
// partition order. A topic that does not exist has no records.
func (c *Cluster) Committed(t testing.TB, topic string) []*kgo.Record {
	t.Helper()
	adm := kadm.NewClient(c.Client(t))
	ends, err := adm.ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatalf("list offsets of %s: %v", topic, err)
	}
	var out []*kgo.Record
	for _, end := range ends.Offsets().Sorted() {
		if end.At <= 0 {
			continue
		}
		cl := c.Client(t, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {end.Partition: kgo.NewOffset().AtStart()}}))
		for next := int64(0); next < end.At; {
			fs := cl.PollFetches(t.Context())
			if err := fs.Err(); err != nil {
				t.Fatalf("read %s: %v", topic, err)
			}
			for _, r := range fs.Records() {
				next = r.Offset + 1
				if !r.Attrs.IsControl() {
					out = append(out, r)
				}
			}
		}
		cl.Close()
	}
	return out
}

// Link is a worker's network: cutting it is what kill -9 does, as the brokers
// see it.
type Link struct {
	net *kfake.VirtualNetwork

	mu    sync.Mutex // guards what follows
	cut   bool
	conns []net.Conn
}

// NewLink returns a link that works.
func NewLink(vnet *kfake.VirtualNetwork) *Link { return &Link{net: vnet} }

var errCut = errors.New("the link is cut")

// DialContext is for kgo.Dialer.
func (l *Link) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errCut
	}
	c, err := l.net.DialContext(ctx, network, addr)
	if err != nil {
		// As of a real network: clients go on with another broker.
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	l.conns = append(l.conns, c)
	return c, nil
}

// Cut closes every connection and lets none be made until Mend.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for _, c := range l.conns {
		_ = c.Close() // it may be closed already
	}
	l.conns = nil
}

// Mend lets connections be made again.
func (l *Link) Mend() {
	l.mu.Lock()
	l.cut = false
	l.mu.Unlock()
}

// Values are the records' values as strings, sorted by partition.
func Values(records []*kgo.Record) []string {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = string(r.Value)
	}
	return out
}
