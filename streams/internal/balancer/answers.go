package balancer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/streams/internal/assign"
)

// answers is what the leader sends, by member. It implements
// kgo.IntoSyncAssignment after encode.
type answers struct {
	group   *group
	byID    map[string]*answer
	encoded []kmsg.SyncGroupRequestGroupAssignment
}

type answer struct {
	partitions []TopicPartition
	assign.Assignment
}

func newAnswers(g *group) answers {
	return answers{group: g, byID: make(map[string]*answer, len(g.members))}
}

// IntoSyncAssignment implements kgo.IntoSyncAssignment.
func (a answers) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment { return a.encoded }

// refuse answers with an error. The member keeps its partitions.
func (a answers) refuse(m *member, e *assign.Error) {
	a.byID[m.ID] = &answer{partitions: a.owned(m), Assignment: assign.Assignment{Code: e.Code, Text: e.Text}}
}

// keep answers with what the member has and says.
func (a answers) keep(m *member) {
	as := &answer{partitions: a.owned(m)}
	for _, t := range m.Metadata.Tasks {
		switch {
		case t.Standby:
			as.Standby = append(as.Standby, t.ID)
		case t.Active:
			as.Active = append(as.Active, t.ID)
		}
	}
	a.byID[m.ID] = as
}

func (a answers) owned(m *member) []TopicPartition {
	var out []TopicPartition
	for _, p := range m.owned {
		if a.group.owns(m, p) {
			out = append(out, p)
		}
	}
	return out
}

// give answers with the plan, except tasks that others still own in part and
// tasks of which the member's client has not found all topics.
func (a answers) give(m *member, accepted []*member, plan assign.MemberPlan, tasks map[assign.TaskID]Task) {
	as := &answer{}
	as.Standby, as.WarmUp = plan.Standby, plan.WarmUp
	for _, id := range plan.Active {
		t := tasks[id]
		unseen := false
		for _, p := range t.Partitions {
			if !slices.Contains(m.topics, p.Topic) {
				unseen = true
				as.Unseen = append(as.Unseen, p.Topic)
			}
		}
		if !unseen && !slices.ContainsFunc(t.Partitions, func(p TopicPartition) bool { return !a.group.free(m, p) }) {
			as.Active = append(as.Active, id)
			as.partitions = append(as.partitions, t.Partitions...)
			continue
		}
		// A thread of the same process that still runs the task has the store open.
		sameProcess := func(other *member) bool {
			return other.Metadata.Process == m.Metadata.Process && slices.ContainsFunc(t.Partitions, func(p TopicPartition) bool {
				return slices.Contains(a.group.claims[p], other)
			})
		}
		if t.Stateful && !slices.ContainsFunc(accepted, sameProcess) {
			as.WarmUp = append(as.WarmUp, id)
		}
	}
	slices.SortFunc(as.WarmUp, assign.TaskID.Compare)
	slices.Sort(as.Unseen)
	as.Unseen = slices.Compact(as.Unseen)
	a.byID[m.ID] = as
}

// followUp asks one member for the next rebalance: the leader, which outlives no
// plan of its own, as losing it is a rebalance too.
func (a answers) followUp(accepted []*member, leader string, after time.Duration) {
	if after == 0 || len(accepted) == 0 {
		return
	}
	who := accepted[0].ID
	if slices.ContainsFunc(accepted, func(m *member) bool { return m.ID == leader }) {
		who = leader
	}
	a.byID[who].FollowUp = after
}

// hosts is where tasks run after this round, by end point.
func (a answers) hosts() []assign.Host {
	byEndPoint := map[string]*assign.Host{}
	for _, m := range a.group.members {
		as := a.byID[m.ID]
		if as.Code != assign.CodeNone || m.Metadata.EndPoint == "" {
			continue
		}
		h := byEndPoint[m.Metadata.EndPoint]
		if h == nil {
			h = &assign.Host{EndPoint: m.Metadata.EndPoint}
			byEndPoint[h.EndPoint] = h
		}
		h.Active = append(h.Active, as.Active...)
		h.Standby = append(h.Standby, slices.Concat(as.Standby, as.WarmUp)...)
	}
	var out []assign.Host
	for _, h := range byEndPoint {
		slices.SortFunc(h.Active, assign.TaskID.Compare)
		slices.SortFunc(h.Standby, assign.TaskID.Compare)
		out = append(out, *h)
	}
	slices.SortFunc(out, func(x, y assign.Host) int { return cmp.Compare(x.EndPoint, y.EndPoint) })
	return out
}

// encode writes all answers in the version that everybody reads.
func (a answers) encode() (answers, error) {
	hosts, version := a.hosts(), a.group.version()
	for _, m := range a.group.members {
		as := a.byID[m.ID]
		if as.Code == assign.CodeNone {
			as.Hosts = hosts
		}
		data, err := as.Encode(version)
		if err != nil {
			return answers{}, fmt.Errorf("answer member %s: %w", m.ID, err)
		}
		sync := kmsg.NewSyncGroupRequestGroupAssignment()
		sync.MemberID = m.ID
		sync.MemberAssignment = wire(as.partitions, data)
		a.encoded = append(a.encoded, sync)
	}
	slices.SortFunc(a.encoded, func(x, y kmsg.SyncGroupRequestGroupAssignment) int { return cmp.Compare(x.MemberID, y.MemberID) })
	return a, nil
}

// wire is Kafka's form of an answer: tools that list groups can read the
// partitions in it.
func wire(partitions []TopicPartition, userData []byte) []byte {
	slices.SortFunc(partitions, TopicPartition.compare)
	m := kmsg.NewConsumerMemberAssignment()
	m.UserData = userData
	for _, p := range partitions {
		if n := len(m.Topics); n == 0 || m.Topics[n-1].Topic != p.Topic {
			t := kmsg.NewConsumerMemberAssignmentTopic()
			t.Topic = p.Topic
			m.Topics = append(m.Topics, t)
		}
		last := &m.Topics[len(m.Topics)-1]
		last.Partitions = append(last.Partitions, p.Partition)
	}
	return m.AppendTo(nil)
}
