package streams

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mm2/streams/internal/graph"
	"mm2/streams/serde"
	"mm2/streams/state"
)

// Option is a setting of one operator. An operator that has no use for an option
// refuses it when the topology is built.
type Option struct {
	kind optionKind
	set  func(*options)
}

type optionKind uint32

const (
	optNamed optionKind = 1 << iota
	optStore
	optKeySerde
	optValueSerde
	optPartitions
	optPartitionBy
	optTimestamps
	optReset
	optStoreName
	optEmit
	optTopicConfig
	optConnect
	optRetention
	optCluster
	optDirect
	optDuplicates
)

var optionNames = map[optionKind]string{
	optNamed: "Named", optStore: "Store", optKeySerde: "KeySerde", optValueSerde: "ValueSerde", optPartitions: "Partitions",
	optPartitionBy: "PartitionBy", optTimestamps: "Timestamps", optReset: "StartAt",
	optStoreName: "JoinStores", optEmit: "EmitOnClose", optTopicConfig: "TopicConfig",
	optConnect: "Connect", optRetention: "Retention",
	optCluster: "OnCluster", optDirect: "Direct", optDuplicates: "AllowDuplicates",
}

// options are what an operator was given.
type options struct {
	used        optionKind
	name        string
	store       string // name of the store; may be empty though optStore is used
	storeOpts   []state.Option
	key, value  any // serde.Serde[T]
	partitions  int32
	partitionBy any // func(topic string, k K, v V, n int32) int32
	timestamps  any // func(Record[K, V], time.Time) time.Time
	reset       graph.Reset
	joinStores  string
	emitOnClose bool
	configs     map[string]string
	connect     []string
	retention   time.Duration
	cluster     string
	direct      bool
	duplicates  bool
}

func (o *options) has(k optionKind) bool { return o.used&k != 0 }

// read applies options and complains of those that are not among allowed.
func (b *Builder) read(operator string, opts []Option, allowed optionKind) *options {
	o := &options{}
	for _, opt := range opts {
		if opt.set == nil {
			b.fail(fmt.Errorf("%s: an empty Option", operator))
			continue
		}
		if opt.kind&allowed == 0 {
			b.fail(fmt.Errorf("%s has no use for the option %s", operator, optionNames[opt.kind]))
			continue
		}
		if o.has(opt.kind) {
			b.fail(fmt.Errorf("%s has the option %s twice", operator, optionNames[opt.kind]))
		}
		o.used |= opt.kind
		opt.set(o)
	}
	if err := checkName(o.name); o.has(optNamed) && err != nil {
		b.fail(fmt.Errorf("%s: name: %w", operator, err))
	}
	if err := checkName(o.store); o.store != "" && err != nil {
		b.fail(fmt.Errorf("%s: store: %w", operator, err))
	}
	o.checkCluster(b, operator)
	return o
}

// checkName checks that a name may be part of a topic's name.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case name == "." || name == "..":
		return fmt.Errorf("%q is not a legal name", name)
	case len(name) > 249:
		return fmt.Errorf("the name has %d characters, more than the 249 of a topic", len(name))
	}
	if i := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}); i >= 0 {
		return fmt.Errorf("%q has a character at %d that topics may not have: use letters, digits, '.', '_' and '-'", name, i)
	}
	return nil
}

// Named gives an operator's node a name in the place of a generated one, which
// changes when operators are added before it.
func Named(name string) Option {
	return Option{optNamed, func(o *options) { o.name = name }}
}

// Store names the state store of an operator, which so can be queried, and keeps
// its content when operators are added before it.
func Store(name string, opts ...state.Option) Option {
	return Option{optStore, func(o *options) { o.store, o.storeOpts = name, opts }}
}

// KeySerde gives the serde of an operator's keys in the place of the one of their
// type.
func KeySerde[K any](s serde.Serde[K]) Option {
	return Option{optKeySerde, func(o *options) { o.key = s }}
}

// ValueSerde gives the serde of an operator's values in the place of the one of
// their type.
func ValueSerde[V any](s serde.Serde[V]) Option {
	return Option{optValueSerde, func(o *options) { o.value = s }}
}

// Partitions fixes the number of partitions of a repartition topic.
func Partitions(n int32) Option {
	return Option{optPartitions, func(o *options) { o.partitions = n }}
}

// PartitionBy chooses the partition of a record, from 0 to n-1, in the place of
// the hash of its key; -1 leaves it to the hash.
func PartitionBy[K, V any](fn func(topic string, k K, v V, n int32) int32) Option {
	return Option{optPartitionBy, func(o *options) { o.partitionBy = fn }}
}

// TopicConfig sets configs of the repartition topic that an operator makes.
func TopicConfig(configs map[string]string) Option {
	return Option{optTopicConfig, func(o *options) { o.configs = configs }}
}

// Timestamps gives each record of a source its time in the place of its own
// timestamp; partitionTime is the largest of the partition so far, zero before the
// first. A time before 1970 drops the record.
func Timestamps[K, V any](fn func(r Record[K, V], partitionTime time.Time) time.Time) Option {
	return Option{optTimestamps, func(o *options) { o.timestamps = fn }}
}

// OffsetReset is where a source begins that has no committed position.
type OffsetReset struct{ reset graph.Reset }

// Where a source may begin.
var (
	FromEarliest = OffsetReset{graph.Reset{Policy: graph.Earliest}}
	FromLatest   = OffsetReset{graph.Reset{Policy: graph.Latest}}
	FromNowhere  = OffsetReset{graph.Reset{Policy: graph.None}} // it fails instead
)

// FromSince begins with the records of the last d.
func FromSince(d time.Duration) OffsetReset {
	return OffsetReset{graph.Reset{Policy: graph.ByDuration, Since: d}}
}

// StartAt says where a source begins that has no committed position.
func StartAt(r OffsetReset) Option {
	return Option{optReset, func(o *options) { o.reset = r.reset }}
}

// Connect gives a processor access to stores that AddStateStore has declared.
func Connect(stores ...string) Option {
	return Option{optConnect, func(o *options) { o.connect = stores }}
}

// Retention has the store of a windowed aggregation show its windows for longer
// than the operator needs them, for those who look into it: until a window begins,
// or a session ends, that is later by d. The operator needs size+grace, or
// gap+grace; less is an error.
func Retention(d time.Duration) Option {
	return Option{optRetention, func(o *options) { o.retention = d }}
}

// EmitOnClose has a windowed aggregation give one result for each window, when it is
// closed, in the place of one for each record. As time moves with records only, the
// last results wait for a later record. The result of a closed window is not given
// again after a restart.
func EmitOnClose() Option {
	return Option{optEmit, func(o *options) { o.emitOnClose = true }}
}

// serdeOf is the serde of T: the given one or that of the type. A type that has
// none is an error of the topology.
func serdeOf[T any](b *Builder, operator string, given any) serde.Serde[T] {
	if given != nil {
		s, ok := given.(serde.Serde[T])
		if !ok {
			b.fail(fmt.Errorf("%s: the serde %T does not encode %s", operator, given, typeName[T]()))
		}
		return s
	}
	s, ok := findSerde[T](&b.serdes)
	if !ok {
		b.fail(fmt.Errorf("%s: %w for the type %s: register one with RegisterSerde, or give one as an option", operator, ErrNoSerde, typeName[T]()))
		return nil
	}
	return s
}

// findSerde is the serde of T by its type.
func findSerde[T any](r *serde.Registry) (serde.Serde[T], bool) { return serde.Find[T](r) }
