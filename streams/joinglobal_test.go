package streams_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/streams"
	"mm2/streams/state"
	"mm2/streams/streamstest"
)

func TestJoinGlobal(t *testing.T) {
	newBench(t, func(b *streams.Builder) {
		g := streams.GlobalTable[string, string](b, "right")
		streams.JoinGlobalKV(streams.Stream[string, string](b, "left"), g, byValue, func(k, l, r string) string { return k + ":" + l + "+" + r }).To("output")
	}).script(`
		L a=x@1 >
		R x=X@50 >
		L a=x@2 > a=a:x+X@2
		L null=x@3 > null=:x+X@3
		L a=null@4 >
		R null=Y@5 >
		R x=null@6 >
		L a=x@60 >
	`)
}

func TestLeftJoinGlobal(t *testing.T) {
	newBench(t, func(b *streams.Builder) {
		g := streams.GlobalTable[*string, string](b, "right")
		key := func(_, v string) *string { return ptrUnless(v == "none", v) }
		streams.LeftJoinGlobalKV(streams.Stream[string, string](b, "left"), g, key, func(k, l string, r *string) string { return k + ":" + plusLeft(l, r) }).To("output")
	}).script(`
		L a=x@1 > a=a:x+null@1
		R x=X@9 >
		L a=x@2 > a=a:x+X@2
		L a=none@3 > a=a:none+null@3
		L a=null@4 >
	`)
}

// A join with a global table needs no placement, so a changed key stays marked.
func TestJoinGlobalKeepsTheMark(t *testing.T) {
	top := topologyOf(t, func(b *streams.Builder) {
		s := streams.SelectKey(streams.Stream[string, string](b, "left"), byValue)
		g := streams.GlobalTable[string, string](b, "g", streams.Named("g"), streams.Store("gs"))
		streams.JoinGlobal(s, g, byValue, plus, streams.Named("join")).ToTable(streams.Store("t"))
	})
	if n := len(top.Graph().Repartitions); n != 1 {
		t.Errorf("%d repartition topics, want that of ToTable", n)
	}
	for _, want := range []string{"Source: g-source (topics: [g])", "Processor: g (stores: [gs])", "Processor: join (stores: [])"} {
		if !strings.Contains(top.Describe(), want) {
			t.Errorf("want %q in\n%s", want, top.Describe())
		}
	}
}

// summer keeps sums of lengths in a global store.
type summer struct {
	kv state.KeyValue[string, int64]
}

func (p *summer) Init(ctx streams.ProcessorContext[struct{}, struct{}]) (err error) {
	p.kv, err = streams.GetStore[state.KeyValue[string, int64]](ctx, "sums")
	return err
}

func (p *summer) Process(r streams.Record[string, string]) error {
	n, _, err := p.kv.Get(r.Key)
	if err != nil {
		return err
	}
	return p.kv.Put(r.Key, n+int64(len(r.Value)))
}

func (p *summer) Close() error { return nil }

// sumReader looks sums up, with no connection to the store.
type sumReader struct {
	ctx streams.ProcessorContext[string, string]
	kv  state.ReadOnlyKeyValue[string, int64]
}

func (p *sumReader) Init(ctx streams.ProcessorContext[string, string]) (err error) {
	p.ctx = ctx
	p.kv, err = streams.GetStore[state.ReadOnlyKeyValue[string, int64]](ctx, "sums")
	return err
}

func (p *sumReader) Process(r streams.Record[string, string]) error {
	n, _, err := p.kv.Get(r.Value)
	if err != nil {
		return err
	}
	p.ctx.Forward(streams.WithValue(r, fmt.Sprint(n)))
	return nil
}

func (p *sumReader) Close() error { return nil }

func TestAddGlobalStore(t *testing.T) {
	b := newBench(t, func(b *streams.Builder) {
		streams.AddGlobalStore(b, state.NewKeyValue[string, int64]("sums"), "right",
			func() streams.Processor[string, string, struct{}, struct{}] { return &summer{} }, streams.Named("sum"))
		streams.Process(streams.Stream[string, string](b, "left"),
			func() streams.Processor[string, string, string, string] { return &sumReader{} }).To("output")
	})
	b.script(`
		R x=abc@1 >
		R x=de@2 >
		L a=x@3 > a=5@3
		L a=y@4 > a=0@4
	`)
	if n, ok, err := streamstest.KeyValue[string, int64](b.d, "sums").Get("x"); n != 5 || !ok || err != nil {
		t.Errorf("sum of x is %d, %v, %v; want 5", n, ok, err)
	}
	var internal []string
	for _, s := range b.d.Sent() {
		if s.Internal {
			internal = append(internal, s.Topic)
		}
	}
	if diff := cmp.Diff([]string(nil), internal); diff != "" {
		t.Errorf("a global store has no changelog (-want +got):\n%s", diff)
	}
}
