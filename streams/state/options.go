package state

import (
	"errors"
	"fmt"
	"maps"
	"reflect"

	"mm2/streams/serde"
)

// Option changes how a store is kept. An option that does not fit the store is
// reported by Builder.Resolve.
type Option func(*options)

type options struct {
	inMemory    bool
	noChangelog bool
	duplicates  bool
	config      map[string]string
	key, value  any // a serde.Serde of K and of V, or nil
	errs        []error
}

// InMemory keeps the rows in memory only. A task that starts reads them all from
// the changelog.
func InMemory() Option { return func(o *options) { o.inMemory = true } }

// NoChangelog writes no changelog: the rows are lost with the disk that they are
// on, and there are no standby copies.
func NoChangelog() Option { return func(o *options) { o.noChangelog = true } }

// ChangelogConfig sets topic configs of the changelog, by Kafka's names. Given
// twice, both count, and the later value of a name wins.
func ChangelogConfig(config map[string]string) Option {
	return func(o *options) {
		if o.config == nil {
			o.config = make(map[string]string, len(config))
		}
		maps.Copy(o.config, config)
	}
}

// Duplicates makes a window store keep several values of the same key and start,
// in the order in which they were put.
func Duplicates() Option { return func(o *options) { o.duplicates = true } }

// WithKeySerde encodes the keys with s instead of the serde of their type.
func WithKeySerde[K any](s serde.Serde[K]) Option {
	return func(o *options) {
		if s == nil {
			o.errs = append(o.errs, fmt.Errorf("WithKeySerde[%v]: the serde is nil", reflect.TypeFor[K]()))
			return
		}
		o.key = s
	}
}

// WithValueSerde encodes the values with s instead of the serde of their type.
// In a timestamped store it is the serde of the value without the timestamp.
func WithValueSerde[V any](s serde.Serde[V]) Option {
	return func(o *options) {
		if s == nil {
			o.errs = append(o.errs, fmt.Errorf("WithValueSerde[%v]: the serde is nil", reflect.TypeFor[V]()))
			return
		}
		o.value = s
	}
}

// fit says what does not go together in a store of this kind.
func (o *options) fit(spec Spec) error {
	errs := o.errs
	if o.duplicates && spec.Kind != KindWindow {
		errs = append(errs, errors.New("Duplicates: only window stores keep duplicates"))
	}
	if o.noChangelog && o.config != nil {
		errs = append(errs, errors.New("ChangelogConfig: NoChangelog is given too, so there is no topic to configure"))
	}
	return errors.Join(errs...)
}

// pick is the serde of T: the given one, or else the one that find knows.
func pick[T any](given any, option, use string, find Finder) (serde.Serde[T], error) {
	t := reflect.TypeFor[T]()
	if given != nil {
		s, ok := given.(serde.Serde[T])
		if !ok {
			return nil, fmt.Errorf("%s: the serde is a %T, but the %s is %v", option, given, use, t)
		}
		return s, nil
	}
	var found any
	if find != nil {
		found = find(t)
	}
	s, ok := found.(serde.Serde[T])
	if !ok {
		return nil, fmt.Errorf("the %s has type %v, which has no serde: register one or give %s", use, t, option)
	}
	return s, nil
}
