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
	in := streamstest.Input[string, string](d, "payments")
	in.Pipe("ann", "1", time.UnixMilli(0))
	in.Pipe("ann", "2", time.UnixMilli(1))
	got := streamstest.Output[string, int64](d, "totals").Records()
	if len(got) != 2 || got[1].Value != 3 {
		t.Errorf("got %v", got)
	}
}

func TestCommand(t *testing.T) {
	var out, problems bytes.Buffer
	if code := playground.Command(t.Context(), example, nil, &out, &problems); code != 0 {
		t.Fatalf("exit code %d: %s", code, &problems)
	}
	if got, want := out.String(), "ann: 42\nbob: 5\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
