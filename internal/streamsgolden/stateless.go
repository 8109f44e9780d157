package streamsgolden

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/state"
	"mm2/streams/streamstest"
)

func stateless(r *registry) {
	r.register("01-stateless", map[string]Program{
		"filter": {build: func(b *streams.Builder) {
			streams.Stream[string, string](b, "input").
				Filter(func(_, v string) bool { return len(v) > 5 }).
				To("output")
		}},
		"chain": {build: func(b *streams.Builder) {
			s := streams.Stream[*string, string](b, "input")
			upper := streams.MapValues(s, strings.ToUpper)
			words := streams.FlatMapValues(upper, func(v string) iter.Seq[string] { return slices.Values(strings.Split(v, " ")) })
			kept := words.FilterNot(func(_ *string, v string) bool { return v == "SKIP" })
			streams.SelectKey(kept, func(_ *string, v string) string { return v[:1] }).
				Peek(func(streams.Record[string, string]) {}).
				To("words")
			streams.FlatMap(s, func(_ *string, v string) iter.Seq2[string, string] {
				return func(yield func(string, string) bool) {
					_ = yield(v[:1]+"1", v) && yield(v[:1]+"2", v)
				}
			}).To("twice")
		}},
		"split": {build: func(b *streams.Builder) {
			split := streams.Stream[string, string](b, "input").Split(streams.Named("by-"))
			a := split.Branch(func(_, v string) bool { return strings.HasPrefix(v, "a") }, streams.Named("a"))
			z := split.Branch(func(_, v string) bool { return strings.HasSuffix(v, "z") }, streams.Named("z"))
			rest := split.Default(streams.Named("rest"))
			a.To("a")
			rest.To("rest")
			a.Merge(z).To("merged")
		}},
		"split-no-default": {build: func(b *streams.Builder) {
			streams.Stream[string, string](b, "input").Split().
				Branch(func(_, v string) bool { return strings.HasPrefix(v, "a") }).
				To("a")
		}},
		"dynamic-topic": {build: func(b *streams.Builder) {
			streams.Stream[string, string](b, "input").ToFunc(func(r streams.Record[string, string], at streams.RecordMetadata) string {
				return fmt.Sprintf("out-%s-%d", r.Key, at.Partition)
			})
		}},
		"timestamps": {build: func(b *streams.Builder) {
			streams.Stream[string, string](b, "input", streams.Timestamps(func(r streams.Record[string, string], partitionTime time.Time) time.Time {
				_, at, _ := strings.Cut(r.Value, "@")
				if at == "prev" {
					return partitionTime
				}
				ms, err := strconv.ParseInt(at, 10, 64)
				if err != nil {
					return time.UnixMilli(-1)
				}
				return time.UnixMilli(ms)
			})).To("output")
		}},
	})
	r.register("12-processor-api", map[string]Program{
		"filter-processor": {top: func(t *streams.TopologyBuilder) {
			src := streams.AddSource[string, string](t, "source", []string{"input"})
			long := streams.AddProcessor(t, "filter", newLong, src)
			streams.AddSink(t, "sink", "output", long)
		}},
		"store-and-punctuators": {
			top: func(t *streams.TopologyBuilder) {
				src := streams.AddSource[string, string](t, "source", []string{"input"})
				count := streams.AddProcessor(t, "count", func() streams.Processor[string, string, string, string] { return &counter{} }, src)
				streams.AddStore(t, state.NewKeyValue[string, int64]("counts"), "count")
				streams.AddSink(t, "sink", "output", count)
			},
			Check: func(t testing.TB, d *streamstest.Driver, c Case) {
				var got []string
				for k, v := range streamstest.KeyValue[string, int64](d, "counts").All() {
					got = append(got, fmt.Sprint(k, " ", v))
				}
				var want []string
				for _, r := range c.Stores["counts"] {
					want = append(want, fmt.Sprint(plain(r.Key), " ", plain(r.Value)))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("counts (-want +got):\n%s", diff)
				}
			},
		},
		"forward-and-metadata": {top: func(t *streams.TopologyBuilder) {
			src := streams.AddSource[string, string](t, "source", []string{"input"})
			r := streams.AddProcessor(t, "route", func() streams.Processor[string, string, string, string] { return &router{} }, src)
			streams.AddSink(t, "left-sink", "left", r)
			streams.AddSink(t, "right-sink", "right", r)
		}},
	})
	r.register("14-errors-dlq", map[string]Program{
		"deserialization-continue": {
			build:  func(b *streams.Builder) { streams.Stream[string, int64](b, "input").To("output") },
			Config: func(c *streams.Config) { c.OnDecodeError = streams.LogAndContinue },
		},
		"deserialization-dlq": {
			build:  func(b *streams.Builder) { streams.Stream[string, int64](b, "input").To("output") },
			Config: func(c *streams.Config) { c.OnDecodeError, c.DeadLetterTopic = streams.LogAndContinue, "dlq" },
		},
		"processing-continue-dlq": {
			build: func(b *streams.Builder) {
				upper := streams.MapValues(streams.Stream[string, string](b, "input"), strings.ToUpper)
				streams.MapValues(upper, func(v string) string {
					if v == "BOOM" {
						panic(errors.New("bad value"))
					}
					return v
				}).To("output")
			},
			Config: func(c *streams.Config) { c.OnProcessError, c.DeadLetterTopic = streams.LogAndContinue, "dlq" },
		},
		"processing-fail": {build: func(b *streams.Builder) {
			streams.MapValues(streams.Stream[string, string](b, "input"), func(v string) string {
				if v == "boom" {
					panic(errors.New("bad value"))
				}
				return v
			}).To("output")
		}},
	})
}

