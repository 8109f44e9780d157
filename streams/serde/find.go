package serde

import "reflect"

// A Registry holds serdes by the Go type that they encode. The zero value knows
// the built-in types only: string, []byte, bool, int8 to int64, int, uint32,
// uint64, float32, float64, and pointers to all of these. It is not safe for
// concurrent use while serdes are added.
//
// A type that is only named after a built-in one, such as a UserID that is a
// string, is a type of its own and needs a serde of its own.
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
	s, ok := r.Lookup(reflect.TypeFor[T]()).(Serde[T])
	return s, ok
}

// Lookup is Find for a type that is known at run time only: a Serde of exactly
// that type, or nil when there is none.
func (r *Registry) Lookup(t reflect.Type) any {
	if s, ok := r.own[t]; ok {
		return s
	}
	return builtin[t]
}
