package streamsgolden

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/state"
	"mm2/streams/streamstest"
)

// orNull is how the golden programs print a missing side.
func orNull(v *string) string {
	if v == nil {
		return "null"
	}
	return *v
}

func slash(l, r string) string             { return l + "/" + r }
func plus(l, r string) string              { return l + "+" + r }
func plusLeft(l string, r *string) string  { return l + "+" + orNull(r) }
func plusOuter(l, r *string) string        { return orNull(l) + "+" + orNull(r) }
func slashLeft(l string, r *string) string { return l + "/" + orNull(r) }

func joins(r *registry) {
	r.register("02-stream-table-join", map[string]Program{
		"inner-order-address": {
			build: func(b *streams.Builder) {
				orders := streams.Stream[string, string](b, "orders")
				addresses := streams.Table[string, string](b, "addresses", streams.Store("addresses-store"))
				streams.JoinTable(orders, addresses, func(order, address string) string { return order + "send to" + address }).To("shipments")
			},
			Check: rowsOf[string]("addresses-store"),
		},
		"left": {build: leftJoinTable},
		"rekeyed-stream": {build: func(b *streams.Builder) {
			s := streams.SelectKey(streams.Stream[string, string](b, "left"), func(_, v string) string { return v[:1] })
			t := streams.Table[string, string](b, "right", streams.Store("t"))
			streams.JoinTable(s, t, slash).To("output")
		}},
		"table-from-topic-unnamed": {build: func(b *streams.Builder) {
			s := streams.Stream[string, string](b, "left")
			streams.JoinTable(s, streams.Table[string, string](b, "right"), slash).To("output")
		}},
	})
	r.skip("02-stream-table-join/table-reuse-source-topic", "topology.optimization (tier 3)")
	r.skip("02-stream-table-join/versioned", "versioned stores (tier 3)")
	r.skip("02-stream-table-join/versioned-grace", "versioned stores (tier 3)")
	r.register("15-time-order", map[string]Program{
		"idle":    {build: leftJoinTable, Config: func(c *streams.Config) { c.MaxTaskIdle = time.Second }},
		"no-idle": {build: leftJoinTable},
	})
	r.register("03-stream-globaltable-join", map[string]Program{
		"inner": {
			build: func(b *streams.Builder) {
				orders := streams.Stream[string, string](b, "orders")
				users := streams.GlobalTable[*string, string](b, "users", streams.Store("users-store"))
				streams.JoinGlobal(orders, users, func(_, v string) *string {
					user, _, ok := strings.Cut(v, ":")
					if !ok {
						return nil
					}
					return &user
				}, func(order, user string) string { return order + "@" + user }).To("output")
			},
			Check: noRows("users-store"),
		},
		"left": {build: func(b *streams.Builder) {
			orders := streams.Stream[*string, string](b, "orders")
			users := streams.GlobalTable[*string, string](b, "users", streams.Store("users-store"))
			streams.LeftJoinGlobal(orders, users, func(k *string, v string) *string {
				if k == nil {
					return nil
				}
				user := *k + "-" + v[:1]
				return &user
			}, func(order string, user *string) string { return order + "@" + orNull(user) }).To("output")
		}},
		"two-globals": {build: func(b *streams.Builder) {
			g1 := streams.GlobalTable[string, string](b, "g1", streams.Store("g1s"))
			g2 := streams.GlobalTable[string, string](b, "g2", streams.Store("g2s"))
			s := streams.Stream[string, string](b, "input")
			both := func(l, r string) string { return l + r }
			first := streams.JoinGlobal(s, g1, func(_, v string) string { return v }, both)
			streams.JoinGlobal(first, g2, func(k, _ string) string { return k }, both).To("output")
		}},
	})
	r.register("04-table-table-join", map[string]Program{
		"inner": joinedTables(func(l, r *streams.KTable[string, string], opts ...streams.Option) *streams.KTable[string, string] {
			return streams.JoinTables(l, r, plus, opts...)
		}),
		"left": joinedTables(func(l, r *streams.KTable[string, string], opts ...streams.Option) *streams.KTable[string, string] {
			return streams.LeftJoinTables(l, r, plusLeft, opts...)
		}),
		"outer": joinedTables(func(l, r *streams.KTable[string, string], opts ...streams.Option) *streams.KTable[string, string] {
			return streams.OuterJoinTables(l, r, plusOuter, opts...)
		}),
		"not-materialized": {build: func(b *streams.Builder) {
			l, r := streams.Table[string, string](b, "left"), streams.Table[string, string](b, "right")
			streams.JoinTables(l, r, plus).ToStream().To("output")
		}},
	})
	near := streams.Within(10 * time.Millisecond)
	r.register("05-stream-stream-join", map[string]Program{
		"inner": joinedStreams(func(l, r *streams.KStream[string, string]) *streams.KStream[string, string] {
			return streams.JoinStreams(l, r, near.WithGrace(5*time.Millisecond), plus)
		}),
		"left": joinedStreams(func(l, r *streams.KStream[string, string]) *streams.KStream[string, string] {
			return streams.LeftJoinStreams(l, r, near.WithGrace(5*time.Millisecond), plusLeft)
		}),
		"outer": outerJoinedStreams(near.WithGrace(5 * time.Millisecond)),
		"asymmetric": joinedStreams(func(l, r *streams.KStream[string, string]) *streams.KStream[string, string] {
			return streams.JoinStreams(l, r, streams.JoinWindow{After: 20 * time.Millisecond}, plus)
		}),
		"duplicates": joinedStreams(func(l, r *streams.KStream[string, string]) *streams.KStream[string, string] {
			return streams.JoinStreams(l, r, near, plus)
		}),
		"named-and-rekeyed": {build: func(b *streams.Builder) {
			byValue := func(_, v string) string { return v }
			l := streams.SelectKey(streams.Stream[string, string](b, "left"), byValue)
			r := streams.SelectKey(streams.Stream[string, string](b, "right"), byValue)
			streams.LeftJoinStreams(l, r, near.WithGrace(5*time.Millisecond), plusLeft,
				streams.Named("enrich"), streams.JoinStores("enrich-store")).To("output")
		}},
	})
	r.register("13-naming", map[string]Program{
		"self-join": {build: func(b *streams.Builder) {
			s := streams.Stream[string, string](b, "input")
			streams.JoinStreams(s, s, near, func(l, r string) string { return l + r }).To("output")
		}},
		"global-store-and-branch": {build: func(b *streams.Builder) {
			streams.GlobalTable[string, string](b, "g", streams.Store("gs"))
			split := streams.Stream[string, string](b, "input").Split(streams.Named("p-"))
			x := split.Branch(func(_, v string) bool { return v != "" }, streams.Named("x"))
			y := split.Default(streams.Named("y"))
			x.To("x")
			y.To("y")
		}},
	})
}

