package serde

import (
	"fmt"
	"reflect"
)

// pointer encodes what a pointer points to.
type pointer[T any] struct {
	to Serde[T]
}

// AppendEncode refuses nil, which is a null and as such no serde's business.
func (p pointer[T]) AppendEncode(dst []byte, v *T) ([]byte, error) {
	if v == nil {
		return dst, fmt.Errorf("encode nil %v: a null has no encoding; leave the key or value out instead",
			reflect.TypeFor[*T]())
	}
	return p.to.AppendEncode(dst, *v)
}

func (p pointer[T]) Decode(b []byte) (*T, error) {
	v, err := p.to.Decode(b)
	if err != nil {
		return nil, err
	}
	return &v, nil
}
