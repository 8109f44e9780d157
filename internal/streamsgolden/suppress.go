package streamsgolden

import (
	"time"

	"mm2/streams"
)

func suppressions(r *registry) {
	r.register("10-suppress", map[string]Program{
		"until-time-limit": {build: func(b *streams.Builder) {
			streams.Table[string, string](b, "input", streams.Store("t")).
				Suppress(streams.UntilTimeLimit(10*time.Millisecond, streams.MaxRecords(2).EmitEarlyWhenFull()), streams.Named("rate")).
				ToStream().To("output")
		}},
	})
	r.register("10-suppress", map[string]Program{
		"until-window-closes": {NoInternal: "Kafka sends the initial value as the old row of a window that is new; here it has none", build: func(b *streams.Builder) {
			counts := streams.WindowedBy(grouped(b), streams.Tumbling(10*ms).WithGrace(5*ms)).Count(streams.Store("w"))
			counts.Suppress(streams.UntilWindowCloses(streams.Unbounded()), streams.Named("final")).ToStream().To("output")
		}},
	})
}
