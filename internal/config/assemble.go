package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mm2/internal/connection"
	"mm2/internal/properties"
	"mm2/topology"
)

// draft is a flow while its settings are still coming in, with the place of
// each one that a later check may complain about.
type draft struct {
	flow                           Flow
	declared                       place
	topics, exclude, configExclude []item
	groups, groupsExclude          []item
	policy                         string
	separator, internalSeparator   string
	seed                           *bool // nil: when nothing else brings heartbeats to the source
	transactionTimeoutSet          bool
	stages                         []place            // of flow.Streams
	at                             map[string]place   // by TOML key
	origin                         map[string][]place // by TOML key: what decided a setting
	javaDefault                    map[string]bool    // by TOML key: nothing was said, and Java's default is not mm2's
}

func newDraft(id topology.FlowID, declared place) *draft {
	d := &draft{
		flow: defaultFlow(), declared: declared, policy: "default", separator: topology.DefaultSeparator,
		topics: items(".*"), exclude: items(defaultTopicsExclude()...), configExclude: items(defaultConfigExclude()...),
		groups: items(".*"), groupsExclude: items(defaultGroupsExclude()...),
		at: make(map[string]place), javaDefault: make(map[string]bool), origin: make(map[string][]place),
	}
	d.flow.ID = id
	return d
}

func items(texts ...string) []item {
	list := make([]item, len(texts))
	for i, t := range texts {
		list[i] = item{text: t}
	}
	return list
}

// assemble turns drafts into flows, checks what can only be seen from all of
// them, and returns the tree. The result means something only if no problem
// was found.
func (s *source) assemble(clusters map[topology.Alias]connection.Connection, drafts []*draft, service Service) *Config {
	slices.SortFunc(drafts, func(a, b *draft) int {
		return cmp.Compare(a.flow.ID.String(), b.flow.ID.String())
	})
	s.drafts = drafts
	flows := make([]Flow, len(drafts))
	for i, d := range drafts {
		s.complete(d, drafts)
		flows[i] = d.flow
	}
	if len(s.problems) == 0 { // a mesh of half-read flows only repeats what is said already
		s.checkMesh(drafts)
		s.checkPhysical(clusters, drafts)
	}
	return &Config{Clusters: clusters, Flows: flows, Service: service}
}

// complete makes the values of a flow that depend on several settings.
func (s *source) complete(d *draft, all []*draft) {
	f := &d.flow
	f.Topics = s.filter(d.topics, d.exclude)
	f.ConfigExclude = s.filter(d.configExclude, nil)
	f.Groups.Filter = s.filter(d.groups, d.groupsExclude)
	f.OnTrouble.DeadLetterTopic = cmp.Or(f.OnTrouble.DeadLetterTopic, topology.DeadLetterTopic(f.ID.Source))
	f.Java.OffsetsTopic = cmp.Or(f.Java.OffsetsTopic, topology.JavaOffsetsTopic(f.ID.Source))
	f.Java.Group = cmp.Or(f.Java.Group, topology.JavaGroup(f.ID.Source))
	switch d.policy {
	case "identity":
		f.Policy = topology.NewIdentityPolicy(f.ID.Source, d.separator, d.internalSeparator)
	default:
		f.Policy = topology.NewDefaultPolicy(d.separator, d.internalSeparator)
	}
	s.checkNames(d)
	s.checkStages(d)
	if !d.transactionTimeoutSet {
		f.TransactionTimeout = transactionTimeout(f.SessionTimeout)
	}
	if f.TransactionTimeout >= f.SessionTimeout {
		s.problem(cmp.Or(d.at["transaction_timeout"], d.at["session_timeout"], d.declared),
			fmt.Sprintf("the transaction timeout (%s) must be shorter than the session timeout (%s)",
				formatDuration(f.TransactionTimeout), formatDuration(f.SessionTimeout)),
			"else a lane changes hands while the last owner's transaction is open")
	}
	if f.CommitInterval >= f.TransactionTimeout {
		s.problem(cmp.Or(d.at["commit_interval"], d.at["transaction_timeout"], d.declared),
			fmt.Sprintf("the commit interval (%s) must be shorter than the transaction timeout (%s)",
				formatDuration(f.CommitInterval), formatDuration(f.TransactionTimeout)), "")
	}
	if d.seed != nil {
		f.Heartbeats.Seed = *d.seed
		return
	}
	f.Heartbeats.Seed = seeds(d, all)
}

