package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// row is one flow in the table.
type row struct {
	flow                string
	state               string
	lanes, lanesTotal   int
	produced, delivered int
	rate                float64 // delivered a second, lately
	lag                 int64   // records that the service has yet to copy
	p50, p99            time.Duration
	measured            bool // p50 and p99 mean something
}

// frame is everything that is shown at one moment.
type frame struct {
	elapsed  time.Duration
	phase    string
	rows     []row
	problems []string
}

// table is the frame as lines for a terminal.
func (f frame) table() []string {
	const layout = "%-14s %-9s %6s %9s %10s %7s %6s %8s %8s"
	lines := []string{
		fmt.Sprintf("%3.0f s  %s", f.elapsed.Seconds(), f.phase),
		"",
		fmt.Sprintf(layout, "FLOW", "STATE", "LANES", "PRODUCED", "DELIVERED", "PER S", "LAG", "P50", "P99"),
	}
	for _, r := range f.rows {
		p50, p99 := r.delays()
		lines = append(lines, fmt.Sprintf(layout, r.flow, r.state, fmt.Sprintf("%d/%d", r.lanes, r.lanesTotal),
			fmt.Sprint(r.produced), fmt.Sprint(r.delivered), fmt.Sprintf("%.0f", r.rate), fmt.Sprint(r.lag), p50, p99))
	}
	lines = append(lines, "")
	return append(lines, f.problems...)
}

// line is the frame in one line for a log.
func (f frame) line() string {
	parts := []string{fmt.Sprintf("%3.0f s  %-9s", f.elapsed.Seconds(), f.phase)}
	for _, r := range f.rows {
		p50, p99 := r.delays()
		parts = append(parts, fmt.Sprintf("%s %s: produced %d, delivered %d, lag %d, p50 %s, p99 %s",
			r.flow, r.state, r.produced, r.delivered, r.lag, p50, p99))
	}
	return strings.Join(append(parts, f.problems...), "  |  ")
}

func (r row) delays() (p50, p99 string) {
	if !r.measured {
		return "-", "-"
	}
	return millis(r.p50), millis(r.p99)
}

func millis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// Control sequences of ECMA-48. Lines longer than the terminal must not wrap,
// or going up by the number of lines would end in the wrong place.
const (
	wrapOff   = "\x1b[?7l"
	wrapOn    = "\x1b[?7h"
	clearLine = "\x1b[2K"
	clearDown = "\x1b[J"
)

func up(lines int) string {
	if lines == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA", lines)
}

// screen shows frames: in place on a terminal, otherwise one after the other.
// It is safe for concurrent use.
type screen struct {
	terminal bool

	mu    sync.Mutex // guards what follows
	out   io.Writer
	err   error // the first error of out; nothing is written after it
	shown int   // lines of the last frame that the next one replaces
}

// interval is the time between frames.
func (s *screen) interval() time.Duration {
	if s.terminal {
		return 250 * time.Millisecond
	}
	return time.Second
}

func (s *screen) show(f frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal {
		s.write(f.line() + "\n")
		return
	}
	var b strings.Builder
	b.WriteString(wrapOff + up(s.shown))
	lines := f.table()
	for _, line := range lines {
		b.WriteString(clearLine + line + "\n")
	}
	b.WriteString(clearDown + wrapOn)
	s.write(b.String())
	s.shown = len(lines)
}

// print writes lines that stay, below the last frame.
func (s *screen) print(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = 0
	for _, line := range lines {
		s.write(line + "\n")
	}
}

// Write takes a line of the log. On a terminal it appears above the table.
func (s *screen) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(line)
	if s.terminal {
		text = wrapOff + up(s.shown) + clearDown + wrapOn + text
		s.shown = 0
	}
	s.write(text)
	return len(line), s.err
}

func (s *screen) write(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.out, text)
	}
}

// failed is the first error of writing, for example of a closed pipe.
func (s *screen) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
