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
	at := time.UnixMilli(0)
	streamstest.Input[string, string](d, "prices").Pipe("fr/pen", "2 EUR", at)
	sales := streamstest.Input[string, string](d, "sales")
	sales.Pipe("fr", "pen", at)
	sales.Pipe("fr", "ink", at) // another value
	sales.Pipe("no", "pen", at) // another key

	got := streamstest.Output[string, string](d, "priced-sales").Records()
	if len(got) != 1 || got[0].Key != "fr" || got[0].Value != "pen for 2 EUR" {
		t.Errorf("got %+v, want the sale that has a price", got)
	}
}

func TestCommand(t *testing.T) {
	var out, problems bytes.Buffer
	if code := playground.Command(t.Context(), example, nil, &out, &problems); code != 0 {
		t.Fatalf("exit code %d: %s", code, &problems)
	}
	if got, want := out.String(), "fr: pen for 2 EUR\nno: pen for 25 NOK\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
