package state

import "reflect"

// Finder gives the serde.Serde of a Go type, or nil when there is none.
type Finder func(reflect.Type) any
