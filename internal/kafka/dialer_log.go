package kafka

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kslog"
)

// Keys of log attributes.
const (
	logCluster  = "cluster"
	logClient   = "client"
	logRepeated = "repeated"
)

const (
	// The same warning of the same broker is shown once in this time: a broker
	// that stays away must not fill the disk with one line per attempt.
	repeatAfter = 30 * time.Second
	// Bound of the warnings remembered per client; beyond it all are forgotten
	// and may be shown once more.
	maxRemembered = 128
)

// clientLogger is how a client logs: one level below ours, since its info is
// about single requests and our steady state is silent, and without
// repetition.
func clientLogger(l *slog.Logger) kgo.Logger {
	return kslog.New(slog.New(&quiet{inner: l.Handler(), seen: &remembered{at: make(map[string]*repeated)}}))
}

// quiet lowers debug and info by one level and lowers repeated warnings to
// debug.
type quiet struct {
	inner slog.Handler
	seen  *remembered
}

func lowered(l slog.Level) slog.Level {
	if l < slog.LevelWarn {
		return l - 4
	}
	return l
}

func (q *quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return q.inner.Enabled(ctx, lowered(l))
}

func (q *quiet) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.Level = lowered(r.Level)
	if r.Level >= slog.LevelWarn {
		show, hidden := q.seen.note(warningKey(r), r.Time)
		if !show {
			r.Level = slog.LevelDebug
		} else if hidden > 0 {
			r.AddAttrs(slog.Int(logRepeated, hidden))
		}
	}
	if !q.inner.Enabled(ctx, r.Level) {
		return nil
	}
	return q.inner.Handle(ctx, r)
}

func (q *quiet) WithAttrs(as []slog.Attr) slog.Handler {
	return &quiet{inner: q.inner.WithAttrs(as), seen: q.seen}
}

func (q *quiet) WithGroup(name string) slog.Handler {
	return &quiet{inner: q.inner.WithGroup(name), seen: q.seen}
}

// warningKey tells warnings apart: the text and what it is about.
func warningKey(r slog.Record) string {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "broker", "addr", "topic", "partition", "group":
			b.WriteByte(0)
			b.WriteString(a.Value.String())
		}
		return true
	})
	return b.String()
}

type repeated struct {
	shown  time.Time
	hidden int
}

type remembered struct {
	mu sync.Mutex
	at map[string]*repeated
}

// note reports whether the warning is due and how often it was held back since
// it was last shown.
func (m *remembered) note(key string, now time.Time) (show bool, hidden int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.at[key]
	if w != nil && now.Sub(w.shown) < repeatAfter {
		w.hidden++
		return false, 0
	}
	if w == nil {
		if len(m.at) >= maxRemembered {
			clear(m.at)
		}
		w = &repeated{}
		m.at[key] = w
	}
	hidden = w.hidden
	*w = repeated{shown: now}
	return true, hidden
}
