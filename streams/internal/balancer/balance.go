package balancer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/assign"
)

// balance is one round on the leader.
func (b *Balancer) balance(cb *kgo.ConsumerBalancer, counts map[string]int32) (answers, error) {
	g := readGroup(cb)
	own := b.cfg.Metadata().Topology
	running := g.topology(own)
	var accepted []*member
	out := newAnswers(g)
	for _, m := range g.members {
		if m.compatible(running) {
			accepted = append(accepted, m)
		} else {
			out.refuse(m, refusal(m, running))
		}
	}
	for _, m := range accepted {
		if m.Metadata.Code != assign.CodeNone {
			for _, other := range accepted {
				out.refuse(other, &assign.Error{Code: m.Metadata.Code, Text: "told by member " + m.ID})
			}
			return out.encode()
		}
	}
	if running != own {
		for _, m := range accepted {
			out.keep(m)
		}
		return out.encode()
	}

	req := Request{Partitions: counts}
	for _, m := range accepted {
		req.Members = append(req.Members, m.Member)
	}
	tasks, err := b.plan(req)
	var refused *assign.Error
	switch {
	case errors.As(err, &refused):
		for _, m := range accepted {
			out.refuse(m, refused)
		}
		return out.encode()
	case err != nil:
		return answers{}, fmt.Errorf("plan the tasks of the group: %w", err)
	}
	byID, err := index(tasks)
	if err != nil {
		return answers{}, fmt.Errorf("plan the tasks of the group: %w", err)
	}
	plan := assign.Compute(input(g, accepted, tasks), b.cfg.Assign)
	for _, m := range accepted {
		out.give(m, accepted, plan.Members[m.ID], byID)
	}
	out.followUp(accepted, cb.Info().LeaderID, plan.FollowUp)
	return out.encode()
}

// refusal says why the member is not taken into the group.
func refusal(m *member, running assign.Fingerprint) *assign.Error {
	e := &assign.Error{Code: assign.CodeIncompatibleTopology}
	if m.unreadable != nil {
		e.Text = fmt.Sprintf("the leader can't read what member %s says: %v; run the same version of mm2 in all instances", m.ID, m.unreadable)
		return e
	}
	e.Text = fmt.Sprintf("member %s of process %s runs topology %.8x, the group runs %.8x; "+
		"run the same topology in all instances, or give the new one another application id",
		m.ID, m.Metadata.Process, m.Metadata.Topology[:], running[:])
	return e
}

// index maps tasks by id and checks what the hook promises.
func index(tasks []Task) (map[assign.TaskID]Task, error) {
	byID := make(map[assign.TaskID]Task, len(tasks))
	owner := map[TopicPartition]assign.TaskID{}
	for _, t := range tasks {
		if _, twice := byID[t.ID]; twice {
			return nil, fmt.Errorf("task %v is listed twice", t.ID)
		}
		byID[t.ID] = t
		for _, p := range t.Partitions {
			if other, taken := owner[p]; taken {
				return nil, fmt.Errorf("partition %s-%d belongs to tasks %v and %v", p.Topic, p.Partition, other, t.ID)
			}
			owner[p] = t.ID
		}
	}
	return byID, nil
}

// input tells assign what the members had. What a member ran is what it owns, not
// what it says: the two differ when a session was lost.
func input(g *group, accepted []*member, tasks []Task) assign.Group {
	in := assign.Group{}
	for _, t := range tasks {
		in.Tasks = append(in.Tasks, t.Task)
	}
	for _, m := range accepted {
		am := assign.Member{
			ID: m.ID, Instance: m.Instance, Process: m.Metadata.Process, Tags: m.Metadata.Tags,
			Offsets: make(map[assign.TaskID]int64, len(m.Metadata.Tasks)),
		}
		for _, t := range m.Metadata.Tasks {
			am.Offsets[t.ID] = t.Offsets
			if t.Standby {
				am.Standby = append(am.Standby, t.ID)
			}
		}
		for _, t := range tasks {
			if slices.ContainsFunc(t.Partitions, func(p TopicPartition) bool { return g.owns(m, p) }) {
				am.Active = append(am.Active, t.ID)
			}
		}
		in.Members = append(in.Members, am)
	}
	return in
}