// seeds reports whether a flow seeds its source with heartbeats unless it is
// told: it does where nothing else brings them there.
func seeds(d *draft, all []*draft) bool {
	return d.flow.Copy && d.flow.Heartbeats.Emit && !slices.ContainsFunc(all, func(o *draft) bool {
		return o.flow.ID == d.flow.ID.Reverse() && o.flow.Heartbeats.Emit
	})
}

// filter compiles patterns and reports those that are not usable, each where
// it stands.
func (s *source) filter(include, exclude []item) topology.Filter {
	for _, it := range slices.Concat(include, exclude) {
		_, err := topology.NewFilter([]string{it.text}, nil)
		p := (*topology.PatternError)(nil)
		switch {
		case !errors.As(err, &p):
		case it.hidden:
			s.problem(it.at, "a pattern that the placeholder stands for is not usable", "")
		default:
			s.problem(it.at, fmt.Sprintf("the pattern %q is not usable: %s", p.Pattern, p.Reason), "")
		}
	}
	f, _ := topology.NewFilter(texts(include), texts(exclude)) // each pattern was tried above
	return f
}

func texts(list []item) []string {
	out := make([]string, len(list))
	for i, it := range list {
		out[i] = it.text
	}
	return out
}

// checkMesh places the problems of the mesh at the last flow they are about:
// the one without which there would be none.
func (s *source) checkMesh(drafts []*draft) {
	flows := make([]topology.Flow, len(drafts))
	for i, d := range drafts {
		flows[i] = d.flow.Flow
	}
	for _, err := range topology.Check(flows) {
		at := place{}
		m := (*topology.MeshError)(nil)
		if !errors.As(err, &m) {
			s.problem(at, err.Error(), "")
			continue
		}
		for _, d := range drafts {
			about := slices.Contains(m.Flows, d.flow.ID) || m.Alias != "" && (d.flow.ID.Source == m.Alias || d.flow.ID.Target == m.Alias)
			if about && d.declared.line >= at.line {
				at.line = d.declared.line
			}
		}
		m2 := *m
		m2.Suggestion = ""
		s.problem(at, m2.Error(), m.Suggestion)
	}
}

// checkPhysical refuses a flow between two aliases of one cluster: the names of
// topics cannot show that the copies come back to where they were read.
func (s *source) checkPhysical(clusters map[topology.Alias]connection.Connection, drafts []*draft) {
	for _, d := range drafts {
		source, target := clusters[d.flow.ID.Source], clusters[d.flow.ID.Target]
		for _, address := range source.Bootstrap {
			if slices.Contains(target.Bootstrap, address) {
				s.problem(place{line: d.declared.line, key: d.flow.ID.String()},
					fmt.Sprintf("both clusters have the address %s: copies would be copied again for ever", address),
					"give each cluster its own bootstrap addresses")
				break
			}
		}
	}
}

// unusedClusters warns of clusters that no flow touches.
func (s *source) unusedClusters(clusters map[topology.Alias]place, drafts []*draft) {
	for _, alias := range slices.Sorted(maps.Keys(clusters)) {
		used := slices.ContainsFunc(drafts, func(d *draft) bool {
			return d.flow.ID.Source == alias || d.flow.ID.Target == alias
		})
		if !used {
			s.warn(clusters[alias], "no flow uses this cluster", "")
		}
	}
}

// aliasNames are the declared aliases, for suggestions.
func aliasNames[V any](clusters map[topology.Alias]V) []string {
	names := make([]string, 0, len(clusters))
	for a := range clusters {
		names = append(names, string(a))
	}
	slices.Sort(names)
	return names
}

// declaredClusters is the suggestion for an unknown alias.
func declaredClusters(name string, known []string) string {
	if s := properties.DidYouMean(name, known); s != "" {
		return s
	}
	return "declared are " + strings.Join(known, ", ")
}
