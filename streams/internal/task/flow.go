package task

import (
	"math/bits"

	"github.com/twmb/franz-go/pkg/kgo"
)

// LatencyBuckets is how many buckets Latencies have: up to 4^n ms, and one for all
// that is longer.
const LatencyBuckets = 12

// Latencies count times by their length: bucket n those of up to 4^n ms.
type Latencies struct {
	Buckets [LatencyBuckets + 1]uint64
	Millis  int64 // their sum
}

func (l *Latencies) add(ms int64) {
	ms = max(ms, 0)
	n := 0
	if ms > 1 {
		n = min((bits.Len64(uint64(ms-1))+1)/2, LatencyBuckets)
	}
	l.Buckets[n]++
	l.Millis += ms
}

// Flow is what a source took or a sink sent. A record's latency is how long after
// its time that was.
type Flow struct {
	Records, Bytes int64
	Latencies      Latencies
}

func (f *Flow) add(bytes int, latency int64) {
	f.Records++
	f.Bytes += int64(bytes)
	f.Latencies.add(latency)
}

// Stats are what a task counts. Whoever has the task reads and resets them; they
// cost no lock and no look-up that a record could feel.
type Stats struct {
	Sources, Sinks map[string]*Flow // by node
	Lateness       Latencies        // how far records were behind the stream time
	Enforced       int64            // records that were taken though others may come before them
	Emitted        map[string]int64 // by node that holds results back
}

func newStats() Stats {
	return Stats{Sources: make(map[string]*Flow), Sinks: make(map[string]*Flow), Emitted: make(map[string]int64)}
}

// Stats are what the task has counted. They are the caller's to reset.
func (t *Task) Stats() *Stats { return &t.stats }

// Emitted counts a result that a node held back before.
func (t *Task) Emitted(node string) { t.stats.Emitted[node]++ }

func flowOf(flows map[string]*Flow, node string) *Flow {
	f := flows[node]
	if f == nil {
		f = new(Flow)
		flows[node] = f
	}
	return f
}

// sentOutput counts what a sink sends.
func (t *Task) sentOutput(o *Output) {
	bytes := len(o.Key) + len(o.Value) + headerBytes(o.Headers)
	flowOf(t.stats.Sinks, o.Node).add(bytes, t.now-o.Time)
}

// taken counts a record that was processed.
func (t *Task) taken(q *queue, r *kgo.Record, forced bool) {
	q.flow.add(len(r.Key)+len(r.Value)+headerBytes(r.Headers), t.now-q.at)
	t.stats.Lateness.add(t.streamTime - q.at)
	if forced {
		t.stats.Enforced++
	}
}

func headerBytes(headers []kgo.RecordHeader) (n int) {
	for _, h := range headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// BufferedAll is how many records of all inputs wait.
func (t *Task) BufferedAll() (n int) {
	for _, q := range t.queues {
		n += q.size()
	}
	return n
}