// joinedTables joins two tables into a third with a store.
func joinedTables(join func(l, r *streams.KTable[string, string], opts ...streams.Option) *streams.KTable[string, string]) Program {
	return Program{
		build: func(b *streams.Builder) {
			l := streams.Table[string, string](b, "left", streams.Store("l"))
			r := streams.Table[string, string](b, "right", streams.Store("r"))
			join(l, r, streams.Store("joined")).ToStream().To("output")
		},
		Check: rowsOf[string]("joined"),
	}
}

// joinedStreams joins two streams.
func joinedStreams(join func(l, r *streams.KStream[string, string]) *streams.KStream[string, string]) Program {
	return Program{build: func(b *streams.Builder) {
		l, r := streams.Stream[string, string](b, "left"), streams.Stream[string, string](b, "right")
		join(l, r).To("output")
	}}
}

// outerJoinedStreams gives the left record at 20 when its window is closed, at 36;
// Kafka overlooks it there, and gives it with the next record.
func outerJoinedStreams(w streams.JoinWindow) Program {
	p := joinedStreams(func(l, r *streams.KStream[string, string]) *streams.KStream[string, string] {
		return streams.OuterJoinStreams(l, r, w, plusOuter)
	})
	p.Adjust = func(c *Case) {
		due := slices.IndexFunc(c.Steps, func(s Step) bool { return s.In != nil && s.In.Value == "tick36" })
		now, next := &c.Steps[due], &c.Steps[due+1]
		isDue := func(r Record) bool { return r.Value == "lb20+null" }
		i := slices.IndexFunc(next.Out, isDue)
		now.Out = append(now.Out, next.Out[i])
		next.Out = slices.DeleteFunc(next.Out, isDue)
		taken := func(r Internal) bool { return *r.Key == "00000000000000140162" }
		i = slices.IndexFunc(next.Internal, taken)
		record := next.Internal[i]
		record.At = &now.In.At
		now.Internal = append(now.Internal, record)
		next.Internal = slices.DeleteFunc(next.Internal, taken)
	}
	return p
}

func leftJoinTable(b *streams.Builder) {
	s := streams.Stream[string, string](b, "left")
	t := streams.Table[string, string](b, "right", streams.Store("t"))
	streams.LeftJoinTable(s, t, slashLeft).To("output")
}

// noRows checks that a store with keys of *string is empty.
func noRows(name string) func(testing.TB, *streamstest.Driver, Case) {
	return func(t testing.TB, d *streamstest.Driver, c Case) {
		t.Helper()
		var got []string
		for k, v := range streamstest.Store[state.KeyValue[*string, state.Timestamped[string]]](d, name).All() {
			got = append(got, fmt.Sprint(*k, "=", v.Value))
		}
		if diff := cmp.Diff(len(c.Stores[name]), len(got)); diff != "" {
			t.Errorf("store %s has %q (-want +got):\n%s", name, got, diff)
		}
	}
}
