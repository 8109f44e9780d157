package state

import (
	"errors"
	"fmt"
	"time"

	"mm2/streams/serde"
)

// NewKeyValue declares a store that opens as a KeyValue[K, V].
func NewKeyValue[K, V any](name string, opts ...Option) Builder {
	return declare[K, V](name, Spec{Kind: KindKeyValue}, opts)
}

// NewTimestampedKeyValue declares a store that opens as a
// KeyValue[K, Timestamped[V]]. The options and serdes are those of V.
func NewTimestampedKeyValue[K, V any](name string, opts ...Option) Builder {
	return declare[K, V](name, Spec{Kind: KindKeyValue, Timestamped: true}, opts)
}

// NewWindow declares a store that opens as a Window[K, V] and an Observer. It
// shows a window until a start later by retention was put; size is the length of
// a window. Both count in whole milliseconds, and retention is not shorter than
// size.
func NewWindow[K, V any](name string, retention, size time.Duration, opts ...Option) Builder {
	return declare[K, V](name, Spec{Kind: KindWindow, Retention: retention, WindowSize: size}, opts)
}

// NewTimestampedWindow declares a store that opens as a
// Window[K, Timestamped[V]] and an Observer, and otherwise is as NewWindow.
func NewTimestampedWindow[K, V any](name string, retention, size time.Duration, opts ...Option) Builder {
	return declare[K, V](name, Spec{Kind: KindWindow, Retention: retention, WindowSize: size, Timestamped: true}, opts)
}

// NewSession declares a store that opens as a Session[K, V] and an Observer. It
// shows a session until an end later by more than retention was put.
func NewSession[K, V any](name string, retention time.Duration, opts ...Option) Builder {
	return declare[K, V](name, Spec{Kind: KindSession, Retention: retention}, opts)
}

// declaration is the one Builder of all typed stores. V is the type of the value
// without a timestamp.
type declaration[K, V any] struct {
	name    string
	spec    Spec
	options options
	key     serde.Serde[K]
	value   serde.Serde[V]
}

func declare[K, V any](name string, spec Spec, opts []Option) *declaration[K, V] {
	d := &declaration[K, V]{name: name}
	for _, opt := range opts {
		opt(&d.options)
	}
	spec.InMemory = d.options.inMemory
	spec.Changelog = !d.options.noChangelog
	spec.ChangelogConfig = d.options.config
	spec.Duplicates = d.options.duplicates
	d.spec = spec
	return d
}

func (d *declaration[K, V]) Name() string { return d.name }
func (d *declaration[K, V]) Spec() Spec   { return d.spec }

func (d *declaration[K, V]) Resolve(find Finder) error {
	errs := []error{d.options.fit(d.spec), checkSpec(d.name, d.spec)}
	var err error
	d.key, err = pick[K](d.options.key, "WithKeySerde", "key", find)
	errs = append(errs, err)
	d.value, err = pick[V](d.options.value, "WithValueSerde", "value", find)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("store %q: %w", d.name, err)
	}
	return nil
}

func checkSpec(name string, spec Spec) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case spec.Kind == KindKeyValue:
		return nil
	case spec.Retention < time.Millisecond:
		return fmt.Errorf("the retention is %v, want at least 1ms", spec.Retention)
	case spec.Kind == KindWindow && spec.WindowSize < time.Millisecond:
		return fmt.Errorf("the window size is %v, want at least 1ms", spec.WindowSize)
	case spec.Kind == KindWindow && spec.Retention < spec.WindowSize:
		return fmt.Errorf("the retention is %v, want at least the window size %v", spec.Retention, spec.WindowSize)
	}
	return nil
}

func (d *declaration[K, V]) Open(env Env) (any, error) {
	if err := d.checkEnv(env); err != nil {
		return nil, fmt.Errorf("open store %q: %w", d.name, err)
	}
	if d.spec.Timestamped {
		return open(d, env, newStamped(d.value, env.Topic))
	}
	return open(d, env, newPlain(d.value, env.Topic))
}

// checkEnv finds what is missing at the start instead of at the first row.
func (d *declaration[K, V]) checkEnv(env Env) error {
	switch {
	case d.key == nil || d.value == nil:
		return errors.New("its serdes are not known: call Resolve before")
	case env.Rows == nil || env.Fail == nil:
		return errors.New("it needs Rows and Fail")
	case env.Log != nil && env.Time == nil:
		return errors.New("a changelog needs Time")
	case d.spec.Kind != KindKeyValue && env.Dropped == nil:
		return errors.New("a store with a retention needs Dropped")
	}
	return nil
}

// open makes the store; W is the type of value that its user sees.
func open[K, V, W any](d *declaration[K, V], env Env, values format[W]) (any, error) {
	b := base[K, W]{
		name:   d.name,
		env:    env,
		keys:   newPlain(d.key, env.Topic).asKey(),
		values: values,
		buf:    make([]byte, 0, 64),
		rowBuf: make([]byte, 0, 64),
	}
	switch d.spec.Kind {
	case KindWindow:
		return openWindow(b, d.spec)
	case KindSession:
		return openSession(b, d.spec)
	default:
		return &keyValue[K, W]{b}, nil
	}
}

func (d *declaration[K, V]) Restore(rows Rows, key, value []byte, at int64) error {
	var row []byte
	if value != nil {
		if d.spec.Timestamped {
			row = appendMillis(make([]byte, 0, stampLen+len(value)), at)
		}
		row = append(row, value...)
	}
	var err error
	switch d.spec.Kind {
	case KindWindow:
		err = restoreWindow(rows, d.spec, key, row, value == nil)
	case KindSession:
		err = restoreSession(rows, d.spec, key, row, value == nil)
	default:
		err = restoreKeyValue(rows, key, row, value == nil)
	}
	if err != nil {
		return fmt.Errorf("restore store %q, changelog key %x: %w", d.name, key, err)
	}
	return nil
}
