package serde

import "reflect"

// A Registry holds serdes by the Go type that they encode. The zero value knows
// the built-in types only. It is not safe for concurrent use while serdes are
// added.
type Registry struct {
	own map[reflect.Type]any
}

// Add makes s the serde of T, also in place of a built-in one.
func Add[T any](r *Registry, s Serde[T]) {
	if r.own == nil {
		r.own = make(map[reflect.Type]any)
	}
	r.own[reflect.TypeFor[T]()] = s
}

// Find is the serde of T: one that was added, or a built-in one.
func Find[T any](r *Registry) (Serde[T], bool) {
	if s, ok := r.own[reflect.TypeFor[T]()].(Serde[T]); ok {
		return s, true
	}
	s, ok := builtin[reflect.TypeFor[T]()].(Serde[T])
	return s, ok
}
