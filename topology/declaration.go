package topology

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Declaration is one [[topology]] of a mesh. Expand turns it into flows.
type Declaration struct {
	Kind Kind

	Active, Standby Alias     // active-standby
	Clusters        []Alias   // active-active: two or more
	Hub             Alias     // hub-and-spoke
	Spokes          []Alias   // hub-and-spoke
	Direction       Direction // hub-and-spoke; empty: In
	Flows           []FlowID  // custom
}

// Kind is the shape of a declaration.
type Kind string

// The four shapes.
const (
	ActiveStandby Kind = "active-standby"
	ActiveActive  Kind = "active-active"
	HubAndSpoke   Kind = "hub-and-spoke"
	Custom        Kind = "custom"
)

// Kinds are all kinds, in the order of documentation.
func Kinds() []Kind { return []Kind{ActiveStandby, ActiveActive, HubAndSpoke, Custom} }

// Direction is the direction of a hub-and-spoke mesh as seen from the hub.
type Direction string

// In gathers spokes into the hub, Out spreads the hub to the spokes, Both does both.
const (
	In   Direction = "in"
	Out  Direction = "out"
	Both Direction = "both"
)

// DeclarationError is one thing wrong with a declaration.
type DeclarationError struct {
	Field string // "kind", "active", "standby", "clusters", "hub", "spokes", "direction", "flows"
	Value string // empty when the field is missing
	Rule  string // what was expected
}

// Error is the field, its value and the rule.
func (e *DeclarationError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s is missing: %s", e.Field, e.Rule)
	}
	return fmt.Sprintf("%s = %q: %s", e.Field, e.Value, e.Rule)
}

// Fields are the names of the fields that a kind uses, besides the kind itself.
func (k Kind) Fields() []string {
	switch k {
	case ActiveStandby:
		return []string{"active", "standby"}
	case ActiveActive:
		return []string{"clusters"}
	case HubAndSpoke:
		return []string{"hub", "spokes", "direction"}
	case Custom:
		return []string{"flows"}
	}
	return nil
}

// Expand returns the flows of the declaration in the order in which they are
// declared. The error joins a [*DeclarationError] for each problem; whether
// the aliases exist is for the caller to know.
func (d Declaration) Expand() ([]FlowID, error) {
	var problems []error
	wrong := func(field, value, rule string) {
		problems = append(problems, &DeclarationError{Field: field, Value: value, Rule: rule})
	}
	flows := d.expand(wrong)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return flows, nil
}

func (d Declaration) expand(wrong func(field, value, rule string)) []FlowID {
	switch d.Kind {
	case ActiveStandby:
		return d.expandActiveStandby(wrong)
	case ActiveActive:
		return d.expandActiveActive(wrong)
	case HubAndSpoke:
		return d.expandHubAndSpoke(wrong)
	case Custom:
		return d.expandCustom(wrong)
	}
	wrong("kind", string(d.Kind), "want one of "+quoted(Kinds()))
	return nil
}

func (d Declaration) expandActiveStandby(wrong func(field, value, rule string)) []FlowID {
	if d.Active == "" {
		wrong("active", "", "want the cluster that is written to")
	}
	if d.Standby == "" {
		wrong("standby", "", "want the cluster that is copied to")
	}
	if d.Active != "" && d.Active == d.Standby {
		wrong("standby", string(d.Standby), "want another cluster than active")
	}
	return []FlowID{{Source: d.Active, Target: d.Standby}}
}

func (d Declaration) expandActiveActive(wrong func(field, value, rule string)) []FlowID {
	distinct(d.Clusters, "clusters", wrong)
	if len(d.Clusters) < 2 {
		wrong("clusters", join(d.Clusters), "want two or more clusters")
	}
	var flows []FlowID
	for _, source := range d.Clusters {
		for _, target := range d.Clusters {
			if source != target {
				flows = append(flows, FlowID{Source: source, Target: target})
			}
		}
	}
	return flows
}

func (d Declaration) expandHubAndSpoke(wrong func(field, value, rule string)) []FlowID {
	distinct(d.Spokes, "spokes", wrong)
	if d.Hub == "" {
		wrong("hub", "", "want the cluster in the middle")
	}
	if len(d.Spokes) == 0 {
		wrong("spokes", "", "want one or more clusters around the hub")
	}
	if d.Hub != "" && slices.Contains(d.Spokes, d.Hub) {
		wrong("spokes", string(d.Hub), "the hub cannot be a spoke")
	}
	switch d.Direction {
	case "", In, Out, Both:
	default:
		wrong("direction", string(d.Direction), "want one of "+quoted([]Direction{In, Out, Both}))
	}
	var flows []FlowID
	for _, spoke := range d.Spokes {
		if d.Direction != Out {
			flows = append(flows, FlowID{Source: spoke, Target: d.Hub})
		}
		if d.Direction == Out || d.Direction == Both {
			flows = append(flows, FlowID{Source: d.Hub, Target: spoke})
		}
	}
	return flows
}

func (d Declaration) expandCustom(wrong func(field, value, rule string)) []FlowID {
	distinct(d.Flows, "flows", wrong)
	if len(d.Flows) == 0 {
		wrong("flows", "", `want one or more flows, for example ["A->B"]`)
	}
	for _, id := range d.Flows {
		switch {
		case id.Source == "" || id.Target == "":
			wrong("flows", id.String(), `want a source and a target, for example "A->B"`)
		case id.Source == id.Target:
			wrong("flows", id.String(), "a cluster cannot be copied to itself")
		}
	}
	return slices.Clone(d.Flows)
}

// distinct reports every value that is listed more than once, once.
func distinct[T comparable](values []T, field string, wrong func(field, value, rule string)) {
	seen := make(map[T]int, len(values))
	for _, v := range values {
		seen[v]++
		if seen[v] == 2 {
			wrong(field, fmt.Sprint(v), "listed more than once")
		}
	}
}

func join(aliases []Alias) string {
	parts := make([]string, len(aliases))
	for i, a := range aliases {
		parts[i] = string(a)
	}
	return strings.Join(parts, ", ")
}

func quoted[T ~string](values []T) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprintf("%q", string(v))
	}
	return strings.Join(parts, ", ")
}
