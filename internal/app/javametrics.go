package app

import (
	"mm2/internal/javametrics"
	"mm2/internal/pipeline"
)

// share is this worker's part in the flow, in Java's words.
func (f *flow) share() javametrics.Share {
	s := javametrics.Share{Client: f.target.ClientID(f.cfg.ID.String() + "|lanes")}
	f.mu.Lock()
	repl := f.repl
	f.mu.Unlock()
	if repl == nil {
		return s
	}
	status := repl.Status()
	s.Joined = status.Joined
	for _, l := range status.Lanes {
		jl := javametrics.Lane{
			ID: int(l.ID), State: string(l.State),
			Consumer:   javametrics.Client{ID: l.Consumer.ID, In: l.Consumer.In, Out: l.Consumer.Out},
			Producer:   javametrics.Client{ID: l.Producer.ID, In: l.Producer.In, Out: l.Producer.Out},
			Partitions: make([]javametrics.Position, len(l.Partitions)),
		}
		for i, p := range l.Partitions {
			lag := p.LagRecords
			if p.End < 0 {
				lag = -1
			}
			jl.Partitions[i] = javametrics.Position{Partition: pipeline.Partition{Topic: p.Topic, Partition: p.Partition}, Lag: lag}
		}
		s.Lanes = append(s.Lanes, jl)
	}
	return s
}
