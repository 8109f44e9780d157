// Package serde turns Go values into the bytes of a record's key or value and
// back, in the formats of Kafka's own serializers, so that Java programs read
// what Go programs write.
//
// A null is not a serde's business: streams keeps it beside the value and never
// calls a serde for it.
package serde

// Serde encodes and decodes values of T. It is used by several goroutines at
// once.
type Serde[T any] interface {
	// AppendEncode appends the encoded value to dst and returns the longer slice.
	AppendEncode(dst []byte, v T) ([]byte, error)
	// Decode reads a value from all of b. What it returns must not alias b: the
	// bytes are used again after the call.
	Decode(b []byte) (T, error)
}

// Meta says which part of which topic is encoded or decoded.
type Meta struct {
	Topic string
	IsKey bool
}

// MetaSerde is a serde that wants to know the topic, such as one of a schema
// registry. Where a Serde has these methods, they are called instead.
type MetaSerde[T any] interface {
	Serde[T]
	AppendEncodeMeta(dst []byte, m Meta, v T) ([]byte, error)
	DecodeMeta(m Meta, b []byte) (T, error)
}

// Func makes a serde of two functions.
func Func[T any](enc func(dst []byte, v T) ([]byte, error), dec func(b []byte) (T, error)) Serde[T] {
	return funcs[T]{enc, dec}
}

type funcs[T any] struct {
	enc func([]byte, T) ([]byte, error)
	dec func([]byte) (T, error)
}

func (f funcs[T]) AppendEncode(dst []byte, v T) ([]byte, error) { return f.enc(dst, v) }
func (f funcs[T]) Decode(b []byte) (T, error)                   { return f.dec(b) }
