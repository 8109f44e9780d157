package balancer

import (
	"bytes"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams/internal/assign"
)

// member is one member as the leader sees it.
type member struct {
	Member
	generation int32
	topics     []string         // what it subscribes to and has found
	owned      []TopicPartition // what it claims to own
	unreadable error            // why Metadata is empty
}

func (m *member) compatible(with assign.Fingerprint) bool {
	return m.unreadable == nil && m.Metadata.Topology == with
}

// group is all members and who of them owns what.
type group struct {
	members []*member
	claims  map[TopicPartition][]*member
}

func readGroup(cb *kgo.ConsumerBalancer) *group {
	g := &group{claims: map[TopicPartition][]*member{}}
	cb.EachMember(func(joined *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		m := &member{generation: meta.Generation, topics: meta.Topics}
		m.ID = joined.MemberID
		if joined.InstanceID != nil {
			m.Instance = *joined.InstanceID
		}
		m.Metadata, m.unreadable = assign.DecodeMetadata(meta.UserData)
		for _, t := range meta.OwnedPartitions {
			for _, n := range t.Partitions {
				p := TopicPartition{Topic: t.Topic, Partition: n}
				m.owned = append(m.owned, p)
				g.claims[p] = append(g.claims[p], m)
			}
		}
		g.members = append(g.members, m)
	})
	return g
}

// owns says whether the member owns the partition. A claim proves that only if
// nobody claims the partition with a higher generation: a member that missed
// rebalances still claims what others got since.
func (g *group) owns(m *member, p TopicPartition) bool {
	mine := false
	for _, other := range g.claims[p] {
		if other == m {
			mine = true
		} else if other.generation > m.generation {
			return false
		}
	}
	return mine
}

// free says whether the partition may be given to the member in this round. Even
// a stale claim stands against it: whoever claims may still be consuming, and
// revokes when its answer lacks the partition.
func (g *group) free(m *member, p TopicPartition) bool {
	if g.owns(m, p) {
		return true
	}
	for _, other := range g.claims[p] {
		if other != m {
			return false
		}
	}
	return true
}

// topology is what the group runs: the topology of most of the members who own
// partitions, or the leader's own if none does or on a tie.
func (g *group) topology(leader assign.Fingerprint) assign.Fingerprint {
	votes := map[assign.Fingerprint]int{}
	for _, m := range g.members {
		if m.unreadable != nil {
			continue
		}
		for _, p := range m.owned {
			if g.owns(m, p) {
				votes[m.Metadata.Topology]++
				break
			}
		}
	}
	best := leader
	for topology, n := range votes {
		most := votes[best]
		if n > most || n == most && best != leader && bytes.Compare(topology[:], best[:]) < 0 {
			best = topology
		}
	}
	return best
}

// version is the lowest version that any member speaks.
func (g *group) version() uint8 {
	v := assign.Version
	for _, m := range g.members {
		if m.unreadable == nil {
			v = min(v, m.Metadata.Version)
		}
	}
	return v
}
