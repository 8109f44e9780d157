package serde

import "reflect"

// builtin are the serdes that need no registration.
var builtin = map[reflect.Type]any{}
