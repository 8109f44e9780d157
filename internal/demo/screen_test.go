package demo

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var sample = frame{
	elapsed: 12340 * time.Millisecond,
	phase:   "writing",
	rows: []row{
		{flow: "seoul->tokyo", state: "running", lanes: 4, lanesTotal: 4, produced: 2400, delivered: 2396, rate: 199.6, lag: 4, p50: 6 * time.Millisecond, p99: 1234 * time.Millisecond, measured: true},
		{flow: "tokyo->seoul", state: "starting"},
	},
	problems: []string{"tokyo->seoul: no broker answers"},
}

func TestTable(t *testing.T) {
	want := strings.TrimPrefix(`
 12 s  writing

FLOW           STATE      LANES  PRODUCED  DELIVERED   PER S    LAG      P50      P99
seoul->tokyo   running      4/4      2400       2396     200      4     6 ms  1234 ms
tokyo->seoul   starting     0/0         0          0       0      0        -        -

tokyo->seoul: no broker answers`, "\n")
	if diff := cmp.Diff(want, strings.Join(sample.table(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestScreenWithoutTerminal(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out}
	s.show(sample)
	want := " 12 s  writing    |  seoul->tokyo running: produced 2400, delivered 2396, lag 4, p50 6 ms, p99 1234 ms" +
		"  |  tokyo->seoul starting: produced 0, delivered 0, lag 0, p50 -, p99 -  |  tokyo->seoul: no broker answers\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// replay is what a terminal shows after the control sequences that the screen
// uses.
func replay(t *testing.T, out string) []string {
	t.Helper()
	var lines []string
	at := 0
	for len(out) > 0 {
		switch {
		case strings.HasPrefix(out, wrapOff), strings.HasPrefix(out, wrapOn):
			out = out[len(wrapOn):]
		case strings.HasPrefix(out, clearLine):
			out = out[len(clearLine):]
			if at < len(lines) {
				lines[at] = ""
			}
		case strings.HasPrefix(out, clearDown):
			out = out[len(clearDown):]
			lines = lines[:min(at, len(lines))]
		case strings.HasPrefix(out, up(7)):
			out, at = out[len(up(7)):], at-7
		default:
			text, rest, found := strings.Cut(out, "\n")
			if !found || strings.Contains(text, "\x1b") {
				t.Fatalf("not understood: %q", out)
			}
			for len(lines) <= at {
				lines = append(lines, "")
			}
			lines[at] += text
			out, at = rest, at+1
		}
	}
	return lines
}

func TestScreenRedrawsInPlace(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, terminal: true}
	s.print("above")
	s.show(sample) // seven lines
	log := slog.New(slog.NewTextHandler(s, nil))
	s.show(sample)
	log.Warn("a lane was lost")
	later := sample
	later.phase, later.problems = "arrived", nil
	s.show(sample)
	s.show(later)
	s.print("below")

	got := replay(t, out.String())
	if len(got) != 1+1+6+1 {
		t.Fatalf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	if got[0] != "above" || !strings.Contains(got[1], "a lane was lost") || got[8] != "below" {
		t.Errorf("lines:\n%s", strings.Join(got, "\n"))
	}
	if diff := cmp.Diff(later.table(), got[2:8]); diff != "" {
		t.Error(diff)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	at := time.Unix(0, 0)
	for i, want := range []float64{0, 0, 100, 100, 50} {
		counts := []int{1000, 1040, 1100, 1120, 1150}
		m.update(at.Add(time.Duration(i)*500*time.Millisecond), counts[i])
		if m.rate != want {
			t.Errorf("after %d updates: %v a second, want %v", i+1, m.rate, want)
		}
	}
}
