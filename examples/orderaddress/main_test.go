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
	orders := streamstest.Input[string, string](d, "orders")
	addresses := streamstest.Input[string, string](d, "addresses")
	at := time.UnixMilli(0)

	orders.Pipe("ann", "early", at)
	addresses.Pipe("ann", "Paris", at)
	orders.Pipe("ann", "a book", at)
	addresses.PipeTombstone("ann", at)
	orders.Pipe("ann", "late", at)

	got := streamstest.Output[string, string](d, "shipments").Records()
	if len(got) != 1 || got[0].Key != "ann" || got[0].Value != "a book send to Paris" {
		t.Errorf("got %+v, want the order for which there was an address", got)
	}
}

func TestCommand(t *testing.T) {
	var out, problems bytes.Buffer
	if code := playground.Command(t.Context(), example, nil, &out, &problems); code != 0 {
		t.Fatalf("exit code %d: %s", code, &problems)
	}
	want := "ann: a book send to Paris\nann: a map send to Lyon\nbob: a pen send to Oslo\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
