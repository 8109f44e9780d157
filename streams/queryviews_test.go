package streams

import "mm2/streams/state"

// What is read from outside is read as in a processor.
var (
	_ state.ReadOnlyKeyValue[string, int] = (*KeyValueView[string, int])(nil)
	_ state.ReadOnlyWindow[string, int]   = (*WindowView[string, int])(nil)
	_ state.ReadOnlySession[string, int]  = (*SessionView[string, int])(nil)
)
