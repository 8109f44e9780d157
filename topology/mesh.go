package topology

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// MeshError is a reason why flows cannot run side by side.
type MeshError struct {
	Flows      []FlowID // those involved; empty when it is about an alias
	Alias      Alias    // set when it is about an alias
	Rule       string   // what is wrong
	Suggestion string   // what to do
}

// Error is what it is about, the rule and the suggestion.
func (e *MeshError) Error() string {
	subject := fmt.Sprintf("cluster %q", string(e.Alias))
	if len(e.Flows) > 0 {
		names := make([]string, len(e.Flows))
		for i, id := range e.Flows {
			names[i] = id.String()
		}
		subject = strings.Join(names, ", ")
	}
	if e.Suggestion == "" {
		return subject + ": " + e.Rule
	}
	return subject + ": " + e.Rule + "; " + e.Suggestion
}

// Check returns a [*MeshError] for each reason why the flows cannot run side
// by side: unusable aliases, a cluster copied to itself, a flow declared
// twice, two flows that write one topic, and records that would go round for
// ever. The last two are accepted among flows that keep names and mark records
// (see [Routes]). Flows that do not Copy take part only in the checks of aliases.
//
// Whether two sets of patterns select a common name is decided exactly where
// the patterns need no backtracking; where they do, the mesh gets the benefit
// of the doubt.
func Check(flows []Flow) []error {
	var problems []error
	problems = append(problems, checkAliases(flows)...)
	copying := make([]Flow, 0, len(flows))
	for _, f := range flows {
		if f.Copy && f.ID.Source != f.ID.Target {
			copying = append(copying, f)
		}
	}
	problems = append(problems, checkOneWriter(copying)...)
	return append(problems, checkLoops(copying)...)
}

// maxAliasLength keeps room for a topic: Kafka's names have at most 249
// characters, and a copy of a copy carries two aliases.
const maxAliasLength = 64

// CheckAlias says why an alias cannot become part of topic names; empty: it can.
func CheckAlias(a Alias) string {
	switch {
	case a == "":
		return "an alias cannot be empty"
	case len(a) > maxAliasLength:
		return fmt.Sprintf("an alias becomes part of topic names: at most %d characters", maxAliasLength)
	case strings.Trim(string(a), ".") == "":
		return "an alias becomes part of topic names: dots alone are no name"
	}
	for _, c := range a {
		if !isAlphanumeric(c) && !strings.ContainsRune("._-", c) {
			return fmt.Sprintf("an alias becomes part of topic names: %q is not one of a-z A-Z 0-9 . _ -", string(c))
		}
	}
	return ""
}

func checkAliases(flows []Flow) []error {
	var problems []error
	seen := make(map[Alias]bool)
	for _, f := range flows {
		if f.ID.Source == f.ID.Target {
			problems = append(problems, &MeshError{Flows: []FlowID{f.ID}, Rule: "a cluster cannot be copied to itself"})
		}
		seen[f.ID.Source], seen[f.ID.Target] = true, true
	}
	aliases := slices.Sorted(maps.Keys(seen))
	for _, a := range aliases {
		if rule := CheckAlias(a); rule != "" {
			problems = append(problems, &MeshError{Alias: a, Rule: rule})
		}
	}
	for _, short := range aliases {
		for _, long := range aliases {
			if f, found := ambiguous(flows, short, long); found {
				problems = append(problems, &MeshError{
					Alias: long,
					Rule: fmt.Sprintf("%q could be a topic of %q or of %q",
						f.Policy.RemoteTopic(long, heartbeatsTopic), long, short),
					Suggestion: "rename one of the two, or choose another separator",
				})
			}
		}
	}
	return problems
}

// ambiguous reports whether some flow's policy makes names of copies from long
// that begin like names of copies from short. The heartbeats topic stands for
// any topic, since both policies prefix it.
func ambiguous(flows []Flow, short, long Alias) (Flow, bool) {
	if short == long || !strings.HasPrefix(string(long), string(short)) {
		return Flow{}, false
	}
	for _, f := range flows {
		prefix := strings.TrimSuffix(f.Policy.RemoteTopic(short, heartbeatsTopic), heartbeatsTopic)
		if strings.HasPrefix(f.Policy.RemoteTopic(long, heartbeatsTopic), prefix) {
			return f, true
		}
	}
	return Flow{}, false
}

