package streams

import (
	"errors"
	"fmt"
	"reflect"

	"mm2/streams/internal/task"
)

// ErrNoSerde is in the error of a topology that encodes a type without a serde.
var ErrNoSerde = errors.New("there is no serde")

// ProcessingError is a failure that stopped a task: where it was, and with which
// record.
type ProcessingError = task.Error

func typeName[T any]() string { return reflect.TypeFor[T]().String() }

// typeError is an edge between nodes of different types, which a handle of the
// same builder cannot make.
func typeError[K, V any](child string, got any) error {
	return fmt.Errorf("%q takes no records of %s and %s (it is a %T)", child, typeName[K](), typeName[V](), got)
}
