package javametrics

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// The windows answer what Kafka's own classes answer, to the last digit.
func TestWindowsAreKafkas(t *testing.T) {
	transcript, err := os.ReadFile("testdata/sensor.txt")
	if err != nil {
		t.Fatal(err)
	}
	var m meter
	var g gauge
	measured, line := 0, 0
	for text := range strings.Lines(string(transcript)) {
		line++
		var at int64
		var v, total, rate, last, least, most, avg float64
		switch {
		case strings.HasPrefix(text, "#"):
		case strings.HasPrefix(text, "record"):
			if _, err := fmt.Sscanf(text, "record %d %f", &at, &v); err != nil {
				t.Fatalf("line %d: %v", line, err)
			}
			m.add(at, v)
			g.add(at, v, one(v))
		default:
			if _, err := fmt.Sscanf(text, "measure %d %f %f %f %f %f %f", &at, &total, &rate, &last, &least, &most, &avg); err != nil {
				t.Fatalf("line %d: %v", line, err)
			}
			measured++
			gotLeast, gotMost, gotAvg := g.extremes(at)
			got := []float64{m.total, m.rate(at), g.last, gotLeast, gotMost, gotAvg}
			for i, want := range []float64{total, rate, last, least, most, avg} {
				if math.IsNaN(want) != math.IsNaN(got[i]) || math.Abs(want-got[i]) > 1e-9*math.Abs(want) {
					t.Fatalf("line %d: %s\ngot %v", line, text, got)
				}
			}
		}
	}
	if measured < 100 {
		t.Errorf("%d measurements: the transcript is not read", measured)
	}
}

// A batch counts like its records one by one.
func TestEventsAtOnceAreEventsOneByOne(t *testing.T) {
	var single, batch window
	for _, now := range []int64{0, 10_000, 31_000, 45_000, 70_000, 200_000} {
		values := []float64{float64(now / 1000), 7, -3, 12}
		e := events{count: 4, min: min(values[0], -3), max: max(values[0], 12)}
		for _, v := range values {
			single.add(now, one(v))
			e.sum += v
		}
		batch.add(now, e)
		for _, at := range []int64{now, now + 20_000} {
			if a, b := single.look(at), batch.look(at); a != b {
				t.Errorf("at %d: one by one %+v, at once %+v", at, a, b)
			}
			if a, b := single.rate(at), batch.rate(at); a != b {
				t.Errorf("at %d: one by one %v a second, at once %v", at, a, b)
			}
		}
	}
}