// checkOneWriter refuses two flows that write one topic of a target.
func checkOneWriter(flows []Flow) []error {
	var problems []error
	for i, f := range flows {
		for _, g := range flows[i+1:] {
			if f.ID == g.ID {
				problems = append(problems, &MeshError{Flows: []FlowID{f.ID}, Rule: "the flow is declared more than once"})
				continue
			}
			if f.ID.Target != g.ID.Target {
				continue
			}
			if f.TellsOrigins() && g.TellsOrigins() {
				continue // Routes decides which of them brings a record
			}
			if topic, found := commonName(written(f), written(g)); found {
				problems = append(problems, &MeshError{
					Flows: []FlowID{f.ID, g.ID},
					Rule: fmt.Sprintf("both would write the same topic of %q, for example %q",
						f.ID.Target, topic),
					Suggestion: "let them copy different topics, or use the default policy, which prefixes names with the source" +
						orMark(f, g),
				})
			}
		}
	}
	return problems
}

// checkLoops refuses ways round on which neither names nor marks tell where a
// record came from. With the default policy all the way, IsCycle ends every
// round; with same names and marks all the way, [Routes] does. Of a round and a
// shorter one among the same clusters, the shorter is reported.
func checkLoops(flows []Flow) []error {
	var problems []error
	var reported [][]Alias
	for _, way := range rounds(flows) {
		clusters := sources(way)
		if slices.ContainsFunc(reported, func(shorter []Alias) bool { return containsAll(clusters, shorter) }) {
			continue
		}
		topic, found := commonName(selectedAll(way)...)
		if !found {
			continue
		}
		reported = append(reported, clusters)
		problem := &MeshError{
			Rule:       fmt.Sprintf("a record of %q would go round for ever: the names do not tell where it came from", topic),
			Suggestion: "use the default policy for all of them, or let them copy different topics" + orMark(way...),
		}
		for _, f := range way {
			problem.Flows = append(problem.Flows, f.ID)
		}
		problems = append(problems, problem)
	}
	return problems
}

// orMark is one more thing to do where all flows keep names.
func orMark(flows ...Flow) string {
	if slices.ContainsFunc(flows, func(f Flow) bool { return !keepsNames(f) }) {
		return ""
	}
	return `, or let all of them mark records with where they come from (provenance = "auto")`
}

func sources(flows []Flow) []Alias {
	aliases := make([]Alias, len(flows))
	for i, f := range flows {
		aliases[i] = f.ID.Source
	}
	return aliases
}

func containsAll(all, some []Alias) bool {
	return !slices.ContainsFunc(some, func(a Alias) bool { return !slices.Contains(all, a) })
}

func keepsNames(f Flow) bool { return f.Policy.Name() == "identity" }

// maxRounds bounds the report: a mesh of n clusters has more ways round than
// anyone would read.
const maxRounds = 100

// rounds are the ways from a cluster back to itself that pass no other cluster
// twice and have a flow that keeps names, but not only flows that mark records,
// shortest first. Each is found once, from its smallest alias.
func rounds(flows []Flow) [][]Flow {
	if !slices.ContainsFunc(flows, keepsNames) || !slices.ContainsFunc(flows, func(f Flow) bool { return !f.TellsOrigins() }) {
		return nil
	}
	var found [][]Flow
	var walk func(start Alias, way []Flow)
	walk = func(start Alias, way []Flow) {
		at := way[len(way)-1].ID.Target
		if at == start {
			if slices.ContainsFunc(way, keepsNames) && slices.ContainsFunc(way, func(f Flow) bool { return !f.TellsOrigins() }) {
				found = append(found, slices.Clone(way))
			}
			return
		}
		for _, next := range flows {
			to := next.ID.Target
			if next.ID.Source == at && to >= start && len(found) < maxRounds &&
				(to == start || !slices.Contains(sources(way), to)) {
				walk(start, append(way, next))
			}
		}
	}
	for _, f := range flows {
		if f.ID.Source < f.ID.Target {
			walk(f.ID.Source, []Flow{f})
		}
	}
	slices.SortStableFunc(found, func(a, b []Flow) int { return cmp.Compare(len(a), len(b)) })
	return found
}
