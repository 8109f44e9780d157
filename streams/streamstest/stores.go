package streamstest

import "mm2/streams/state"

// Store is a store of the topology, as processors see it. Reading and writing it
// ends the test if there is no such store or it is of another type.
func Store[S any](d *Driver, name string) S {
	d.t.Helper()
	s, ok := d.task.Opened(name)
	if !ok {
		s, ok = d.globalStore(name)
	}
	if !ok {
		d.t.Fatalf("the topology has no store %q", name)
	}
	typed, ok := s.(S)
	if !ok {
		var want *S
		d.t.Fatalf("store %q is a %T, not a %T", name, s, want)
	}
	return typed
}

// KeyValue is a key-value store.
func KeyValue[K, V any](d *Driver, name string) state.KeyValue[K, V] {
	d.t.Helper()
	return Store[state.KeyValue[K, V]](d, name)
}

// Timestamped is a key-value store that keeps the time of each row, such as those
// of tables and aggregates.
func Timestamped[K, V any](d *Driver, name string) state.KeyValue[K, state.Timestamped[V]] {
	d.t.Helper()
	return Store[state.KeyValue[K, state.Timestamped[V]]](d, name)
}

// Window is a window store.
func Window[K, V any](d *Driver, name string) state.Window[K, V] {
	d.t.Helper()
	return Store[state.Window[K, V]](d, name)
}

// Session is a session store.
func Session[K, V any](d *Driver, name string) state.Session[K, V] {
	d.t.Helper()
	return Store[state.Session[K, V]](d, name)
}
