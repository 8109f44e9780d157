package state_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mm2/streams/serde"
	"mm2/streams/state"
)

type unknown struct{}

func TestResolveErrors(t *testing.T) {
	var r serde.Registry
	text, _ := serde.Find[string](&r)
	for _, c := range []struct {
		b    state.Builder
		want string
	}{
		{state.NewKeyValue[string, int]("s", state.Duplicates()), `store "s": Duplicates: only window stores keep duplicates`},
		{state.NewSession[string, int]("s", time.Second, state.Duplicates()), "Duplicates: only window stores"},
		{
			state.NewKeyValue[string, int]("s", state.NoChangelog(), state.ChangelogConfig(map[string]string{"a": "b"})),
			"ChangelogConfig: NoChangelog is given too",
		},
		{state.NewKeyValue[unknown, int]("s"), "the key has type state_test.unknown, which has no serde: register one or give WithKeySerde"},
		{state.NewTimestampedKeyValue[int, unknown]("s"), "the value has type state_test.unknown, which has no serde: register one or give WithValueSerde"},
		{state.NewKeyValue[int, int]("s", state.WithKeySerde(text)), "WithKeySerde: the serde is a serde.text, but the key is int"},
		{state.NewKeyValue[int, int]("s", state.WithValueSerde(text)), "WithValueSerde: the serde is a serde.text, but the value is int"},
		{state.NewKeyValue[string, int]("s", state.WithKeySerde[string](nil)), "WithKeySerde[string]: the serde is nil"},
		{state.NewKeyValue[string, int]("s", state.WithValueSerde[int](nil)), "WithValueSerde[int]: the serde is nil"},
		{state.NewKeyValue[string, int](""), "the name is empty"},
		{state.NewWindow[string, int]("s", time.Microsecond, time.Second), "the retention is 1µs, want at least 1ms"},
		{state.NewWindow[string, int]("s", time.Second, 0), "the window size is 0s, want at least 1ms"},
		{state.NewWindow[string, int]("s", time.Second, time.Minute), "the retention is 1s, want at least the window size 1m0s"},
		{state.NewSession[string, int]("s", 0), "the retention is 0s"},
	} {
		if err := c.b.Resolve(r.Lookup); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestSpecs(t *testing.T) {
	b := state.NewTimestampedWindow[string, int]("w", time.Minute, time.Second,
		state.InMemory(), state.Duplicates(),
		state.ChangelogConfig(map[string]string{"a": "1", "b": "1"}), state.ChangelogConfig(map[string]string{"b": "2"}))
	want := state.Spec{
		Kind: state.KindWindow, InMemory: true, Changelog: true,
		ChangelogConfig: map[string]string{"a": "1", "b": "2"},
		Retention:       time.Minute, WindowSize: time.Second, Timestamped: true, Duplicates: true,
	}
	if b.Name() != "w" || fmt.Sprint(b.Spec()) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", b.Name(), b.Spec(), want)
	}
	if state.NewKeyValue[string, int]("s", state.NoChangelog()).Spec().Changelog {
		t.Error("a changelog in spite of NoChangelog")
	}
}

func TestOpenWantsWhatItNeeds(t *testing.T) {
	unresolved := state.NewKeyValue[string, int]("s")
	b := newBench(t, state.NewSession[string, int]("s", time.Second))
	for _, c := range []struct {
		builder state.Builder
		without func(*state.Env)
		want    string
	}{
		{unresolved, func(*state.Env) {}, `open store "s": its serdes are not known: call Resolve before`},
		{b.builder, func(e *state.Env) { e.Rows = nil }, "it needs Rows and Fail"},
		{b.builder, func(e *state.Env) { e.Fail = nil }, "it needs Rows and Fail"},
		{b.builder, func(e *state.Env) { e.Time = nil }, "a changelog needs Time"},
		{b.builder, func(e *state.Env) { e.Dropped = nil }, "a store with a retention needs Dropped"},
	} {
		env := b.env()
		c.without(&env)
		if _, err := c.builder.Open(env); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// meta is a serde that writes where it is used.
type meta struct{ serde.Serde[string] }

func (meta) AppendEncodeMeta(dst []byte, m serde.Meta, v string) ([]byte, error) {
	return fmt.Appendf(dst, "%s/%v/%s", m.Topic, m.IsKey, v), nil
}

func (meta) DecodeMeta(m serde.Meta, b []byte) (string, error) {
	return strings.TrimPrefix(string(b), fmt.Sprintf("%s/%v/", m.Topic, m.IsKey)), nil
}

func TestSerdesAreToldTheChangelogTopic(t *testing.T) {
	b := newBench(t, state.NewTimestampedKeyValue[string, string]("s",
		state.WithKeySerde[string](meta{}), state.WithValueSerde[string](meta{})))
	s := opened[state.KeyValue[string, state.Timestamped[string]]](b)
	ok(t, s.Put("k", stamp("v", 1)))
	if k, v := string(b.log[0].key), string(b.log[0].value); k != "app-store-changelog/true/k" || v != "app-store-changelog/false/v" {
		t.Errorf("wrote %q, %q", k, v)
	}
	for k, v := range s.All() {
		if k != "k" || v.Value != "v" || v.Time.UnixMilli() != 1 {
			t.Errorf("read %q, %v", k, v)
		}
	}
}

// TestSerdeThatDoesNotAppend is a mistake that would lose the time of a row.
func TestSerdeThatDoesNotAppend(t *testing.T) {
	wrong := serde.Func(
		func(_ []byte, v string) ([]byte, error) { return []byte(v + " and more"), nil },
		func(b []byte) (string, error) { return string(b), nil },
	)
	b := newBench(t, state.NewTimestampedKeyValue[string, string]("s", state.WithValueSerde(wrong)))
	s := opened[state.KeyValue[string, state.Timestamped[string]]](b)
	if err := s.Put("k", stamp("v", 1)); err == nil || !strings.Contains(err.Error(), "did not append") {
		t.Errorf("got %v", err)
	}
}
