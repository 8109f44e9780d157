package app

import (
	"slices"
	"strings"
	"time"

	"mm2/checkpoint"
	"mm2/configsync"
	"mm2/internal/lane"
	"mm2/internal/stage"
	"mm2/internal/version"
	"mm2/replicator"
	"mm2/topology"
)

// Status is what /api/v1/status tells: this worker's view of the mesh.
type Status struct {
	Version string       `json:"version"`
	Worker  string       `json:"worker"`
	Started time.Time    `json:"started"`
	File    string       `json:"config_file"`
	Flows   []FlowStatus `json:"flows"`
}

// State sums a flow up on this worker.
type State string

// The states of a flow.
const (
	Starting State = "starting" // has not joined its group yet
	Running  State = "running"
	Degraded State = "degraded" // runs, but something does not: see problems
	Down     State = "down"     // cannot run now and is tried again
)

// FlowStatus is one flow on this worker.
type FlowStatus struct {
	Flow     string         `json:"flow"`
	Source   topology.Alias `json:"source"`
	Target   topology.Alias `json:"target"`
	State    State          `json:"state"`
	Problems []string       `json:"problems,omitempty"`
	replicator.Status
	// ConfigSync is there on the worker that runs it.
	ConfigSync *configsync.Status `json:"config_sync,omitempty"`
	// Groups is there on the worker that carries them over.
	Groups *checkpoint.Status `json:"groups,omitempty"`
	// Stages are those that records pass here, in order. Positions of groups are
	// translated for records in the copies only, not for those that are routed.
	Stages []stage.Status `json:"stages,omitempty"`
}

// Status is a snapshot. Safe for concurrent use.
func (a *App) Status() Status {
	s := Status{Version: version.String(), Worker: a.worker, Started: a.started.UTC(), File: a.cfg.File}
	for _, f := range a.flows {
		s.Flows = append(s.Flows, f.status())
	}
	return s
}

func (f *flow) status() FlowStatus {
	f.mu.Lock()
	repl, configs, groups, err := f.repl, f.configs, f.groups, f.err
	f.mu.Unlock()
	s := FlowStatus{Flow: f.cfg.ID.String(), Source: f.cfg.ID.Source, Target: f.cfg.ID.Target, Stages: f.stages.Status()}
	if repl != nil {
		s.Status = repl.Status()
	}
	if configs != nil {
		if st, here := configs.Status(); here {
			s.ConfigSync = &st
		}
	}
	if groups != nil {
		if st := groups.Status(); st.Running {
			s.Groups = &st
		}
	}
	switch {
	case s.Joined:
		s.Problems = withConfigProblems(problems(s.Status), s.ConfigSync)
		if s.Groups != nil {
			for _, p := range s.Groups.Problems {
				s.Problems = append(s.Problems, "groups: "+p)
			}
		}
		s.State = Running
		if len(s.Problems) > 0 {
			s.State = Degraded
		}
	case err != nil:
		s.State, s.Problems = Down, []string{err.Error()}
	default:
		s.State = Starting
		if s.Discovery.Err != "" {
			s.Problems = []string{s.Discovery.Err}
		}
	}
	return s
}

// withConfigProblems leaves out what differs on purpose, and what discovery
// has said already.
func withConfigProblems(out []string, s *configsync.Status) []string {
	if s == nil {
		return out
	}
	if s.Err != "" {
		out = append(out, "config sync: "+s.Err)
	}
	for _, p := range s.Problems {
		if !p.Harmless() && !slices.ContainsFunc(out, func(said string) bool { return strings.Contains(said, p.Text) }) {
			out = append(out, "config sync: "+p.Text)
		}
	}
	return out
}

// problems are what keeps a flow that runs from doing all of its work.
func problems(s replicator.Status) []string {
	var out []string
	if s.Discovery.Err != "" {
		out = append(out, "discovery: "+s.Discovery.Err)
	}
	for _, t := range s.Discovery.Problems {
		if t.Err != "" {
			out = append(out, "topic "+t.Topic+": "+t.Err)
		}
	}
	for _, l := range s.Lanes {
		if l.State == lane.Waiting || l.State == lane.Parked {
			out = append(out, "lane "+l.Name()+" is "+string(l.State)+": "+l.Err)
		}
		for _, p := range l.Partitions {
			if p.Parked != "" {
				out = append(out, p.Name()+" is parked: "+p.Parked)
			}
		}
	}
	return out
}
