package state

import (
	"errors"
	"fmt"
	"reflect"
)

var errNilKey = errors.New("the key is nil: streams has no rows of null keys")

// base is what all stores have: how to encode, and where to. Its buffers are why
// a store is used by one goroutine.
type base[K, W any] struct {
	name   string
	env    Env
	keys   plain[K]
	values format[W]
	buf    []byte // of a row's key
	rowBuf []byte // of a row's value
}

func (b *base[K, W]) wrap(doing string, err error) error {
	return fmt.Errorf("%s store %q: %w", doing, b.name, err)
}

// appendKey appends the bytes of k.
func (b *base[K, W]) appendKey(dst []byte, k K) ([]byte, error) {
	if b.keys.isNil(k) {
		return dst, errNilKey
	}
	out, err := b.keys.appendRow(dst, k)
	if err != nil {
		return dst, fmt.Errorf("encode key of type %v: %w", reflect.TypeFor[K](), err)
	}
	return out, nil
}

// row is v as it stands in a row; it is valid until the next call.
func (b *base[K, W]) row(v W) ([]byte, error) {
	row, err := b.values.appendRow(b.rowBuf[:0], v)
	if err != nil {
		return nil, fmt.Errorf("encode value of type %v: %w", reflect.TypeFor[W](), err)
	}
	if row == nil {
		row = []byte{} // a value of no bytes is a value; nil would be a deletion
	}
	b.rowBuf = row
	return row, nil
}

func (b *base[K, W]) read(row []byte) (W, error) {
	v, err := b.values.readRow(row)
	if err != nil {
		return v, fmt.Errorf("decode value of type %v: %w", reflect.TypeFor[W](), err)
	}
	return v, nil
}

func (b *base[K, W]) readKey(key []byte) (K, error) {
	k, err := b.keys.readRow(key)
	if err != nil {
		return k, fmt.Errorf("decode key of type %v: %w", reflect.TypeFor[K](), err)
	}
	return k, nil
}

func (b *base[K, W]) pair(key, row []byte) (k K, v W, err error) {
	if k, err = b.readKey(key); err != nil {
		return k, v, err
	}
	v, err = b.read(row)
	return k, v, err
}

// get is the value of the row with this key.
func (b *base[K, W]) get(rowKey []byte) (v W, ok bool, err error) {
	row, ok, err := b.env.Rows.Get(rowKey)
	if err != nil || !ok {
		return v, false, err
	}
	if v, err = b.read(row); err != nil {
		return v, false, err
	}
	return v, true, nil
}

// logRow writes a put row to the changelog.
func (b *base[K, W]) logRow(key, row []byte) error {
	if b.env.Log == nil {
		return nil
	}
	value, at := b.values.logged(row, b.env.Time())
	return b.env.Log(key, value, at)
}

// logDelete writes a deletion to the changelog. It has the time of the record
// that caused it, also where rows have timestamps of their own.
func (b *base[K, W]) logDelete(key []byte) error {
	if b.env.Log == nil {
		return nil
	}
	return b.env.Log(key, nil, b.env.Time())
}

// fail ends an iteration that met an error.
func (b *base[K, W]) fail(err error) {
	b.env.Fail(b.wrap("read", err))
}
