package runtime

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reader reads partitions of one cluster for a thread, in no group. Its methods
// are called by whoever holds the thread's mutex. The work is done by a goroutine
// of its own, which alone changes what is read: between two polls, so that
// nothing that it brings later was read for an earlier owner.
type reader struct {
	cluster string
	client  *kgo.Client
	most    int // records of one poll
	to      chan<- arrival
	stop    context.CancelFunc
	ended   chan struct{}

	owners map[tp]*input // of the goroutine

	mu   sync.Mutex // guards what follows
	ops  []func()
	wake context.CancelFunc // ends the poll under way
}

func newReader(cluster string, client *kgo.Client, most int, to chan<- arrival) *reader {
	return &reader{cluster: cluster, client: client, most: most, to: to, ended: make(chan struct{}), owners: make(map[tp]*input)}
}

func (r *reader) start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(ctx)
	go func() {
		defer close(r.ended)
		r.run(ctx)
	}()
}

// close ends the goroutine and the client.
func (r *reader) close() {
	r.stop()
	<-r.ended
	r.client.Close()
}

// add has a partition read from where its input starts.
func (r *reader) add(at tp, in *input) {
	from := kgo.NewOffset().At(in.start.next)
	r.do(func() {
		r.owners[at] = in
		r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{at.topic: {at.partition: from}})
		r.client.ResumeFetchPartitions(map[string][]int32{at.topic: {at.partition}}) // an earlier owner may have paused it
	})
}

// remove ends what add began, unless another owner came since.
func (r *reader) remove(at tp, in *input) {
	r.do(func() {
		if r.owners[at] == in {
			delete(r.owners, at)
			r.client.RemoveConsumePartitions(map[string][]int32{at.topic: {at.partition}})
		}
	})
}

func (r *reader) do(op func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
	if r.wake != nil {
		r.wake()
	}
}

func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		r.mu.Lock()
		ops := r.ops
		r.ops = nil
		poll, wake := context.WithCancel(ctx)
		r.wake = wake
		r.mu.Unlock()
		for _, op := range ops {
			op()
		}
		fetches := r.client.PollRecords(poll, r.most)
		wake()
		if fetches = slices.DeleteFunc(fetches, woken); len(fetches) == 0 {
			continue
		}
		a := arrival{cluster: r.cluster, fetches: fetches, owners: make(map[tp]*input)}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			at := tp{p.Topic, p.Partition}
			a.owners[at] = r.owners[at]
		})
		select {
		case r.to <- a:
		case <-ctx.Done():
		}
	}
}

// woken tells a fetch that only says that the poll was ended.
func woken(f kgo.Fetch) bool {
	for _, topic := range f.Topics {
		for _, p := range topic.Partitions {
			if len(p.Records) > 0 || !errors.Is(p.Err, context.Canceled) {
				return false
			}
		}
	}
	return true
}
