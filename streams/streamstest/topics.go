package streamstest

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/serde"
)

// In is a topic that a test writes to.
type In[K, V any] struct {
	d     *Driver
	topic string
	key   serde.Serde[K]
	value serde.Serde[V]
}

// Input is a topic of the topology, with the serdes of the types.
func Input[K, V any](d *Driver, topic string) *In[K, V] {
	d.t.Helper()
	return InputWith(d, topic, serdeOf[K](d), serdeOf[V](d))
}

// InputWith is Input with these serdes.
func InputWith[K, V any](d *Driver, topic string, key serde.Serde[K], value serde.Serde[V]) *In[K, V] {
	return &In[K, V]{d, topic, key, value}
}

func serdeOf[T any](d *Driver) serde.Serde[T] {
	d.t.Helper()
	s, ok := serde.Find[T](d.top.Serdes())
	if !ok {
		var zero T
		d.t.Fatalf("there is no serde for %T: register one with the topology, or use InputWith or OutputWith", zero)
	}
	return s
}

// Pipe writes a record and has it processed. An error of the topology ends the
// test.
func (i *In[K, V]) Pipe(k K, v V, at time.Time) {
	i.d.t.Helper()
	i.PipeRecord(streams.Record[K, V]{Key: k, Value: v, Time: at})
}

// PipeTombstone writes a null value.
func (i *In[K, V]) PipeTombstone(k K, at time.Time) {
	i.d.t.Helper()
	i.PipeRecord(streams.Record[K, V]{Key: k, Time: at, NullValue: true})
}

// PipeRecord writes a record with headers and nulls.
func (i *In[K, V]) PipeRecord(r streams.Record[K, V]) {
	i.d.t.Helper()
	if err := i.TryPipeRecord(r); err != nil {
		i.d.t.Fatalf("pipe a record into %s: %v", i.topic, err)
	}
}

// TryPipeRecord is PipeRecord that gives the error of the topology.
func (i *In[K, V]) TryPipeRecord(r streams.Record[K, V]) error {
	raw := &kgo.Record{Topic: i.topic, Timestamp: r.Time}
	var err error
	if !r.NullKey {
		if raw.Key, err = serde.Append(i.key, serde.Meta{Topic: i.topic, IsKey: true}, []byte{}, r.Key); err != nil {
			return err
		}
	}
	if !r.NullValue {
		if raw.Value, err = serde.Append(i.value, serde.Meta{Topic: i.topic}, []byte{}, r.Value); err != nil {
			return err
		}
	}
	for _, h := range r.Headers {
		raw.Headers = append(raw.Headers, kgo.RecordHeader(h))
	}
	return i.d.PipeRaw(raw)
}

// Out is a topic that the topology writes to.
type Out[K, V any] struct {
	d     *Driver
	topic string
	key   serde.Serde[K]
	value serde.Serde[V]
}

// Output is a topic that the topology writes to, with the serdes of the types.
func Output[K, V any](d *Driver, topic string) *Out[K, V] {
	d.t.Helper()
	return OutputWith(d, topic, serdeOf[K](d), serdeOf[V](d))
}

// OutputWith is Output with these serdes.
func OutputWith[K, V any](d *Driver, topic string, key serde.Serde[K], value serde.Serde[V]) *Out[K, V] {
	return &Out[K, V]{d, topic, key, value}
}

// Next takes the next record; false means that there is none.
func (o *Out[K, V]) Next() (streams.Record[K, V], bool) {
	o.d.t.Helper()
	var r streams.Record[K, V]
	wait := o.d.outs[o.topic]
	if len(wait) == 0 {
		return r, false
	}
	raw := wait[0]
	o.d.outs[o.topic] = wait[1:]
	r.Time, r.NullKey, r.NullValue = raw.Timestamp, raw.Key == nil, raw.Value == nil
	var err error
	if !r.NullKey {
		if r.Key, err = serde.Read(o.key, serde.Meta{Topic: o.topic, IsKey: true}, raw.Key); err != nil {
			o.d.t.Fatalf("read a key of %s: %v", o.topic, err)
		}
	}
	if !r.NullValue {
		if r.Value, err = serde.Read(o.value, serde.Meta{Topic: o.topic}, raw.Value); err != nil {
			o.d.t.Fatalf("read a value of %s: %v", o.topic, err)
		}
	}
	for _, h := range raw.Headers {
		r.Headers = append(r.Headers, streams.Header(h))
	}
	return r, true
}

// Records takes all records that wait.
func (o *Out[K, V]) Records() []streams.Record[K, V] {
	o.d.t.Helper()
	var all []streams.Record[K, V]
	for {
		r, ok := o.Next()
		if !ok {
			return all
		}
		all = append(all, r)
	}
}

// Empty is whether no record waits.
func (o *Out[K, V]) Empty() bool { return len(o.d.outs[o.topic]) == 0 }
