package streams_test

import (
	"strings"
	"testing"
	"time"

	"mm2/streams"
	"mm2/streams/serde"
	"mm2/streams/state"
)

type unknown struct{ n int }

func TestJoinErrors(t *testing.T) {
	wrong := streams.KeySerde[int64](serdeOf[int64](t))
	sides := func(b *streams.Builder) (s, r *kstream, table, other *ktable) {
		return streams.Stream[string, string](b, "s"), streams.Stream[string, string](b, "r"), streams.Table[string, string](b, "t"), streams.Table[string, string](b, "u")
	}
	joinWithin := func(w streams.JoinWindow, opts ...streams.Option) func(b *streams.Builder) {
		return func(b *streams.Builder) {
			s, r, _, _ := sides(b)
			streams.JoinStreams(s, r, w, plus, opts...).To("o")
		}
	}
	near := streams.Within(time.Second)
	for name, c := range map[string]struct {
		build func(b *streams.Builder)
		want  string
	}{
		"option of no use": {func(b *streams.Builder) {
			s, _, table, _ := sides(b)
			streams.JoinTable(s, table, plus, streams.Partitions(3)).To("o")
		}, "JoinTable has no use for the option Partitions"},
		"two builders": {func(b *streams.Builder) {
			s, _, _, _ := sides(b)
			streams.JoinTable(s, streams.Table[string, string](streams.NewBuilder(), "t"), plus).To("o")
		}, "different Builders"},
		"wrong key serde": {func(b *streams.Builder) {
			s, _, table, _ := sides(b)
			streams.LeftJoinTable(s, table, plusLeft, wrong).To("o")
		}, "does not encode string"},
		"wrong key serde of streams": {joinWithin(near, wrong), "does not encode string"},
		"wrong value serde of a table": {func(b *streams.Builder) {
			_, _, table, other := sides(b)
			streams.JoinTables(table, other, plus, streams.ValueSerde[int64](serdeOf[int64](t))).ToStream().To("o")
		}, "does not encode string"},
		"no serde of a side": {func(b *streams.Builder) {
			s, r, _, _ := sides(b)
			l := streams.MapValues(s, func(string) unknown { return unknown{1} })
			streams.JoinStreams(l, r, near, func(unknown, string) string { return "" }).To("o")
		}, "JoinStreams: there is no serde for the type streams_test.unknown"},
		"empty window":    {joinWithin(streams.JoinWindow{Before: -2, After: 1}), "is empty"},
		"negative grace":  {joinWithin(near.WithGrace(-1)), "negative Grace"},
		"window too long": {joinWithin(streams.Within(1 << 62)), "too long"},
		"store name":      {joinWithin(near, streams.JoinStores("a b")), "JoinStores"},
		"no store name":   {joinWithin(near, streams.JoinStores("")), "JoinStores: the name is empty"},
		"store serde":     {joinWithin(near, streams.JoinStores("x", state.WithKeySerde(serdeOf[int64](t)))), "WithKeySerde"},
		"global and stream": {func(b *streams.Builder) {
			streams.GlobalTable[string, string](b, "s")
			sides(b)
		}, `topic "s" is read by two sources`},
		"global topic written": {func(b *streams.Builder) {
			s, _, _, _ := sides(b)
			streams.GlobalTable[string, string](b, "g")
			s.To("g")
		}, "topic of a global table"},
		"global topic without name": {func(b *streams.Builder) { streams.GlobalTable[string, string](b, "") }, "GlobalTable: topic: the name is empty"},
		"generated names": {func(b *streams.Builder) {
			streams.EnsureExplicitNaming()(b)
			joinWithin(near, streams.Named("j"))(b)
		}, "KSTREAM-JOINTHIS-0000000010-store"},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder()
			c.build(b)
			_, err := b.Build()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func serdeOf[T any](t *testing.T) serde.Serde[T] {
	t.Helper()
	s, ok := serde.Find[T](&serde.Registry{})
	if !ok {
		t.Fatal("no serde")
	}
	return s
}
