package streams

import (
	"fmt"

	"mm2/streams/serde"
	"mm2/streams/state"
)

// joinStoreBuilder declares the store of one side of a join of streams. Its values
// are pointers, since a null value takes a place in the changelog there, as it
// does in Kafka.
func joinStoreBuilder[K, V any](name string, w JoinWindow, keys serde.Serde[K], values serde.Serde[V], opts []state.Option) state.Builder {
	all := []state.Option{state.Duplicates(), state.WithKeySerde(keys), state.WithValueSerde[*V](pointerSerde[V]{values})}
	return state.NewWindow[K, *V](name, w.retention(), w.size(), append(all, opts...)...)
}

// joinStore passes records on and then keeps them, so that a record of a stream
// that is joined with itself finds itself once.
type joinStore[K, V any] struct {
	ctx  ProcessorContext[K, V]
	name string
	rows state.Window[K, *V]
}

func (p *joinStore[K, V]) Init(ctx ProcessorContext[K, V]) (err error) {
	p.ctx = ctx
	p.rows, err = GetStore[state.Window[K, *V]](ctx, p.name)
	return err
}

func (p *joinStore[K, V]) Close() error { return nil }

func (p *joinStore[K, V]) Process(r Record[K, V]) error {
	p.ctx.Forward(r)
	switch {
	case r.NullKey:
		return nil
	case r.NullValue:
		return p.rows.Put(r.Key, nil, r.Time)
	default:
		return p.rows.Put(r.Key, &r.Value, r.Time)
	}
}

// pointerSerde encodes what a pointer points to.
type pointerSerde[V any] struct{ to serde.Serde[V] }

// AppendEncode implements serde.Serde.
func (p pointerSerde[V]) AppendEncode(dst []byte, v *V) ([]byte, error) {
	return p.AppendEncodeMeta(dst, serde.Meta{}, v)
}

// Decode implements serde.Serde.
func (p pointerSerde[V]) Decode(b []byte) (*V, error) { return p.DecodeMeta(serde.Meta{}, b) }

// AppendEncodeMeta implements serde.MetaSerde.
func (p pointerSerde[V]) AppendEncodeMeta(dst []byte, m serde.Meta, v *V) ([]byte, error) {
	if v == nil {
		return dst, fmt.Errorf("encode a nil %s: a null has no encoding", typeName[*V]())
	}
	return serde.Append(p.to, m, dst, *v)
}

// DecodeMeta implements serde.MetaSerde.
func (p pointerSerde[V]) DecodeMeta(m serde.Meta, b []byte) (*V, error) {
	v, err := serde.Read(p.to, m, b)
	if err != nil {
		return nil, err
	}
	return &v, nil
}
