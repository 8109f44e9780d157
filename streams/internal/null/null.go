// Package null tells for a Go type whether its values can be nil, which streams
// treats as Kafka's null.
package null

import "reflect"

// Check returns a function that says whether a value of T is nil, or nil when no
// value of T can be.
func Check[T any]() func(T) bool {
	t := reflect.TypeFor[T]()
	switch t.Kind() {
	case reflect.Slice:
		if t == reflect.TypeFor[[]byte]() {
			return func(v T) bool { return any(v).([]byte) == nil }
		}
		return func(v T) bool { return reflect.ValueOf(&v).Elem().IsNil() }
	case reflect.Pointer, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan:
		return func(v T) bool { return reflect.ValueOf(&v).Elem().IsNil() }
	default:
		return nil
	}
}
