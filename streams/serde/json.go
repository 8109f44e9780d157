package serde

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// JSON encodes T with encoding/json. It is not built in, as the fields that a
// struct shows to other programs are a choice: register it for each type.
func JSON[T any]() Serde[T] { return jsonSerde[T]{} }

type jsonSerde[T any] struct{}

func (jsonSerde[T]) AppendEncode(dst []byte, v T) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("encode %v as JSON: %w", reflect.TypeFor[T](), err)
	}
	return append(dst, b...), nil
}

func (jsonSerde[T]) Decode(b []byte) (T, error) {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("decode %v from JSON: %w", reflect.TypeFor[T](), err)
	}
	return v, nil
}
