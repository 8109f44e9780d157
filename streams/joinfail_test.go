package streams_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// failBench is a left join of streams, whose joiner panics for the value "bad" on
// the left without one on the right, and behind which the value "worse" fails.
func failBench(t *testing.T, onError streams.ErrorHandler) *bench {
	t.Helper()
	top := topologyOf(t, func(b *streams.Builder) {
		l, r := streams.Stream[string, string](b, "left"), streams.Stream[string, string](b, "right")
		joined := streams.LeftJoinStreams(l, r, streams.Within(millis(10)), func(l string, r *string) string {
			if l == "bad" {
				return l + *r
			}
			return plusLeft(l, r)
		})
		streams.MapValues(joined, func(v string) string {
			if strings.HasPrefix(v, "worse") {
				panic(errors.New("worse"))
			}
			return v
		}).To("output")
	})
	d := streamstest.New(t, top, streamstest.WithConfig(streams.Config{ApplicationID: "app", OnProcessError: onError}))
	return &bench{t, d, streamstest.Output[string, string](d, "output")}
}

// A joiner that fails for a record which waited costs that record only: not the
// one that moved the time, nor the others that wait, and it does not come again.
func TestJoinerFailsForOneThatWaits(t *testing.T) {
	failBench(t, streams.LogAndContinue).script(`
		L a=1@0 >
		L a=bad@0 >
		L a=2@0 >
		L b=worse@0 >
		L c=3@0 >
		R d=r@11 > a=1+null@0, a=2+null@0, c=3+null@0
		L d=4@12 > d=4+r@12
		L e=5@30 >
		L f=6@60 > e=5+null@30
	`)
}

// When the task stops, what was not given stays in the changelog.
func TestRecordsThatWaitSurviveAFailure(t *testing.T) {
	for _, value := range []string{"bad", "worse"} {
		t.Run(value, func(t *testing.T) {
			b := failBench(t, streams.LogAndFail)
			b.pipe(joinInput{left: true, key: new("a"), value: new("1"), at: 0})
			b.pipe(joinInput{left: true, key: new("b"), value: &value, at: 0})
			b.pipe(joinInput{left: true, key: new("c"), value: new("2"), at: 0})
			b.d.Sent()
			err := b.d.PipeRaw(&kgo.Record{Topic: "right", Key: []byte("z"), Value: []byte("r"), Timestamp: at(11)})
			if err == nil {
				t.Fatal("no error")
			}
			var sent []string
			for _, s := range b.d.Sent() {
				if s.Internal {
					sent = append(sent, s.Topic+" "+string(s.Key[9:])+"="+string(s.Value))
				}
			}
			if diff := cmp.Diff([]string{"app-KSTREAM-OUTERSHARED-0000000004-store-changelog a="}, sent); diff != "" {
				t.Errorf("changelogs (-want +got):\n%s", diff)
			}
		})
	}
}
