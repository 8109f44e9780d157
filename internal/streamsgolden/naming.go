package streamsgolden

import (
	"iter"
	"strings"
	"time"

	"mm2/streams"
)

func always(_, _ string) bool { return true }

func same(k, v string) (string, string) { return k, v }

func concat(a, b string) string { return a + b }

func swap(k, v string) (string, string) { return v, k }

func naming(r *registry) {
	r.register("02-stream-table-join", map[string]Program{
		"rekeyed-null-keys": {build: func(b *streams.Builder) {
			s := streams.SelectKey(streams.Stream[string, string](b, "left"), func(_, v string) *string {
				if strings.HasPrefix(v, "-") {
					return nil
				}
				return &v
			})
			t := streams.Table[*string, string](b, "right", streams.Store("t"))
			streams.JoinTable(s, t, slash, streams.Named("inner")).To("inner-out")
			streams.LeftJoinTable(s, t, slashLeft, streams.Named("left")).To("left-out")
			s.GroupByKey(streams.Named("grp")).Count(streams.Store("c")).ToStream().To("counts")
		}},
	})
	r.register("13-naming", map[string]Program{
		"auto-names": {build: func(b *streams.Builder) {
			s := streams.Map(streams.Stream[string, string](b, "input"), swap)
			s.GroupByKey().Count().ToStream().To("counts")
			streams.JoinTable(s, streams.Table[string, string](b, "t"), concat).To("joined")
		}},
		"explicit-names": {build: func(b *streams.Builder) {
			s := streams.Map(streams.Stream[string, string](b, "input", streams.Named("in")), swap, streams.Named("swap"))
			s.GroupByKey(streams.Named("by-value")).Count(streams.Named("count-op"), streams.Store("counts-store")).
				ToStream(streams.Named("to-stream")).To("counts", streams.Named("counts-sink"))
			t := streams.Table[string, string](b, "t", streams.Named("t-src"), streams.Store("t-store"))
			streams.JoinTable(s, t, concat, streams.Named("enrich")).To("joined", streams.Named("joined-sink"))
		}},
		"counter-with-names": {build: counterWithNames},
	})
}

func counterWithNames(b *streams.Builder) {
	s := streams.Stream[string, string](b, "in", streams.Named("src")).Filter(always)
	s = s.Filter(always, streams.Named("f")).Filter(always)
	s = streams.Map(s, same, streams.Named("m")).Filter(always)
	s = streams.FlatMap(s, func(k, v string) iter.Seq2[string, string] {
		return func(yield func(string, string) bool) { yield(k, v) }
	}, streams.Named("fm")).Filter(always)
	s = streams.SelectKey(s, func(k, _ string) string { return k }, streams.Named("sk")).Filter(always)
	s = s.Peek(func(streams.Record[string, string]) {}, streams.Named("pk")).Filter(always)
	s = streams.Process(s, newLong, streams.Named("pr")).Filter(always)
	s = streams.ProcessValues(s, func() streams.ValueProcessor[string, string, string] { return &bang{} }, streams.Named("pv")).Filter(always)
	s = s.Repartition(streams.Named("rp")).Filter(always)
	split := s.Split(streams.Named("spl"))
	a, rest := split.Branch(always, streams.Named("a")), split.Default()
	s2 := a.Filter(always).Merge(rest, streams.Named("mg")).Filter(always)
	s2.ToTable(streams.Named("tt"), streams.Store("tts")).Filter(always).ToStream(streams.Named("ts")).Filter(always).To("o1", streams.Named("snk"))
	s2.Filter(always).GroupByKey(streams.Named("grp")).Count(streams.Named("cnt"), streams.Store("cs")).ToStream().To("o2")

	limit := streams.UntilTimeLimit(time.Millisecond, streams.Unbounded())
	t := streams.Table[string, string](b, "t", streams.Named("tb"), streams.Store("tbs")).Filter(always, streams.Store("fs"))
	streams.MapTable(t, func(_, v string) string { return v }).Suppress(limit, streams.Named("su")).ToStream().To("o3")
	streams.Table[string, string](b, "t2").Suppress(limit).ToStream().To("o4")

	j1, j2 := streams.Stream[string, string](b, "j1"), streams.Stream[string, string](b, "j2")
	streams.LeftJoinStreams(j1, j2, streams.Within(time.Millisecond), plusLeft, streams.Named("jn")).Filter(always).To("o5")
	j3 := streams.Stream[string, string](b, "j3")
	t3 := streams.Table[string, string](b, "t3", streams.Store("t3s"))
	streams.JoinTable(j3, t3, concat, streams.Named("jt")).Filter(always).To("o6")
	t4, t5 := streams.Table[string, string](b, "t4", streams.Store("t4s")), streams.Table[string, string](b, "t5", streams.Store("t5s"))
	streams.JoinTables(t4, t5, concat, streams.Named("tj")).ToStream().To("o7")
}