// long passes values of more than five characters.
type long struct {
	ctx streams.ProcessorContext[string, string]
}

func newLong() streams.Processor[string, string, string, string] { return &long{} }

func (p *long) Init(ctx streams.ProcessorContext[string, string]) error {
	p.ctx = ctx
	return nil
}

func (p *long) Process(r streams.Record[string, string]) error {
	if len(r.Value) > 5 {
		p.ctx.Forward(r)
	}
	return nil
}

func (p *long) Close() error { return nil }

// counter counts by key and tells the counts by two clocks.
type counter struct {
	ctx streams.ProcessorContext[string, string]
	kv  state.KeyValue[string, int64]
}

func (p *counter) Init(ctx streams.ProcessorContext[string, string]) (err error) {
	p.ctx = ctx
	if p.kv, err = streams.GetStore[state.KeyValue[string, int64]](ctx, "counts"); err != nil {
		return err
	}
	tell := func(kind string) func(time.Time) error {
		return func(now time.Time) error {
			for k, n := range p.kv.All() {
				p.ctx.Forward(streams.Record[string, string]{Key: k, Value: fmt.Sprintf("%s@%d=%d", kind, now.UnixMilli(), n), Time: now})
			}
			return nil
		}
	}
	ctx.Schedule(100*time.Millisecond, streams.StreamTime, tell("stream"))
	ctx.Schedule(time.Second, streams.WallClock, tell("wall"))
	return nil
}

func (p *counter) Process(r streams.Record[string, string]) error {
	if r.NullKey {
		return nil
	}
	if r.NullValue {
		_, _, err := p.kv.Delete(r.Key)
		return err
	}
	n, _, err := p.kv.Get(r.Key)
	if err != nil {
		return err
	}
	return p.kv.Put(r.Key, n+1)
}

func (p *counter) Close() error { return nil }

// router sends to one child or to both, with what it knows of the record.
type router struct {
	ctx streams.ProcessorContext[string, string]
}

func (p *router) Init(ctx streams.ProcessorContext[string, string]) error {
	p.ctx = ctx
	return nil
}

func (p *router) Process(r streams.Record[string, string]) error {
	at, ok := p.ctx.Metadata()
	if !ok {
		return errors.New("a record has no metadata")
	}
	out := r.AddHeader("seen", []byte("1"))
	out.Value = fmt.Sprintf("%s|%s/%d/%d|%s|%v|st=%d", r.Value, at.Topic, at.Partition, at.Offset, p.ctx.ApplicationID(), p.ctx.TaskID(), p.ctx.StreamTime().UnixMilli())
	switch r.Value[0] {
	case 'L':
		p.ctx.ForwardTo("left-sink", out)
	case 'R':
		out.Time = out.Time.Add(time.Millisecond)
		p.ctx.ForwardTo("right-sink", out)
	default:
		p.ctx.Forward(out)
	}
	return nil
}

func (p *router) Close() error { return nil }
