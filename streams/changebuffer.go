package streams

import (
	"errors"
	"fmt"
	"reflect"

	"mm2/streams/internal/buffer"
	"mm2/streams/serde"
	"mm2/streams/state"
)

// bufferStore declares the store of the changes that Suppress holds back.
type bufferStore[K, V any] struct {
	name                 string
	buffer               Buffer
	givenKey, givenValue any // serde.Serde[K] and serde.Serde[V] if given, else nil
	key                  serde.Serde[K]
	value                serde.Serde[V]
}

// Name implements state.Builder.
func (s *bufferStore[K, V]) Name() string { return s.name }

// Spec implements state.Builder.
func (s *bufferStore[K, V]) Spec() state.Spec {
	return state.Spec{
		Kind: state.KindRaw, Changelog: !s.buffer.noLog, ChangelogConfig: s.buffer.configs,
		ChangelogVersion: buffer.Version,
	}
}

// Resolve implements state.Builder.
func (s *bufferStore[K, V]) Resolve(find state.Finder) error {
	var errKey, errValue error
	s.key, errKey = resolve[K](s.givenKey, "key", find)
	s.value, errValue = resolve[V](s.givenValue, "value", find)
	return errors.Join(errKey, errValue)
}

func resolve[T any](given any, use string, find state.Finder) (serde.Serde[T], error) {
	if given == nil {
		given = find(reflect.TypeFor[T]())
	}
	if given == nil {
		return nil, fmt.Errorf("%w for the %s type %s: register one with RegisterSerde, or give one as an option", ErrNoSerde, use, typeName[T]())
	}
	s, ok := given.(serde.Serde[T])
	if !ok {
		return nil, fmt.Errorf("the serde %T does not encode the %s type %s", given, use, typeName[T]())
	}
	return s, nil
}

// Open implements state.Builder.
func (s *bufferStore[K, V]) Open(env state.Env) (any, error) {
	b := &changeBuffer[K, V]{store: s, topic: env.Topic}
	var log buffer.Log
	if env.Log != nil {
		// Kafka gives these records no time.
		log = func(key, value []byte) error { return env.Log(key, value, -1) }
	}
	var err error
	if b.rows, err = buffer.Open(env.Rows, log); err != nil {
		return nil, fmt.Errorf("open store %q: %w", s.name, err)
	}
	return b, nil
}

// Restore implements state.Builder.
func (s *bufferStore[K, V]) Restore(rows state.Rows, key, value []byte, _ int64) error {
	if err := buffer.Restore(rows, key, value); err != nil {
		return fmt.Errorf("restore store %q, changelog key %x: %w", s.name, key, err)
	}
	return nil
}

// changeBuffer is a buffer of changes with types.
type changeBuffer[K, V any] struct {
	store  *bufferStore[K, V]
	topic  string
	rows   *buffer.Buffer
	keyBuf []byte
	valBuf []byte
}

// Held is how many keys are held back, and about how many bytes they take.
func (b *changeBuffer[K, V]) Held() (keys, bytes int64) { return b.rows.Len(), b.rows.Size() }

func (b *changeBuffer[K, V]) appendKey(k K) ([]byte, error) {
	key, err := serde.Append(b.store.key, serde.Meta{Topic: b.topic, IsKey: true}, b.keyBuf[:0], k)
	if err != nil {
		return nil, fmt.Errorf("encode the key as %s for store %q: %w", typeName[K](), b.store.name, err)
	}
	b.keyBuf = key
	return key, nil
}

// put holds a change that a record from at has made.
func (b *changeBuffer[K, V]) put(order int64, at RecordMetadata, r Record[K, change[V]]) error {
	key, err := b.appendKey(r.Key)
	if err != nil {
		return err
	}
	v := buffer.Value{Time: r.Time.UnixMilli(), Offset: -1, Partition: -1, Headers: wireHeaders(r.Headers)}
	if at.Topic != "" {
		v.Topic, v.Partition, v.Offset = at.Topic, at.Partition, at.Offset
	}
	buf, old := b.valBuf[:0], 0
	if r.Value.HasOld {
		if buf, err = b.appendValue(buf, r.Value.Old); err != nil {
			return err
		}
		old = len(buf)
	}
	if r.Value.HasNew {
		if buf, err = b.appendValue(buf, r.Value.New); err != nil {
			return err
		}
		v.New = notNil(buf[old:])
	}
	if r.Value.HasOld {
		v.Old = notNil(buf[:old])
	}
	b.valBuf = buf
	if err := b.rows.Put(order, key, v); err != nil {
		return fmt.Errorf("write to store %q: %w", b.store.name, err)
	}
	return nil
}

func (b *changeBuffer[K, V]) appendValue(dst []byte, v V) ([]byte, error) {
	dst, err := serde.Append(b.store.value, serde.Meta{Topic: b.topic}, dst, v)
	if err != nil {
		return nil, fmt.Errorf("encode the value as %s for store %q: %w", typeName[V](), b.store.name, err)
	}
	return dst, nil
}

// notNil keeps an empty value apart from a null.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// record is a change with types. The old row is the prior one: that is the last
// one that those behind the buffer were given.
func (b *changeBuffer[K, V]) record(key []byte, v buffer.Value, old bool) (r Record[K, change[V]], err error) {
	r.Time, r.Headers = millis(v.Time), headersOf(v.Headers)
	if r.Key, err = serde.Read(b.store.key, serde.Meta{Topic: b.topic, IsKey: true}, key); err != nil {
		return r, fmt.Errorf("decode a key of store %q as %s: %w", b.store.name, typeName[K](), err)
	}
	if r.Value.New, r.Value.HasNew, err = b.read(v.New); err != nil || !old {
		return r, err
	}
	r.Value.Old, r.Value.HasOld, err = b.read(v.Prior)
	return r, err
}

func (b *changeBuffer[K, V]) read(bytes []byte) (v V, ok bool, err error) {
	if bytes == nil {
		return v, false, nil
	}
	if v, err = serde.Read(b.store.value, serde.Meta{Topic: b.topic}, bytes); err != nil {
		return v, false, fmt.Errorf("decode a value of store %q as %s: %w", b.store.name, typeName[V](), err)
	}
	return v, true, nil
}

// prior is the row of a key before the changes that are held of it, and whether
// any are.
func (b *changeBuffer[K, V]) prior(k K) (v V, ok, held bool, err error) {
	key, err := b.appendKey(k)
	if err != nil {
		return v, false, false, err
	}
	bytes, held, err := b.rows.Prior(key)
	if err != nil {
		return v, false, held, fmt.Errorf("read store %q: %w", b.store.name, err)
	}
	v, ok, err = b.read(bytes)
	return v, ok, held, err
}
