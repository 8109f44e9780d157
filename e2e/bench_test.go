package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"mm2/e2e"
)

const (
	benchPartitions = 8
	benchRounds     = 3
	benchRecord     = 1000 // bytes of a record's value, about
)

// cost is what one copy of everything took.
type cost struct {
	wall, cpu time.Duration
	rss       int64 // peak, bytes; 0 unknown
}

// BenchmarkCopy copies the same data between the same two brokers with mm2 and
// with a plain loop (poll, produce, commit; two consumers, two transactional
// producers, no marks that anybody could resume from), in turn, exactly once
// both, and prints medians and their ratio. MM2_BENCH_MB sets the megabytes of
// JSON, lz4 in batches of about 100 records; 300 if unset.
func BenchmarkCopy(b *testing.B) {
	e2e.Require(b)
	megabytes, err := strconv.Atoi(or(os.Getenv("MM2_BENCH_MB"), "300"))
	if err != nil {
		b.Fatal(err)
	}
	binary, err := e2e.Build(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	// Brokers as people run them, not as cheap as tests can do with.
	env := map[string]string{"KAFKA_HEAP_OPTS": "-Xmx1g", "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseG1GC"}
	source, target := e2e.StartFor(b, e2e.Options{Env: env}), e2e.StartFor(b, e2e.Options{Env: env})
	records, bytes := fillTopic(b, source, int64(megabytes)*1e6)
	var ours, theirs []cost
	for b.Loop() {
		for range benchRounds {
			n := strconv.Itoa(len(ours))
			ours = append(ours, copyWithMM2(b, binary, "mm2-"+n, source, target, records))
			theirs = append(theirs, copyWithLoop(b, "loop"+n, source, target, records))
		}
	}
	b.ReportMetric(0, "ns/op")
	report(b, "mm2", ours, bytes)
	report(b, "plain loop", theirs, bytes)
	ratio := float64(median(theirs, func(c cost) time.Duration { return c.wall })) / float64(median(ours, func(c cost) time.Duration { return c.wall }))
	b.Logf("mm2 against the plain loop: %.2f of its throughput, %.2f of its CPU", ratio,
		float64(median(ours, func(c cost) time.Duration { return c.cpu }))/float64(median(theirs, func(c cost) time.Duration { return c.cpu })))
	b.ReportMetric(ratio, "x-loop")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func median[T int64 | time.Duration](costs []cost, of func(cost) T) T {
	all := make([]T, len(costs))
	for i, c := range costs {
		all[i] = of(c)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func report(b *testing.B, name string, costs []cost, bytes int64) {
	wall := median(costs, func(c cost) time.Duration { return c.wall }).Seconds()
	cpu := median(costs, func(c cost) time.Duration { return c.cpu }).Seconds()
	peak := "" // of the loop it would be that of the benchmark
	if rss := median(costs, func(c cost) int64 { return c.rss }); rss > 0 {
		peak = fmt.Sprintf("%d MB peak  ", rss>>20)
	}
	b.Logf("%-10s  %6.1f MB/s  %5.2f CPU-s/GB  %s(medians of %d, %d MB)", name, float64(bytes)/1e6/wall, cpu/float64(bytes)*1e9, peak, len(costs), bytes/1e6)
}

// fillTopic writes JSON orders in batches of about 100 records.
func fillTopic(b *testing.B, c *e2e.Cluster, total int64) (records, bytes int64) {
	b.Helper()
	c.CreateTopic(b, "bench", benchPartitions)
	cl := c.Client(b, kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(110*benchRecord), kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(20_000))
	rng := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 2000)
	for i := range words {
		w := make([]byte, 4+rng.IntN(8))
		for j := range w {
			w[j] = byte('a' + rng.IntN(26))
		}
		words[i] = string(w)
	}
	var failed error
	for bytes < total {
		v := fmt.Appendf(nil, `{"order":%d,"customer":"%s-%d","amount":%.2f,"items":[`, records, words[rng.IntN(2000)], rng.IntN(1e6), rng.Float64()*1000)
		for len(v) < benchRecord-50 {
			v = fmt.Appendf(v, `{"sku":"%s-%d","qty":%d,"name":"%s %s"},`, words[rng.IntN(2000)], rng.IntN(1e5), rng.IntN(9), words[rng.IntN(2000)], words[rng.IntN(2000)])
		}
		r := &kgo.Record{Topic: "bench", Partition: int32(records / 100 % benchPartitions), Key: strconv.AppendInt(nil, records, 10), Value: append(v, "{}]}"...)}
		cl.Produce(b.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
		records++
		bytes += int64(len(r.Key) + len(r.Value))
	}
	if err := cl.Flush(b.Context()); err != nil || failed != nil {
		b.Fatal(err, failed)
	}
	return records, bytes
}

// copyWithMM2 measures the process from its first committed record on (wall)
// and as a whole (CPU, memory). A name of its own makes it copy from the start.
func copyWithMM2(b *testing.B, binary, name string, source, target *e2e.Cluster, records int64) cost {
	b.Helper()
	started := time.Now()
	w := e2e.Run(b, e2e.Job{Binary: binary, Name: name, Config: mesh(`
kind = "active-standby"
active = "`+name+`"
standby = "bench_target"
topics = ["bench"]
heartbeats = { emit = false, seed = false }`, alias{name, source}, alias{"bench_target", target})})
	first, done := watchCopy(b, target, name+".bench", records)
	peak := w.Peak(b)
	w.Stop(b, time.Minute)
	b.Logf("%s: first record visible %v after the start of the process", name, first.Sub(started).Round(time.Millisecond))
	deleteTopic(b, target, name+".bench")
	return cost{wall: done.Sub(first), cpu: w.CPU(), rss: peak}
}

// watchCopy waits for the first and for the last record to be visible. Markers
// are counted as well; they are one in thousands.
func watchCopy(b *testing.B, c *e2e.Cluster, topic string, records int64) (first, done time.Time) {
	b.Helper()
	adm := kadm.NewClient(c.Client(b, kgo.MetadataMinAge(20*time.Millisecond)))
	e2e.Until(b, 10*time.Minute, "everything is copied", func(ctx context.Context) error {
		offsets, err := adm.ListCommittedOffsets(ctx, topic)
		if err != nil {
			return err
		}
		var n int64
		offsets.Each(func(o kadm.ListedOffset) { n += max(o.Offset, 0) })
		if n > 0 && first.IsZero() {
			first = time.Now()
		}
		if n < records {
			return fmt.Errorf("%d of %d", n, records)
		}
		done = time.Now()
		return nil
	})
	return first, done
}

func deleteTopic(b *testing.B, c *e2e.Cluster, topic string) {
	b.Helper()
	if _, err := c.Admin(b).DeleteTopic(b.Context(), topic); err != nil {
		b.Fatal(err)
	}
}

func selfCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// copyWithLoop is the peer: as fast as the client library copies by itself.
func copyWithLoop(b *testing.B, name string, source, target *e2e.Cluster, records int64) cost {
	b.Helper()
	topic := name + ".bench"
	target.CreateTopic(b, topic, benchPartitions)
	cpu, begin := selfCPU(b), time.Now()
	var loops errgroup.Group
	for i := range 2 {
		from := map[int32]kgo.Offset{}
		for p := range int32(benchPartitions) {
			if int(p)%2 == i {
				from[p] = kgo.NewOffset().AtStart()
			}
		}
		in := source.Client(b, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"bench": from}), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		out := target.Client(b, kgo.TransactionalID(fmt.Sprintf("%s-%d", name, i)), kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerLinger(0))
		loops.Go(func() error { return plainLoop(b.Context(), in, out, topic, records/2) })
	}
	if err := loops.Wait(); err != nil {
		b.Fatal(err)
	}
	c := cost{wall: time.Since(begin), cpu: selfCPU(b) - cpu}
	deleteTopic(b, target, topic)
	return c
}

// plainLoop stops when its half has nearly been copied: partitions differ by a
// batch or so.
func plainLoop(ctx context.Context, in, out *kgo.Client, topic string, records int64) error {
	const commitBytes = 64 << 20
	failed := make(chan error, 1)
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			select {
			case failed <- err:
			default:
			}
		}
	}
	for n := int64(0); n < records-1000; {
		if err := out.BeginTransaction(); err != nil {
			return err
		}
		for size := 0; size < commitBytes && n < records-1000; {
			fs := in.PollFetches(ctx)
			if err := fs.Err(); err != nil {
				return err
			}
			fs.EachRecord(func(r *kgo.Record) {
				n++
				size += len(r.Value)
				r.Topic = topic
				out.Produce(ctx, r, promise)
			})
		}
		if err := out.Flush(ctx); err != nil {
			return err
		}
		select {
		case err := <-failed:
			return err
		default:
		}
		if err := out.EndTransaction(ctx, kgo.TryCommit); err != nil {
			return err
		}
	}
	return nil
}
