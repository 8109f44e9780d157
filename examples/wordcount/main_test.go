package main

import (
	"bytes"
	"testing"
	"time"

	"mm2/examples/internal/playground"
	"mm2/streams/streamstest"
)

func TestTopology(t *testing.T) {
	top, err := topology()
	if err != nil {
		t.Fatal(err)
	}
	d := streamstest.New(t, top)
	streamstest.Input[string, string](d, "lines").Pipe("1", "to be or not To  be", time.UnixMilli(0))

	got := make(map[string]int64)
	for _, r := range streamstest.Output[string, int64](d, "word-counts").Records() {
		if r.Value != got[r.Key]+1 {
			t.Errorf("%s: %d after %d", r.Key, r.Value, got[r.Key])
		}
		got[r.Key] = r.Value
	}
	counts := streamstest.Timestamped[string, int64](d, "counts")
	for word, want := range map[string]int64{"to": 2, "be": 2, "or": 1, "not": 1} {
		row, ok, err := counts.Get(word)
		if err != nil || !ok || row.Value != want || got[word] != want {
			t.Errorf("%s: %d on the topic, %+v in the store (%v), want %d", word, got[word], row, err, want)
		}
	}
}

func TestCommand(t *testing.T) {
	var out, problems bytes.Buffer
	if code := playground.Command(t.Context(), example, nil, &out, &problems); code != 0 {
		t.Fatalf("exit code %d: %s", code, &problems)
	}
	want := "all: 1\nhello: 1\njoin: 1\nkafka: 3\nlead: 1\nstreams: 2\nto: 1\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
