package streams_test

import (
	"time"

	"mm2/streams"
)

func init() {
	register("10-suppress", map[string]program{
		"until-time-limit": {build: func(b *streams.Builder) {
			streams.Table[string, string](b, "input", streams.Store("t")).
				Suppress(streams.UntilTimeLimit(10*time.Millisecond, streams.MaxRecords(2).EmitEarlyWhenFull()), streams.Named("rate")).
				ToStream().To("output")
		}},
	})
	skip("10-suppress/until-window-closes", "needs windows")
}
