package streams_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// joinInput is a record of one of the two sides of a join.
type joinInput struct {
	left       bool
	key, value *string // nil is a null
	at         int64   // ms
}

func (in joinInput) String() string {
	topic := "right"
	if in.left {
		topic = "left"
	}
	return fmt.Sprintf("%s %s=%s@%d", topic, orNull(in.key), orNull(in.value), in.at)
}

// bench runs a topology that reads the topics left and right, and writes output.
type bench struct {
	t   *testing.T
	d   *streamstest.Driver
	out *streamstest.Out[string, string]
}

func newBench(t *testing.T, build func(b *streams.Builder)) *bench {
	t.Helper()
	d := streamstest.New(t, topologyOf(t, build))
	return &bench{t, d, streamstest.Output[string, string](d, "output")}
}

func topologyOf(t *testing.T, build func(b *streams.Builder)) *streams.Topology {
	t.Helper()
	b := streams.NewBuilder()
	build(b)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// pipe gives what one record leads to, as "key=value@time".
func (b *bench) pipe(in joinInput) []string {
	b.t.Helper()
	b.pipeWith(in)
	return b.lines()
}

// pipeWith pipes a record with headers.
func (b *bench) pipeWith(in joinInput, headers ...string) {
	b.t.Helper()
	r := &kgo.Record{Topic: "right", Timestamp: time.UnixMilli(in.at)}
	if in.left {
		r.Topic = "left"
	}
	if in.key != nil {
		r.Key = []byte(*in.key)
	}
	if in.value != nil {
		r.Value = []byte(*in.value)
	}
	for _, h := range headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h})
	}
	if err := b.d.PipeRaw(r); err != nil {
		b.t.Fatalf("%v: %v", in, err)
	}
}

func (b *bench) lines() (lines []string) {
	b.t.Helper()
	for _, r := range b.out.Records() {
		lines = append(lines, line(ptrUnless(r.NullKey, r.Key), ptrUnless(r.NullValue, r.Value), r.Time.UnixMilli()))
	}
	return lines
}

func line(key, value *string, at int64) string {
	return fmt.Sprintf("%s=%s@%d", orNull(key), orNull(value), at)
}

func ptrUnless(null bool, s string) *string {
	if null {
		return nil
	}
	return &s
}

// script runs lines of the form "L a=1@10 > a=1/null@10, ...": a record of a side,
// and what it leads to. "null" is a null.
func (b *bench) script(text string) {
	b.t.Helper()
	for l := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		in, want, _ := strings.Cut(strings.TrimSpace(l), ">")
		var got string
		if dt, ok := strings.CutPrefix(strings.TrimSpace(in), "advance "); ok {
			d, err := time.ParseDuration(dt)
			if err != nil {
				b.t.Fatal(err)
			}
			b.d.Advance(d)
			got = strings.Join(b.lines(), ", ")
		} else {
			got = strings.Join(b.pipe(parseInput(b.t, in)), ", ")
		}
		if diff := cmp.Diff(strings.TrimSpace(want), got); diff != "" {
			b.t.Errorf("after %q (-want +got):\n%s", in, diff)
		}
	}
}

func parseInput(t *testing.T, s string) joinInput {
	t.Helper()
	s = strings.TrimSpace(s)
	record, at, ok := strings.Cut(s[2:], "@")
	key, value, ok2 := strings.Cut(record, "=")
	in := joinInput{left: s[0] == 'L', key: ptrUnless(key == "null", key), value: ptrUnless(value == "null", value)}
	if _, err := fmt.Sscan(at, &in.at); err != nil || !ok || !ok2 {
		t.Fatalf("the line %q is not a record", s)
	}
	return in
}

// randomInputs has records of both sides on few keys, with times that mostly go
// on, sometimes repeat, fall back or jump, and with nulls.
func randomInputs(rng *rand.Rand, n int) []joinInput {
	inputs := make([]joinInput, n)
	now := int64(100)
	for i := range inputs {
		in := joinInput{left: rng.IntN(2) == 0, key: new(string(rune('a' + rng.IntN(3)))), value: new(fmt.Sprint(i))}
		switch p := rng.IntN(20); {
		case p < 10:
			now += rng.Int64N(6)
		case p == 10:
			now += 40 + rng.Int64N(60)
		}
		in.at = now
		if rng.IntN(4) == 0 {
			in.at = max(0, now-rng.Int64N(40))
		}
		if rng.IntN(12) == 0 {
			in.key = nil
		}
		if rng.IntN(6) == 0 {
			in.value = nil
		}
		inputs[i] = in
	}
	return inputs
}

// wantSame runs random sequences through a topology and through a model of it.
func wantSame(t *testing.T, build func(b *streams.Builder), model func() func(joinInput) []string) {
	t.Helper()
	for seed := range uint64(8) {
		b, expect := newBench(t, build), model()
		for i, in := range randomInputs(rand.New(rand.NewPCG(seed, 1)), 250) {
			want, got := expect(in), b.pipe(in)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, record %d, %v (-want +got):\n%s", seed, i, in, diff)
			}
		}
	}
}
