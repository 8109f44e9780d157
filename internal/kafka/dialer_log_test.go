package kafka_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
	"mm2/internal/kafka"
)

// A broker that stays away is told once in half a minute, not once per attempt.
func TestRepeatedWarningsAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		cl := loggingClient(t, &out, slog.LevelInfo)
		defer cl.Close()
		ping := func() string {
			out.Reset()
			for range 5 {
				if err := cl.Ping(t.Context()); err == nil {
					t.Fatal("ping reached a broker that is away")
				}
			}
			return out.String()
		}
		if got := ping(); strings.Count(got, "level=WARN") != 1 || strings.Contains(got, "repeated=") {
			t.Errorf("want one warning, got:\n%s", got)
		}
		<-time.After(31 * time.Second)
		if got := ping(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "repeated=") {
			t.Errorf("want one warning with the count of those held back, got:\n%s", got)
		}
	})
}

func TestClientsLogBelowOurLevel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		level slog.Level
		wants map[string]bool
	}{
		{"info", slog.LevelInfo, map[string]bool{"level=WARN": true, "level=INFO": false, "level=DEBUG": false}},
		{"debug", slog.LevelDebug, map[string]bool{"level=WARN": true, "level=INFO": false, "level=DEBUG": true}},
		{"error", slog.LevelError, map[string]bool{"level=WARN": false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				cl := loggingClient(t, &out, tt.level)
				defer cl.Close()
				for range 2 {
					if err := cl.Ping(t.Context()); err == nil {
						t.Fatal("ping reached a broker that is away")
					}
				}
				for text, want := range tt.wants {
					if strings.Contains(out.String(), text) != want {
						t.Errorf("%s shown: %v, want %v\n%s", text, !want, want, out.String())
					}
				}
			})
		})
	}
}

// loggingClient is a client whose broker is away.
func loggingClient(t *testing.T, out *bytes.Buffer, level slog.Level) *kgo.Client {
	t.Helper()
	d, err := kafka.NewDialer("tokyo", connection.Connection{Bootstrap: []string{"127.0.0.1:9092"}},
		slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})),
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}))
	if err != nil {
		t.Fatal(err)
	}
	cl, err := d.Client("test")
	if err != nil {
		t.Fatal(err)
	}
	return cl
}
