package demo

import (
	"time"

	"mm2/internal/app"
)

// frame gathers what is known now.
func (s *show) frame(phase string) frame {
	now := time.Now()
	f := frame{elapsed: now.Sub(s.began), phase: phase}
	flows := make(map[string]app.FlowStatus)
	for _, status := range s.service.Status().Flows {
		flows[status.Flow] = status
		for _, problem := range status.Problems {
			f.problems = append(f.problems, status.Flow+": "+problem)
		}
	}
	for _, d := range s.directions {
		name := d.id.String()
		status := flows[name]
		r := row{
			flow: name, state: string(status.State), lanes: len(status.Lanes), lanesTotal: status.LaneCount,
			produced: d.producer.Written(), delivered: int(d.seen.Load()),
		}
		for _, lane := range status.Lanes {
			for _, p := range lane.Partitions {
				r.lag += p.LagRecords
			}
		}
		r.p50, r.p99, r.measured = d.delay()
		m := s.rates[name]
		m.update(now, r.delivered)
		s.rates[name], r.rate = m, m.rate
		f.rows = append(f.rows, r)
	}
	return f
}

// meter turns a growing count into a rate over the last second or so.
type meter struct {
	at    time.Time
	count int
	rate  float64
}

func (m *meter) update(now time.Time, count int) {
	if m.at.IsZero() {
		m.at, m.count = now, count
		return
	}
	if passed := now.Sub(m.at); passed >= time.Second {
		m.rate = float64(count-m.count) / passed.Seconds()
		m.at, m.count = now, count
	}
}
