package javametrics

import "math"

const (
	windowMillis = 30_000 // metrics.sample.window.ms
	windows      = 2      // metrics.num.samples
)

// sample is what happened within one window.
type sample struct {
	start, last   int64 // milliseconds; last is that of the newest event
	count         int64
	sum, min, max float64
}

// events are some events as one.
type events struct {
	count         int64
	sum, min, max float64
}

// one is a single event.
func one(v float64) events { return events{count: 1, sum: v, min: v, max: v} }

// window keeps what happened lately, as Kafka's SampledStat does: it has one
// sample more than windows, so that a sample that began before the time looked
// at and reaches into it still counts. Looking changes it: samples that are too
// old begin anew.
type window struct {
	samples [windows + 1]sample
	used    int
	current int
}

// begin makes sure that there is a sample.
func (w *window) begin(now int64) {
	if w.used == 0 {
		w.samples[0], w.used = sample{start: now, last: now}, 1
	}
}

// add counts events that happened at once.
func (w *window) add(now int64, e events) {
	w.begin(now)
	s := &w.samples[w.current]
	if now-s.start >= windowMillis {
		w.current = (w.current + 1) % len(w.samples)
		w.used = max(w.used, w.current+1)
		s = &w.samples[w.current]
		*s = sample{start: now}
	}
	if s.count == 0 {
		s.min, s.max = e.min, e.max
	}
	s.min, s.max = min(s.min, e.min), max(s.max, e.max)
	s.sum += e.sum
	s.count += e.count
	s.last = now
}

// look purges what is too old and sums up the rest.
func (w *window) look(now int64) (all events) {
	for i := range w.samples[:w.used] {
		s := &w.samples[i]
		if now-s.last >= windows*windowMillis {
			*s = sample{start: now, last: now}
		}
		if s.count == 0 {
			continue
		}
		if all.count == 0 {
			all.min, all.max = s.min, s.max
		}
		all.min, all.max = min(all.min, s.min), max(all.max, s.max)
		all.count += s.count
		all.sum += s.sum
	}
	return all
}

// rate is the sum of the events for each second. The time looked at is that
// since the oldest sample, but no less than one full window.
func (w *window) rate(now int64) float64 {
	w.begin(now)
	sum := w.look(now).sum
	oldest := w.samples[0].start
	for _, s := range w.samples[:w.used] {
		oldest = min(oldest, s.start)
	}
	elapsed := now - oldest
	if full := elapsed / windowMillis; full < windows-1 {
		elapsed += (windows - 1 - full) * windowMillis
	}
	return sum / (float64(max(elapsed, 1)) / 1000)
}

// extremes are the least, largest and average event; NaN without any.
func (w *window) extremes(now int64) (least, most, avg float64) {
	all := w.look(now)
	if all.count == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return all.min, all.max, all.sum / float64(all.count)
}

// meter is Kafka's Meter: a total and its rate.
type meter struct {
	total float64
	window
}

func (m *meter) add(now int64, n float64) {
	m.total += n
	m.window.add(now, one(n))
}

// gauge is a last value with its window.
type gauge struct {
	last float64
	window
}

func (g *gauge) add(now int64, last float64, e events) {
	g.last = last
	g.window.add(now, e)
}
