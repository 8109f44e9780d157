package streams

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Suppression says when the changes of a table pass that Suppress holds back.
type Suppression struct {
	final  bool // when windows close
	limit  time.Duration
	buffer Buffer
}

// UntilWindowCloses lets one change of each window pass, the last one, once the
// time of the stream has reached the end of the window and its grace. It fits
// tables of windows only. A deletion of a window that nobody has seen does not pass
// at all. The buffer must not emit early.
func UntilWindowCloses(b Buffer) Suppression { return Suppression{final: true, buffer: b} }

// UntilTimeLimit lets the last change of a key pass once the time of the stream is
// d after the first one that was held back. The change keeps its own time.
func UntilTimeLimit(d time.Duration, b Buffer) Suppression { return Suppression{limit: d, buffer: b} }

// Buffer is how much Suppress may hold back, what it does then, and how the buffer
// is kept. The zero Buffer is Unbounded.
type Buffer struct {
	limit    BufferLimit
	shutDown bool
	noLog    bool
	configs  map[string]string
}

// Unbounded holds back as many changes as there are.
func Unbounded() Buffer { return Buffer{} }

// BufferLimit is how much a buffer takes. EmitEarlyWhenFull or ShutDownWhenFull
// makes a Buffer of it.
type BufferLimit struct {
	records, bytes     int64
	byRecords, byBytes bool
}

// MaxRecords limits a buffer to n keys.
func MaxRecords(n int64) BufferLimit { return BufferLimit{}.MaxRecords(n) }

// MaxBytes limits a buffer to n bytes of encoded keys and changes. A change counts
// with its new value, the old one, the one before the first that is held, its
// headers, and about 60 bytes more.
func MaxBytes(n int64) BufferLimit { return BufferLimit{}.MaxBytes(n) }

// MaxRecords also limits the buffer to n keys.
func (l BufferLimit) MaxRecords(n int64) BufferLimit {
	l.records, l.byRecords = n, true
	return l
}

// MaxBytes also limits the buffer to n bytes.
func (l BufferLimit) MaxBytes(n int64) BufferLimit {
	l.bytes, l.byBytes = n, true
	return l
}

// EmitEarlyWhenFull lets changes pass before their time when the buffer is over
// its limit, those that wait longest first.
func (l BufferLimit) EmitEarlyWhenFull() Buffer { return Buffer{limit: l} }

// ShutDownWhenFull stops the task with an error when the buffer is over its limit.
// No error handler is asked.
func (l BufferLimit) ShutDownWhenFull() Buffer { return Buffer{limit: l, shutDown: true} }

// NoChangelog keeps no changelog of the buffer: what it holds is lost with the
// disk that it is on, and there are no standby copies.
func (b Buffer) NoChangelog() Buffer {
	b.noLog = true
	return b
}

// ChangelogConfig sets topic configs of the buffer's changelog, by Kafka's names.
func (b Buffer) ChangelogConfig(configs map[string]string) Buffer {
	b.configs = maps.Clone(configs)
	return b
}

// over is whether a buffer with so many keys and bytes is over the limit.
func (l BufferLimit) over(records, bytes int64) bool {
	return l.byRecords && records > l.records || l.byBytes && bytes > l.bytes
}

func (l BufferLimit) String() string {
	switch {
	case l.byRecords && l.byBytes:
		return fmt.Sprintf("%d keys or %d bytes", l.records, l.bytes)
	case l.byRecords:
		return fmt.Sprintf("%d keys", l.records)
	case l.byBytes:
		return fmt.Sprintf("%d bytes", l.bytes)
	default:
		return "none"
	}
}

// check says what is wrong with a suppression of a table that has windows with a
// grace or has not.
func (s Suppression) check(windowed bool) error {
	var errs []error
	l := s.buffer.limit
	if l.byRecords && l.records < 1 {
		errs = append(errs, fmt.Errorf("MaxRecords(%d): give at least 1", l.records))
	}
	if l.byBytes && l.bytes < 1 {
		errs = append(errs, fmt.Errorf("MaxBytes(%d): give at least 1", l.bytes))
	}
	if s.buffer.noLog && s.buffer.configs != nil {
		errs = append(errs, errors.New("ChangelogConfig: NoChangelog is given too, so there is no topic to configure"))
	}
	if s.limit < 0 {
		errs = append(errs, fmt.Errorf("UntilTimeLimit(%v): the time is negative", s.limit))
	}
	if s.final && !windowed {
		errs = append(errs, errors.New("UntilWindowCloses: the table has no windows that close: use it behind the count, reduce or aggregate of a stream by windows, or use UntilTimeLimit"))
	}
	if s.final && (l.byRecords || l.byBytes) && !s.buffer.shutDown {
		errs = append(errs, errors.New("UntilWindowCloses: a buffer that emits early would give windows before they close: use Unbounded or ShutDownWhenFull"))
	}
	return errors.Join(errs...)
}
