package streams_test

import (
	"testing"

	"mm2/streams"
)

type (
	kstream = streams.KStream[string, string]
	ktable  = streams.KTable[string, string]
)

// joinKind is which sides give a result without the other one.
type joinKind struct{ left, right bool }

var joinKinds = map[string]joinKind{"inner": {}, "left": {left: true}, "outer": {left: true, right: true}}

// modelRow is a row of a table in a model.
type modelRow struct {
	value string
	at    int64
}

// Every join gives what a plain model of it gives, for the same random inputs.

func TestJoinTableIsItsModel(t *testing.T) {
	for _, name := range []string{"inner", "left"} {
		left := joinKinds[name].left
		t.Run(name, func(t *testing.T) {
			wantSame(t, func(b *streams.Builder) {
				s, table := streams.Stream[string, string](b, "left"), streams.Table[string, string](b, "right")
				if left {
					streams.LeftJoinTable(s, table, plusLeft).To("output")
				} else {
					streams.JoinTable(s, table, plus).To("output")
				}
			}, func() func(joinInput) []string { return lookupModel(left) })
		})
	}
}

func TestJoinGlobalIsItsModel(t *testing.T) {
	for _, name := range []string{"inner", "left"} {
		left := joinKinds[name].left
		t.Run(name, func(t *testing.T) {
			wantSame(t, func(b *streams.Builder) {
				s, table := streams.Stream[*string, string](b, "left"), streams.GlobalTable[*string, string](b, "right")
				key := func(k *string, _ string) *string { return k }
				if left {
					streams.LeftJoinGlobal(s, table, key, plusLeft).To("output")
				} else {
					streams.JoinGlobal(s, table, key, plus).To("output")
				}
			}, func() func(joinInput) []string { return lookupModel(left) })
		})
	}
}

// lookupModel joins left records with the rows that right ones have left.
func lookupModel(left bool) func(joinInput) []string {
	rows := map[string]string{}
	return func(in joinInput) []string {
		if !in.left {
			switch {
			case in.key == nil:
			case in.value == nil:
				delete(rows, *in.key)
			default:
				rows[*in.key] = *in.value
			}
			return nil
		}
		if in.value == nil {
			return nil
		}
		var row *string
		if in.key != nil {
			if v, ok := rows[*in.key]; ok {
				row = &v
			}
		}
		if row == nil && !left {
			return nil
		}
		return []string{line(in.key, new(plusLeft(*in.value, row)), in.at)}
	}
}

func joinTables(l, r *ktable, k joinKind, opts ...streams.Option) *ktable {
	switch {
	case k.right:
		return streams.OuterJoinTables(l, r, plusOuter, opts...)
	case k.left:
		return streams.LeftJoinTables(l, r, plusLeft, opts...)
	default:
		return streams.JoinTables(l, r, plus, opts...)
	}
}

func TestJoinTablesIsItsModel(t *testing.T) {
	for name, kind := range joinKinds {
		for _, stored := range []string{"with store", "without store"} {
			t.Run(name+" "+stored, func(t *testing.T) {
				wantSame(t, func(b *streams.Builder) {
					l, r := streams.Table[string, string](b, "left"), streams.Table[string, string](b, "right")
					var opts []streams.Option
					if stored == "with store" {
						opts = append(opts, streams.Store("joined"))
					}
					joinTables(l, r, kind, opts...).ToStream().To("output")
				}, func() func(joinInput) []string { return tablesModel(kind) })
			})
		}
	}
}

// tablesModel has the rules for two tables, by what is there of both rows.
func tablesModel(kind joinKind) func(joinInput) []string {
	rows := map[bool]map[string]modelRow{true: {}, false: {}}
	return func(in joinInput) []string {
		if in.key == nil {
			return nil
		}
		_, had := rows[in.left][*in.key]
		if in.value == nil {
			delete(rows[in.left], *in.key)
		} else {
			rows[in.left][*in.key] = modelRow{*in.value, in.at}
		}
		other, ok := rows[!in.left][*in.key]
		thisStays, otherStays := kind.left, kind.right // without the other one
		if !in.left {
			thisStays, otherStays = kind.right, kind.left
		}
		if !ok {
			switch {
			case !thisStays || in.value == nil && !had:
				return nil
			case in.value == nil:
				return []string{line(in.key, nil, in.at)}
			case in.left:
				return []string{line(in.key, new(plusOuter(in.value, nil)), in.at)}
			default:
				return []string{line(in.key, new(plusOuter(nil, in.value)), in.at)}
			}
		}
		at := max(in.at, other.at)
		switch {
		case in.value == nil && !otherStays:
			return []string{line(in.key, nil, at)}
		case in.left:
			return []string{line(in.key, new(plusOuter(in.value, &other.value)), at)}
		default:
			return []string{line(in.key, new(plusOuter(&other.value, in.value)), at)}
		}
	}
}
