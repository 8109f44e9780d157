package serde

import "reflect"

// builtin are the serdes that need no registration, by the type they are for.
// Nothing changes it.
var builtin = builtins()

func builtins() map[reflect.Type]any {
	m := make(map[reflect.Type]any)
	withPointer(m, text{})
	withPointer(m, raw{})
	withPointer(m, boolean{})
	withPointer(m, int8s)
	withPointer(m, int16s)
	withPointer(m, int32s)
	withPointer(m, int64s)
	withPointer(m, ints)
	withPointer(m, uint32s)
	withPointer(m, uint64s)
	withPointer(m, float32s)
	withPointer(m, float64s)
	return m
}

// withPointer adds s for T and for *T, which is how a program says that a value
// may be missing.
func withPointer[T any](m map[reflect.Type]any, s Serde[T]) {
	m[reflect.TypeFor[T]()] = s
	m[reflect.TypeFor[*T]()] = Serde[*T](pointer[T]{s})
}
