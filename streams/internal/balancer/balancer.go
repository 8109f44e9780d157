package balancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams/internal/assign"
)

// ProtocolName is the name under which members join.
const ProtocolName = "mm2-streams"

// TopicPartition names one source partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

func (p TopicPartition) compare(o TopicPartition) int {
	return cmp.Or(cmp.Compare(p.Topic, o.Topic), cmp.Compare(p.Partition, o.Partition))
}

// Task is a task with its source partitions. A partition belongs to one task.
type Task struct {
	assign.Task
	Partitions []TopicPartition
}

// Member is what the leader knows of a member.
type Member struct {
	ID       string
	Instance string // group.instance.id, or empty
	Metadata assign.Metadata
}

// Request is the question to [Config.Plan].
type Request struct {
	// Members are those that are not refused, sorted by instance and id.
	Members []Member
	// Partitions holds the partition count of each topic that some member
	// subscribes to and that exists.
	Partitions map[string]int32
}

// Config is what the runtime gives to a [Balancer].
type Config struct {
	// Assign is valid by its own Validate.
	Assign assign.Config
	// Metadata says what this member is and has. It is called at each join, from
	// a goroutine of the client. Process and Topology never change.
	Metadata func() assign.Metadata
	// Plan is called on the leader, from a goroutine of the client, while the
	// group waits. It checks co-partitioning, makes internal topics, reads end
	// offsets and returns all tasks. An [*assign.Error] is told to all members;
	// any other error fails this round, and the client tries again. ctx ends after
	// PlanTimeout and when the balancer is closed.
	Plan func(ctx context.Context, r Request) ([]Task, error)
	// PlanTimeout bounds Plan. It should be less than the rebalance timeout.
	PlanTimeout time.Duration
	// OnAssignment gets each answer, refusals too, from a goroutine of the client
	// before kgo's callbacks for it. It must not block. It owns the value.
	OnAssignment func(assign.Assignment)
}

// Balancer is a kgo.GroupBalancer for one client. Its methods may be called
// concurrently.
type Balancer struct {
	cfg   Config
	nonce atomic.Uint32

	mu     sync.Mutex // guards what follows
	closed bool
	cancel context.CancelFunc // of a running Plan, or nil
}

var _ kgo.GroupBalancer = (*Balancer)(nil)

// New checks the configuration.
func New(cfg Config) (*Balancer, error) {
	if err := cfg.Assign.Validate(); err != nil {
		return nil, fmt.Errorf("make streams balancer: %w", err)
	}
	if cfg.Metadata == nil || cfg.Plan == nil || cfg.OnAssignment == nil || cfg.PlanTimeout <= 0 {
		return nil, errors.New("make streams balancer: Metadata, Plan, OnAssignment and a positive PlanTimeout are required")
	}
	return &Balancer{cfg: cfg}, nil
}

// Close ends a running Plan and makes later ones fail. Call it before the client
// is closed, which waits for a balance that is under way.
func (b *Balancer) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.cancel != nil {
		b.cancel()
	}
}

// Rejoin starts a rebalance, whether or not this member is the leader. It returns
// at once.
func (b *Balancer) Rejoin(cl *kgo.Client) {
	b.nonce.Add(1)
	cl.ForceRebalance()
}

// ProtocolName implements kgo.GroupBalancer.
func (*Balancer) ProtocolName() string { return ProtocolName }

// IsCooperative implements kgo.GroupBalancer.
func (*Balancer) IsCooperative() bool { return true }

// JoinGroupMetadata implements kgo.GroupBalancer.
func (b *Balancer) JoinGroupMetadata(interests []string, owned map[string][]int32, generation int32) []byte {
	own := b.cfg.Metadata()
	own.Nonce += b.nonce.Load()
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3
	meta.Topics = interests
	meta.Generation = generation
	for topic, partitions := range owned {
		p := kmsg.NewConsumerMemberMetadataOwnedPartition()
		p.Topic, p.Partitions = topic, partitions
		meta.OwnedPartitions = append(meta.OwnedPartitions, p)
	}
	slices.SortFunc(meta.OwnedPartitions, func(x, y kmsg.ConsumerMemberMetadataOwnedPartition) int {
		return cmp.Compare(x.Topic, y.Topic)
	})
	meta.UserData = own.Encode()
	return meta.AppendTo(nil)
}

// ParseSyncAssignment implements kgo.GroupBalancer and calls OnAssignment. An
// answer that can't be read ends the group session with its error.
func (b *Balancer) ParseSyncAssignment(answer []byte) (map[string][]int32, error) {
	var m kmsg.ConsumerMemberAssignment
	if err := m.ReadFrom(answer); err != nil {
		return nil, fmt.Errorf("read the answer of the group leader: %w", err)
	}
	a, err := assign.DecodeAssignment(m.UserData)
	if err != nil {
		return nil, fmt.Errorf("read the answer of the group leader: %w", err)
	}
	partitions := make(map[string][]int32, len(m.Topics))
	for _, t := range m.Topics {
		partitions[t.Topic] = append(partitions[t.Topic], t.Partitions...)
	}
	b.cfg.OnAssignment(a)
	return partitions, nil
}

// MemberBalancer implements kgo.GroupBalancer. The result can fail, and the
// client logs its members.
func (b *Balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	cb, err := kgo.NewConsumerBalancer(round{b}, members)
	if err != nil {
		return nil, nil, fmt.Errorf("read what the members of the group said: %w", err)
	}
	return cb, cb.MemberTopics(), nil
}

// round is what kgo calls to balance.
type round struct{ b *Balancer }

// Balance implements kgo.ConsumerBalancerBalance.
func (r round) Balance(cb *kgo.ConsumerBalancer, counts map[string]int32) kgo.IntoSyncAssignment {
	answers, err := r.b.balance(cb, counts)
	if err != nil {
		cb.SetError(err)
		return nil
	}
	return answers
}

// plan calls the hook with a context that ends with the balancer.
func (b *Balancer) plan(r Request) ([]Task, error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.cfg.PlanTimeout)
	defer cancel()
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, context.Canceled
	}
	b.cancel = cancel
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.cancel = nil
		b.mu.Unlock()
	}()
	return b.cfg.Plan(ctx, r)
}
