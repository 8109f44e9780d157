package stage_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/pipeline"
	"mm2/internal/stage"
	"mm2/topology"
)

func flow() topology.Flow {
	return topology.Flow{ID: topology.FlowID{Source: "A", Target: "B"}, Policy: topology.NewDefaultPolicy(".", "."), Copy: true}
}

func about(t testing.TB, patterns ...string) topology.Filter {
	t.Helper()
	f, err := topology.NewFilter(patterns, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// batch has one record for each text, "key|header=value|value"; "-" is null.
func batch(topic string, texts ...string) *pipeline.Batch {
	b := &pipeline.Batch{Source: pipeline.Partition{Topic: topic, Partition: 3}, Base: 100, Limit: 100 + int64(len(texts))}
	var records []pipeline.Record
	for i, text := range texts {
		parts := strings.SplitN(text, "|", 3)
		r := &kgo.Record{Topic: topic, Partition: 3, Key: null(parts[0]), Value: null(parts[2])}
		if name, value, ok := strings.Cut(parts[1], "="); ok {
			r.Headers = []kgo.RecordHeader{{Key: name, Value: null(value)}}
		}
		records = append(records, pipeline.Record{Record: r, From: 100 + int64(i)})
	}
	b.SetRecords(records)
	return b
}

func null(s string) []byte {
	if s == "-" {
		return nil
	}
	return []byte(s)
}

// show prints where the records of a batch go, from which offset, and what they are.
func show(b *pipeline.Batch) string {
	out := fmt.Sprintf("to %s scattered %t:", b.To.Topic, b.Scattered)
	var size, values int64
	for _, r := range b.Records() {
		out += fmt.Sprintf(" %d", r.From)
		if b.Scattered && r.From < 0 {
			out += fmt.Sprintf("@%s-%d", r.Topic, r.Partition)
		}
		for _, h := range r.Headers {
			out += fmt.Sprintf(" %s=%s", h.Key, h.Value)
		}
		out += " " + string(r.Value)
		size += pipeline.Size(r.Record)
		values += int64(len(r.Value))
	}
	if size != b.Bytes || values != b.ValueBytes {
		return fmt.Sprintf("%s; bytes %d and %d, want %d and %d", out, b.Bytes, b.ValueBytes, size, values)
	}
	return out
}

func TestStages(t *testing.T) {
	all := about(t, ".*")
	header := stage.Part{Place: stage.Header, Name: "h"}
	field := stage.Part{Place: stage.Field, Path: stage.Path{"a", "b"}}
	filter := func(a stage.Action, p stage.Part, op stage.Operator, text string) stage.Config {
		c := stage.Condition{Part: p, Operator: op, Text: text}
		if op == stage.Matches {
			c.Expr = regexp.MustCompile(text)
		}
		return stage.Config{Kind: stage.Filter, Topics: all, Action: a, If: c}
	}
	route := stage.Config{Kind: stage.Route, Topics: all, If: stage.Condition{Part: header}, Values: map[string]string{"eu": "eu", "own": "t"}}
	mask := func(with stage.With, paths ...stage.Path) stage.Config {
		return stage.Config{Kind: stage.Mask, Topics: all, Fields: paths, With: with, Replacing: "*", HashingWith: "key"}
	}
	tests := []struct {
		name   string
		stages []stage.Config
		in     []string
		want   string
	}{
		{"keep a header", []stage.Config{filter(stage.Keep, header, stage.Equals, "x")}, []string{"k|h=x|1", "k|h=y|2", "k||3", "k|h=x|4"}, "to  scattered false: 100 h=x 1 103 h=x 4"},
		{"drop a header", []stage.Config{filter(stage.Drop, header, stage.Exists, "")}, []string{"k|h=x|1", "k||3"}, "to  scattered false: 101 3"},
		{"keep what has none", []stage.Config{filter(stage.Keep, header, stage.Absent, "")}, []string{"k|h=x|1", "k||3"}, "to  scattered false: 101 3"},
		{"key matches", []stage.Config{filter(stage.Keep, stage.Part{Place: stage.Key}, stage.Matches, "^k[12]$")}, []string{"k1||1", "-||2", "k3||3"}, "to  scattered false: 100 1"},
		{"null values", []stage.Config{filter(stage.Drop, stage.Part{Place: stage.Value}, stage.Absent, "")}, []string{"k||-", "k||2"}, "to  scattered false: 101 2"},
		{
			"field",
			[]stage.Config{filter(stage.Keep, field, stage.Equals, "1")},
			[]string{`k||{"a":{"b":1}}`, `k||{"a":{"b":"1"}}`, `k||{"a":{"b":null}}`, `k||{"a":2}`, "k||-"},
			`to  scattered false: 100 {"a":{"b":1}} 101 {"a":{"b":"1"}}`,
		},
		{"field in a list", []stage.Config{filter(stage.Keep, field, stage.Equals, "2")}, []string{`k||{"a":[{"b":1},{"b":2}]}`}, `to  scattered false: 100 {"a":[{"b":1},{"b":2}]}`},
		{
			"route some",
			[]stage.Config{route},
			[]string{"k|h=eu|1", "k|h=us|2", "k|h=own|3", "k||4"},
			"to  scattered true: -1@A.eu-3 h=eu 1 101 h=us 2 102 h=own 3 103 4",
		},
		{"route all", []stage.Config{route}, []string{"k|h=eu|1", "k|h=eu|2"}, "to A.eu scattered false: -1 h=eu 1 -1 h=eu 2"},
		{"route by name", []stage.Config{{Kind: stage.Route, Topics: all, Pattern: regexp.MustCompile("^(?:(.))$"), Replacement: "${1}2"}}, []string{"k||1"}, "to A.t2 scattered false: -1 1"},
		{
			"mask",
			[]stage.Config{mask(stage.Replace, stage.Path{"p"})},
			[]string{`k||{ "q" : 1.50, "p":"secret", "p" : {"p":1} , "z":[]}`, `k||{"p":null}`, "k||-"},
			`to  scattered false: 100 { "q" : 1.50, "p":"*", "p" : "*" , "z":[]} 101 {"p":null} 102 `,
		},
		{"mask in lists", []stage.Config{mask(stage.Null, stage.Path{"l", "p"})}, []string{`k||{"l":[{"p":1},[{"p":"2"}]]}`}, `to  scattered false: 100 {"l":[{"p":null},[{"p":null}]]}`},
		{
			"hash",
			[]stage.Config{mask(stage.Hash, stage.Path{"p"})},
			[]string{`k||{"p":"The quick brown fox jumps over the lazy dog"}`},
			`to  scattered false: 100 {"p":"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"}`,
		},
		{"mask a header", []stage.Config{{Kind: stage.Mask, Topics: all, Headers: []string{"h"}, With: stage.Replace, Replacing: "*"}}, []string{"k|h=x|1", "k||2"}, "to  scattered false: 100 h=* 1 101 2"},
		{"in order", []stage.Config{mask(stage.Replace, stage.Path{"a", "b"}), filter(stage.Drop, field, stage.Equals, "*")}, []string{`k||{"a":{"b":1}}`, `k||{}`}, "to  scattered false: 101 {}"},
		{"other topics", []stage.Config{{Kind: stage.Filter, Topics: about(t, "u"), Action: stage.Drop}}, []string{"k||1"}, "to  scattered false: 100 1; bytes 0 and 0, want 2 and 1"}, // untouched
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := batch("t", test.in...)
			if err := stage.Compile(flow(), test.stages).Lane().Process(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if got := show(b); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// What a stage cannot read is refused by its offset, and never passed on.
func TestNotJSONIsRefused(t *testing.T) {
	c := []stage.Config{{Kind: stage.Mask, Name: "hide", Topics: about(t, ".*"), Fields: []stage.Path{{"p"}}, With: stage.Null}}
	for _, bad := range []string{"", "no", `{"p":1`, `{"p":1} x`, `{"p":1}{"p":2}`, `{"q":tru}`, "[1,]"} {
		err := stage.Compile(flow(), c).Lane().Process(t.Context(), batch("t", `k||{"p":1}`, "k||"+bad))
		var refused *pipeline.RefusedError
		if !errors.As(err, &refused) || refused.Offset != 101 || refused.Stage != "hide" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// What the caller still has of a record, a dead letter say, is not written to.
func TestMaskLeavesTheBytesAsTheyWereRead(t *testing.T) {
	c := []stage.Config{{Kind: stage.Mask, Topics: about(t, ".*"), Fields: []stage.Path{{"p"}}, Headers: []string{"h"}, With: stage.Replace, Replacing: "*"}}
	b := batch("t", `k|h=x|{"p":"secret"}`)
	value, headers := b.Records()[0].Value, b.Records()[0].Headers
	if err := stage.Compile(flow(), c).Lane().Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if string(value) != `{"p":"secret"}` || string(headers[0].Value) != "x" {
		t.Errorf("%s %s", value, headers[0].Value)
	}
}

// Counts are of what was committed, not of what was tried.
func TestCountsFollowCommits(t *testing.T) {
	c := stage.Compile(flow(), []stage.Config{{
		Kind: stage.Filter, Topics: about(t, ".*"), Action: stage.Keep,
		If: stage.Condition{Part: stage.Part{Place: stage.Key}, Operator: stage.Equals, Text: "k"},
	}})
	l := c.Lane()
	for range 2 {
		if err := l.Process(t.Context(), batch("t", "k||1", "x||2", "x||3")); err != nil {
			t.Fatal(err)
		}
		if got := c.Status()[0]; got.In != 0 {
			t.Errorf("counted before the commit: %+v", got)
		}
		l.Rewind()
	}
	if err := l.Process(t.Context(), batch("t", "k||1", "x||2", "x||3")); err != nil {
		t.Fatal(err)
	}
	l.Committed(nil)
	if got := c.Status()[0]; got.In != 3 || got.Out != 1 || got.Dropped != 2 {
		t.Errorf("%+v", got)
	}
}

// Heartbeats pass as they are.
func TestHeartbeatsAreLeftAlone(t *testing.T) {
	c := stage.Compile(flow(), []stage.Config{{Kind: stage.Filter, Topics: about(t, ".*"), Action: stage.Drop}})
	b := batch("heartbeats", "k||1")
	if err := c.Lane().Process(t.Context(), b); err != nil || b.Len() != 1 {
		t.Errorf("%d records, %v", b.Len(), err)
	}
}

// Hiding a field leaves JSON that has the others as they were, or refuses.
func FuzzMask(f *testing.F) {
	f.Add(`{"p":"x","q":[{"p":1}]}`)
	f.Add(`[{"p":null},"p",{"\u0070":2}]`)
	f.Fuzz(func(t *testing.T, value string) {
		if value == "-" {
			t.Skip()
		}
		c := []stage.Config{{Kind: stage.Mask, Topics: about(t, ".*"), Fields: []stage.Path{{"p"}}, With: stage.Replace, Replacing: "*"}}
		b := batch("t", "k||"+value)
		if stage.Compile(flow(), c).Lane().Process(t.Context(), b) != nil {
			return
		}
		// What was masked once gives the same again.
		once := string(b.Records()[0].Value)
		if err := stage.Compile(flow(), c).Lane().Process(t.Context(), b); err != nil || string(b.Records()[0].Value) != once {
			t.Errorf("%q became %q, and then %v %q", value, once, err, b.Records()[0].Value)
		}
	})
}
