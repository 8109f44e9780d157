package playground

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"mm2/streams"
)

func copying() Example {
	return Example{
		Config: streams.Config{ApplicationID: "copy", Logger: slog.New(slog.DiscardHandler)},
		Topology: func() (*streams.Topology, error) {
			b := streams.NewBuilder()
			streams.Stream[string, string](b, "in").To("out")
			return b.Build()
		},
		Input:  []Record{{"in", "b", "1"}, {"in", "a", "2"}, {"in", "b", "3"}},
		Output: "out", Results: 3,
		Show: As[string],
	}
}

// On a cluster that is kept an example runs again, and shows what is new.
func TestCommandOnACluster(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	for range 2 {
		var out, problems bytes.Buffer
		args := []string{"-bootstrap", strings.Join(cluster.ListenAddrs(), ",")}
		if code := Command(t.Context(), copying(), args, &out, &problems); code != 0 {
			t.Fatalf("exit code %d: %s", code, &problems)
		}
		if diff := cmp.Diff("a: 2\nb: 1\nb: 3\n", out.String()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCommandFails(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		args   []string
		change func(*Example)
		code   int
		want   string
	}{
		{name: "unknown flag", args: []string{"-nonsense"}, code: 2, want: "-nonsense"},
		{name: "argument", args: []string{"localhost:9092"}, code: 2, want: "localhost:9092"},
		{name: "help", args: []string{"-h"}, code: 0, want: "-bootstrap"},
		{name: "interrupted", ctx: canceled, code: 1, want: "canceled"},
		{name: "topology", change: func(e *Example) {
			e.Topology = func() (*streams.Topology, error) { return nil, errors.New("it has a knot") }
		}, code: 1, want: "it has a knot"},
		{name: "application ends", change: func(e *Example) {
			e.Topology = func() (*streams.Topology, error) {
				b := streams.NewBuilder()
				streams.TryMapValues(streams.Stream[string, string](b, "in"),
					func(context.Context, streams.Record[string, string]) (string, error) {
						return "", errors.New("no more")
					}).To("out")
				return b.Build()
			}
		}, code: 1, want: "no more"},
		{name: "value", change: func(e *Example) { e.Show = As[int64] }, code: 1, want: "want 8"},
		{name: "no serde", change: func(e *Example) { e.Show = As[struct{}] }, code: 1, want: "no serde"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, ctx := copying(), tt.ctx
			if tt.change != nil {
				tt.change(&e)
			}
			if ctx == nil {
				ctx = t.Context()
			}
			var out, problems bytes.Buffer
			if code := Command(ctx, e, tt.args, &out, &problems); code != tt.code || !strings.Contains(problems.String(), tt.want) {
				t.Errorf("exit code %d: %s; want %d and %q", code, &problems, tt.code, tt.want)
			}
			if out.Len() > 0 {
				t.Errorf("printed %q", &out)
			}
		})
	}
}
