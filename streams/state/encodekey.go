package state

import (
	"fmt"
	"reflect"

	"mm2/streams/serde"
)

// KeyEncoder is what the Builders of key-value, window and session stores are
// besides: they tell the bytes of a key, for those who look for its partition.
type KeyEncoder interface {
	// EncodeKey encodes a key as in a record of this topic. The error says which
	// type the store's keys have, if this one is of another.
	EncodeKey(topic string, key any) ([]byte, error)
}

// EncodeKey implements KeyEncoder.
func (d *declaration[K, V]) EncodeKey(topic string, key any) ([]byte, error) {
	k, ok := key.(K)
	if !ok {
		return nil, fmt.Errorf("the key %v is a %T, those of store %q are of type %v", key, key, d.name, reflect.TypeFor[K]())
	}
	b, err := serde.Append(d.key, serde.Meta{Topic: topic, IsKey: true}, nil, k)
	if err != nil {
		return nil, fmt.Errorf("encode a key of store %q: %w", d.name, err)
	}
	return b, nil
}
