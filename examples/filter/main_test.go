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
	in := streamstest.Input[string, string](d, "words")
	for _, word := range []string{"", "short", "longer"} {
		in.Pipe("k", word, time.UnixMilli(0))
	}
	got := streamstest.Output[string, string](d, "long-words").Records()
	if len(got) != 1 || got[0].Value != "longer" {
		t.Errorf("got %+v, want longer", got)
	}
}

func TestCommand(t *testing.T) {
	var out, problems bytes.Buffer
	if code := playground.Command(t.Context(), example, nil, &out, &problems); code != 0 {
		t.Fatalf("exit code %d: %s", code, &problems)
	}
	if got, want := out.String(), "1: stream\n3: processor\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
