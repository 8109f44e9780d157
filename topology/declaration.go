package topology

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

// Direction is the direction of a hub-and-spoke mesh as seen from the hub.
type Direction string

// In gathers spokes into the hub, Out spreads the hub to the spokes, Both does both.
const (
	In   Direction = "in"
	Out  Direction = "out"
	Both Direction = "both"
)
