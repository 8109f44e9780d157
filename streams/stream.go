package streams

import (
	"fmt"
	"regexp"
	"time"

	"mm2/streams/internal/graph"
	"mm2/streams/serde"
)

// KStream is a stream of records that each stand for themselves.
type KStream[K, V any] struct {
	b       *Builder
	node    string           // whose records these are
	rekeyed bool             // a record may lie in another partition than its key asks for
	key     any              // serde.Serde[K] if one was given, else nil
	value   any              // serde.Serde[V]
	placed  *placement[K, V] // by key, once a join needed that
}

// derive is a stream that another node yields.
func derive[K, V, K2, V2 any](s *KStream[K, V], node string) *KStream[K2, V2] {
	d := &KStream[K2, V2]{b: s.b, node: node, rekeyed: s.rekeyed}
	if k, ok := s.key.(serde.Serde[K2]); ok {
		d.key = k
	}
	if v, ok := s.value.(serde.Serde[V2]); ok {
		d.value = v
	}
	return d
}

const optSource = optNamed | optKeySerde | optValueSerde | optTimestamps | optReset | optCluster

// Stream reads a topic whose keys and values have a type that was registered or
// is built in.
func Stream[K, V any](b *Builder, topic string, opts ...Option) *KStream[K, V] {
	return stream[K, V](b, "Stream", []string{topic}, nil, opts)
}

// StreamTopics reads several topics as one stream.
func StreamTopics[K, V any](b *Builder, topics []string, opts ...Option) *KStream[K, V] {
	return stream[K, V](b, "StreamTopics", topics, nil, opts)
}

// StreamPattern reads all topics whose whole name the pattern matches, also those
// that are created later.
func StreamPattern[K, V any](b *Builder, re *regexp.Regexp, opts ...Option) *KStream[K, V] {
	return stream[K, V](b, "StreamPattern", nil, re, opts)
}

// Stream reads a topic as bytes.
func (b *Builder) Stream(topic string, opts ...Option) *KStream[[]byte, []byte] {
	return Stream[[]byte, []byte](b, topic, opts...)
}

func stream[K, V any](b *Builder, operator string, topics []string, re *regexp.Regexp, opts []Option) *KStream[K, V] {
	o := b.read(operator, opts, optSource)
	name := b.name("KSTREAM-SOURCE-", o)
	operator = fmt.Sprintf("%s %q", operator, name)
	m := makeSource[K, V](b, operator, o)
	b.add(func(g *graph.Graph) error {
		return g.Add(&graph.Node{Name: name, Kind: graph.Source, Topics: topics, Pattern: re, Cluster: o.cluster, Reset: o.reset, Impl: m})
	})
	return &KStream[K, V]{b: b, node: name, key: o.key, value: o.value}
}

func makeSource[K, V any](b *Builder, operator string, o *options) *sourceMaker[K, V] {
	m := &sourceMaker[K, V]{}
	if o.has(optTimestamps) {
		fn, ok := o.timestamps.(func(Record[K, V], time.Time) time.Time)
		if !ok {
			b.fail(fmt.Errorf("%s: Timestamps has a %T, want a function of Record[%s, %s]", operator, o.timestamps, typeName[K](), typeName[V]()))
		}
		m.timestamps = fn
	}
	// Serdes may be registered after the operator.
	b.add(func(*graph.Graph) error {
		m.key, m.value = serdeOf[K](b, operator, o.key), serdeOf[V](b, operator, o.value)
		return nil
	})
	return m
}

const optSink = optNamed | optKeySerde | optValueSerde | optPartitionBy | optCluster | optDirect | optDuplicates

// To writes the stream to a topic.
func (s *KStream[K, V]) To(topic string, opts ...Option) {
	if err := checkName(topic); err != nil {
		s.b.fail(fmt.Errorf("To: topic: %w", err))
	}
	s.to("To", topic, nil, opts)
}

// ToFunc writes each record to the topic that fn chooses. The topics must exist.
func (s *KStream[K, V]) ToFunc(fn func(Record[K, V], RecordMetadata) string, opts ...Option) {
	s.to("ToFunc", "", fn, opts)
}

func (s *KStream[K, V]) to(operator, topic string, choose func(Record[K, V], RecordMetadata) string, opts []Option) {
	o := s.b.read(operator, opts, optSink)
	name := s.b.name("KSTREAM-SINK-", o)
	operator = fmt.Sprintf("%s %q", operator, name)
	m := s.makeSink(operator, o)
	m.topic = choose
	s.b.add(func(g *graph.Graph) error {
		return g.Add(&graph.Node{Name: name, Kind: graph.Sink, Topic: topic, Cluster: o.cluster, Direct: o.direct, Duplicates: o.duplicates, Impl: m}, s.node)
	})
}

// makeSink makes a sink with the stream's serdes, or those of the options.
func (s *KStream[K, V]) makeSink(operator string, o *options) *sinkMaker[K, V] {
	m := &sinkMaker[K, V]{}
	if o.has(optPartitionBy) {
		fn, ok := o.partitionBy.(func(string, K, V, int32) int32)
		if !ok {
			s.b.fail(fmt.Errorf("%s: PartitionBy has a %T, want a function of %s and %s", operator, o.partitionBy, typeName[K](), typeName[V]()))
		}
		m.partitionBy = fn
	}
	key, value := s.key, s.value
	if o.has(optKeySerde) {
		key = o.key
	}
	if o.has(optValueSerde) {
		value = o.value
	}
	s.b.add(func(*graph.Graph) error {
		m.key, m.value = serdeOf[K](s.b, operator, key), serdeOf[V](s.b, operator, value)
		return nil
	})
	return m
}
