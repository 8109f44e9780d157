package streamstest_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/state"
	"mm2/streams/streamstest"
)

var errIt = errors.New("it broke")

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func drive(t testing.TB, build func(b *streams.Builder), opts ...streamstest.Option) *streamstest.Driver {
	t.Helper()
	b := streams.NewBuilder()
	build(b)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return streamstest.New(t, top, opts...)
}

func stream(b *streams.Builder, topic string) *streams.KStream[string, string] {
	return streams.Stream[string, string](b, topic)
}

// show is key=value@time of records.
func show(records []streams.Record[string, string]) string {
	var all []string
	for _, r := range records {
		k, v := r.Key, r.Value
		if r.NullKey {
			k = "null"
		}
		if r.NullValue {
			v = "null"
		}
		all = append(all, fmt.Sprintf("%s=%s@%d", k, v, r.Time.UnixMilli()))
	}
	return strings.Join(all, " ")
}

func TestPipe(t *testing.T) {
	d := drive(t, func(b *streams.Builder) { stream(b, "in").To("out") })
	in, out := streamstest.Input[string, string](d, "in"), streamstest.Output[string, string](d, "out")
	if _, ok := out.Next(); ok || !out.Empty() {
		t.Error("there is a record before the first")
	}
	in.Pipe("a", "1", at(5))
	in.PipeTombstone("a", at(6))
	in.PipeRecord(streams.Record[string, string]{NullKey: true, Value: "2", Time: at(3), Headers: []streams.Header{{Key: "h", Value: []byte("x")}}})
	if first, ok := out.Next(); !ok || first.Key != "a" || first.Value != "1" {
		t.Errorf("the first is %+v, %v", first, ok)
	}
	rest := out.Records()
	if got := show(rest); got != "a=null@6 null=2@3" {
		t.Errorf("then %q", got)
	}
	if h := rest[1].Headers; len(h) != 1 || h[0].Key != "h" || string(h[0].Value) != "x" {
		t.Errorf("the headers are %v", h)
	}
	if !out.Empty() || len(out.Records()) != 0 {
		t.Error("records are taken twice")
	}
	if n, again := len(d.Sent()), len(d.Sent()); n != 3 || again != 0 {
		t.Errorf("%d and then %d were sent, want 3 and 0", n, again)
	}
}

func TestUnknownTopic(t *testing.T) {
	d := drive(t, func(b *streams.Builder) { stream(b, "in").To("out") })
	err := streamstest.Input[string, string](d, "other").TryPipeRecord(streams.Record[string, string]{Key: "a"})
	if err == nil || err.Error() != `the topology does not read the topic "other"` {
		t.Errorf("the error is %v", err)
	}
	streamstest.Input[string, string](d, "in").Pipe("a", "1", at(0)) // it still runs
	if streamstest.Output[string, string](d, "out").Empty() {
		t.Error("nothing came out")
	}
}

// A topology that failed does nothing more, and says why each time.
func TestTryPipeRecord(t *testing.T) {
	d := drive(t, func(b *streams.Builder) {
		streams.Process(stream(b, "in"), func() streams.Processor[string, string, string, string] {
			return &proc{process: func(r streams.Record[string, string]) error {
				if r.Value == "bad" {
					return errIt
				}
				return nil
			}}
		})
	})
	in := streamstest.Input[string, string](d, "in")
	in.Pipe("a", "good", at(0))
	for _, v := range []string{"bad", "good"} {
		err := in.TryPipeRecord(streams.Record[string, string]{Key: "a", Value: v, Time: at(1)})
		full, ok := errors.AsType[*streams.ProcessingError](err)
		if !ok || full.Offset != 1 || !errors.Is(err, errIt) {
			t.Errorf("the error is %v", err)
		}
	}
	if err := d.TryAdvance(time.Second); !errors.Is(err, errIt) {
		t.Errorf("advance: %v", err)
	}
	if err := d.PipeRaw(&kgo.Record{Topic: "in"}); !errors.Is(err, errIt) {
		t.Errorf("pipe bytes: %v", err)
	}
}

// proc is a processor of functions.
type proc struct {
	ctx     streams.ProcessorContext[string, string]
	init    func(p *proc) error
	process func(r streams.Record[string, string]) error
}

func (p *proc) Init(ctx streams.ProcessorContext[string, string]) error {
	p.ctx = ctx
	if p.init != nil {
		return p.init(p)
	}
	return nil
}

func (p *proc) Process(r streams.Record[string, string]) error {
	if p.process != nil {
		return p.process(r)
	}
	p.ctx.Forward(r)
	return nil
}

func (p *proc) Close() error { return nil }

