package null_test

import (
	"testing"

	"mm2/streams/internal/null"
)

type named []byte

func TestCheck(t *testing.T) {
	nilable[[]byte](t, []byte{})
	nilable(t, named{})
	nilable(t, []string{})
	nilable(t, map[string]int{})
	nilable(t, new(int))
	nilable(t, func() {})
	nilable(t, make(chan int))
	nilable[error](t, errIt{})
	nilable[any](t, 0)
	// An interface that holds a nil is not nil itself, as everywhere in Go.
	if null.Check[any]()((*int)(nil)) {
		t.Error("a nil pointer in an interface is null")
	}
	never[string](t)
	never[int](t)
	never[bool](t)
	never[float64](t)
	never[struct{ p *int }](t)
	never[[0]byte](t)
}

type errIt struct{}

func (errIt) Error() string { return "" }

func nilable[T any](t *testing.T, some T) {
	t.Helper()
	check := null.Check[T]()
	if check == nil {
		t.Errorf("%T cannot be null", some)
		return
	}
	var none T
	if !check(none) {
		t.Errorf("the nil of %T is not null", some)
	}
	if check(some) {
		t.Errorf("an empty %T is null", some)
	}
}

func never[T any](t *testing.T) {
	t.Helper()
	if null.Check[T]() != nil {
		var zero T
		t.Errorf("%T can be null", zero)
	}
}
