package topology

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// Provenance says when a flow marks records with the cluster they were written
// on. The zero value is ProvenanceOff.
type Provenance string

// ProvenanceAuto marks a topic's records where its name does not tell where
// they come from: where same names lead round, or by two ways to one cluster.
// ProvenanceAlways marks all records of flows that keep names, so that a way
// back can be added later. ProvenanceOff marks nothing; where ways lead round,
// [Check] then refuses the mesh.
const (
	ProvenanceOff    Provenance = "off"
	ProvenanceAuto   Provenance = "auto"
	ProvenanceAlways Provenance = "always"
)

// Routes decides, among flows that keep names, which one carries a record: so
// that every cluster gets it once, by whatever ways the clusters are joined.
//
// A record is known by its topic and its origin, the cluster it was written
// on. For each of these the flows that copy the topic form a tree of shortest
// ways from the origin; a flow carries what it is a branch for. In a full mesh
// each flow so carries what was written on its source, in a ring records are
// passed on. Every worker must decide from the same flows.
type Routes struct {
	flows []Flow // that copy, keep names and tell origins; sorted

	mu      sync.Mutex             // guards decided
	decided map[flowTopic]*Carried // what Topic has answered
}

type flowTopic struct {
	flow  FlowID
	topic string
}

// NewRoutes considers all flows of a mesh, also those that other workers run.
// Their order does not matter.
func NewRoutes(flows []Flow) *Routes {
	r := &Routes{decided: map[flowTopic]*Carried{}}
	for _, f := range flows {
		if f.Copy && f.ID.Source != f.ID.Target && f.TellsOrigins() {
			r.flows = append(r.flows, f)
		}
	}
	slices.SortFunc(r.flows, func(a, b Flow) int {
		return cmp.Or(cmp.Compare(a.ID.Source, b.ID.Source), cmp.Compare(a.ID.Target, b.ID.Target))
	})
	return r
}

// Shares reports whether copies that the flow makes may hold records that it
// does not bring, because their topics are written on several clusters.
func (r *Routes) Shares(id FlowID) bool {
	return r != nil && ambiguousWays(connected(r.flows, id.Source))
}

// Carried says which records of one topic a flow carries.
type Carried struct {
	source  Alias
	reach   map[Alias]bool // clusters whose records arrive at the source, itself included
	carried map[Alias]bool // those of them that the flow carries
	shared  bool
	all     int // clusters that the topic's ways join
}

// Topic says which records of a topic the flow carries, or nil if it carries
// all of them and marks none: then nobody needs to look at them. It decides once
// for each topic, and is safe for concurrent use; nobody changes the answer.
func (r *Routes) Topic(id FlowID, topic string) *Carried {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := flowTopic{id, topic}
	c, known := r.decided[key]
	if !known {
		c = r.decide(id, topic)
		r.decided[key] = c
	}
	return c
}

func (r *Routes) decide(id FlowID, topic string) *Carried {
	ways := r.ways(topic)
	var flow *Flow
	for i := range ways {
		if ways[i].ID == id {
			flow = &ways[i]
		}
	}
	if flow == nil {
		return nil
	}
	ways = connected(ways, id.Source)
	if flow.Provenance != ProvenanceAlways && !ambiguousWays(ways) {
		return nil
	}
	c := &Carried{source: id.Source, reach: map[Alias]bool{}, carried: map[Alias]bool{}, all: len(clustersOf(ways))}
	for origin := range clustersOf(ways) {
		parents := tree(ways, origin)
		_, arrives := parents[id.Source]
		if !arrives && origin != id.Source {
			continue
		}
		c.reach[origin] = true
		if parents[id.Target] == id.Source {
			c.carried[origin] = true
		}
	}
	into := 0
	for _, f := range ways {
		if f.ID.Target == id.Target {
			into++
		}
	}
	c.shared = into > 1 || len(c.carried) < len(c.reach)
	return c
}

// Origins are the clusters whose records arrive at the flow's source, itself
// included, sorted.
func (c *Carried) Origins() []Alias { return slices.Sorted(maps.Keys(c.reach)) }

// Of tells whether a record is carried whose mark names origin, or which has no
// mark if origin is empty, and as whose record. A mark that no record arriving
// here can have says nothing about where this one came from, so the record
// counts as written here.
func (c *Carried) Of(origin Alias) (as Alias, carried bool) {
	if origin == "" || !c.reach[origin] {
		origin = c.source
	}
	return origin, c.carried[origin]
}

// Clusters is how many clusters have the topic under this name.
func (c *Carried) Clusters() int { return c.all }

// Leads reports whether the flow is the one that brings the settings of the
// topic to its target, so that clusters which share a topic do not overwrite
// each other's: settings follow the records of the first cluster by name.
func (c *Carried) Leads() bool {
	return !c.shared || c.carried[slices.Min(slices.Collect(maps.Keys(c.reach)))]
}

// Shared reports whether the topic's copy has records that this flow does not
// bring, or lacks some that the source has: then a position on the source does
// not stand for one position on the target.
func (c *Carried) Shared() bool { return c.shared }

// ways are the flows that copy a topic under its own name.
func (r *Routes) ways(topic string) []Flow {
	var out []Flow
	for _, f := range r.flows {
		if f.Replicates(topic) && !f.Policy.IsHeartbeatsTopic(topic) && f.RemoteTopic(topic) == topic {
			out = append(out, f)
		}
	}
	return out
}

func clustersOf(ways []Flow) map[Alias]bool {
	out := map[Alias]bool{}
	for _, f := range ways {
		out[f.ID.Source], out[f.ID.Target] = true, true
	}
	return out
}

// connected keeps the flows that are joined with a cluster, in whatever direction.
func connected(ways []Flow, with Alias) []Flow {
	joined := map[Alias]bool{with: true}
	for before := 0; before < len(joined); {
		before = len(joined)
		for _, f := range ways {
			if joined[f.ID.Source] || joined[f.ID.Target] {
				joined[f.ID.Source], joined[f.ID.Target] = true, true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(ways), func(f Flow) bool { return !joined[f.ID.Source] })
}

// ambiguousWays reports whether some cluster gets the topic from two others, or
// from itself by a way round: a tree of flows has neither.
func ambiguousWays(ways []Flow) bool {
	// Joined as they are, n clusters with n-1 flows form a tree, and a tree in
	// which each has one source at most leads to each by one way.
	into := map[Alias]int{}
	for _, f := range ways {
		into[f.ID.Target]++
	}
	return len(ways) >= len(clustersOf(ways)) || slices.ContainsFunc(slices.Collect(maps.Values(into)), func(n int) bool { return n > 1 })
}

// tree gives for each cluster that origin's records reach the one it gets them
// from. Of equally short ways the one by the flow that sorts first counts.
func tree(ways []Flow, origin Alias) map[Alias]Alias {
	parents := map[Alias]Alias{}
	for queue := []Alias{origin}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, f := range ways {
			to := f.ID.Target
			if _, reached := parents[to]; f.ID.Source == at && to != origin && !reached {
				parents[to] = at
				queue = append(queue, to)
			}
		}
	}
	return parents
}