func TestAdvance(t *testing.T) {
	var calls []string
	var fail error
	d := drive(t, func(b *streams.Builder) {
		streams.Process(stream(b, "in"), func() streams.Processor[string, string, string, string] {
			return &proc{init: func(p *proc) error {
				for kind, name := range map[streams.PunctuationType]string{streams.WallClock: "wall", streams.StreamTime: "stream"} {
					p.ctx.Schedule(10*time.Millisecond, kind, func(now time.Time) error {
						calls = append(calls, fmt.Sprintf("%s %d", name, now.UnixMilli()))
						return fail
					})
				}
				return nil
			}}
		})
	}, streamstest.StartAt(at(100)))
	in := streamstest.Input[string, string](d, "in")
	d.Advance(9 * time.Millisecond)
	in.Pipe("a", "1", at(7)) // the wall clock stands still, stream time does not
	d.Advance(time.Millisecond)
	d.Advance(50 * time.Millisecond)
	in.Pipe("a", "1", at(20))
	if got := strings.Join(calls, ", "); got != "stream 7, wall 110, wall 160, stream 20" {
		t.Errorf("called %q", got)
	}
	fail = errIt
	if err := d.TryAdvance(10 * time.Millisecond); !errors.Is(err, errIt) {
		t.Errorf("the error is %v", err)
	}
}

// What goes to a repartition topic, or to a topic that is read, comes back.
func TestLoops(t *testing.T) {
	d := drive(t, func(b *streams.Builder) {
		streams.SelectKey(stream(b, "in"), func(_, v string) string { return v }).
			Repartition(streams.Named("by-value")).To("middle")
		stream(b, "middle").To("out")
	})
	streamstest.Input[string, string](d, "in").Pipe("a", "1", at(5))
	for _, topic := range []string{"middle", "out"} {
		if got := show(streamstest.Output[string, string](d, topic).Records()); got != "1=1@5" {
			t.Errorf("%s has %q", topic, got)
		}
	}
	var sent []string
	for _, s := range d.Sent() {
		sent = append(sent, fmt.Sprint(s.Topic, " ", s.Internal))
	}
	if got, want := strings.Join(sent, ", "), "streamstest-by-value-repartition true, middle false, out false"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if !streamstest.Output[string, string](d, "streamstest-by-value-repartition").Empty() {
		t.Error("an internal topic is an output")
	}
}

func TestPattern(t *testing.T) {
	d := drive(t, func(b *streams.Builder) {
		streams.StreamPattern[string, string](b, regexp.MustCompile("a|ab|x-.*")).To("out")
	})
	out := streamstest.Output[string, string](d, "out")
	for _, topic := range []string{"x-1", "ab", "x-2", "x-1"} {
		streamstest.Input[string, string](d, topic).Pipe("k", topic, at(1))
	}
	if got := show(out.Records()); got != "k=x-1@1 k=ab@1 k=x-2@1 k=x-1@1" {
		t.Errorf("read %q", got)
	}
	if err := d.PipeRaw(&kgo.Record{Topic: "my-x-1"}); err == nil {
		t.Error("a part of the name is enough")
	}
}

func TestGlobalTable(t *testing.T) {
	d := drive(t, func(b *streams.Builder) {
		table := streams.GlobalTable[string, string](b, "names", streams.Store("names"))
		streams.JoinGlobal(stream(b, "in"), table, func(k, _ string) string { return k }, func(v, name string) string { return v + " " + name }).To("out")
	})
	in, out := streamstest.Input[string, string](d, "in"), streamstest.Output[string, string](d, "out")
	in.Pipe("a", "1", at(5))
	names := streamstest.Input[string, string](d, "names")
	names.Pipe("a", "Ann", at(9))
	in.Pipe("a", "2", at(6))
	names.PipeTombstone("a", at(10))
	in.Pipe("a", "3", at(7))
	if got := show(out.Records()); got != "a=2 Ann@6" {
		t.Errorf("joined %q", got)
	}
	names.Pipe("b", "Bob", at(11))
	row, ok, err := streamstest.Timestamped[string, string](d, "names").Get("b")
	if err != nil || !ok || row.Value != "Bob" || !row.Time.Equal(at(11)) {
		t.Errorf("the row is %+v, %v, %v", row, ok, err)
	}
	for _, s := range d.Sent() {
		if s.Internal {
			t.Errorf("a global table wrote to %s", s.Topic)
		}
	}
}

func TestStores(t *testing.T) {
	d := drive(t, func(b *streams.Builder) {
		b.AddStateStore(state.NewKeyValue[string, string]("rows"))
		streams.Process(stream(b, "in"), func() streams.Processor[string, string, string, string] {
			p := &proc{}
			p.process = func(r streams.Record[string, string]) error {
				s, err := streams.GetStore[state.KeyValue[string, string]](p.ctx, "rows")
				if err != nil {
					return err
				}
				return s.Put(r.Key, r.Value)
			}
			return p
		}, streams.Connect("rows"))
	}, streamstest.WithConfig(streams.Config{ApplicationID: "mine"}))
	streamstest.Input[string, string](d, "in").Pipe("a", "1", at(5))
	rows := streamstest.KeyValue[string, string](d, "rows")
	if v, ok, err := rows.Get("a"); err != nil || !ok || v != "1" {
		t.Errorf("the row is %q, %v, %v", v, ok, err)
	}
	sent := d.Sent()
	if len(sent) != 1 || sent[0].Topic != "mine-rows-changelog" || !sent[0].Internal || !sent[0].Time.Equal(at(5)) {
		t.Errorf("sent %+v", sent)
	}
}
