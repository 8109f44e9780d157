package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
	"mm2/internal/check"
)

// stint is how long one of the two runs: until it has processed a batch, or, if
// it is held, until the batch is in the repartition topic, uncommitted.
type stint struct{ java, held bool }

// TestStreamsAndKafkaStreamsTakeOver lets Kafka Streams and ours run the same
// application in turn, each with an empty state directory: each restores what
// the other wrote to the changelog, reads the repartition records that it left,
// and goes on from its offsets and partition times. Every record of every topic
// is compared, byte by byte, with those of a sequential oracle.
func TestStreamsAndKafkaStreamsTakeOver(t *testing.T) {
	there := []stint{{java: true}, {java: true, held: true}, {}, {held: true}, {java: true}}
	plain := []stint{{java: true}, {}, {java: true}}
	for _, c := range []struct {
		topology, guarantee string
		stints              []stint
	}{
		{"rekeyed-count", "exactly_once_v2", there},
		{"rekeyed-count", "at_least_once", plain},
		{"windowed-count", "exactly_once_v2", plain},
		{"final-windows", "exactly_once_v2", plain},
	} {
		t.Run(c.topology+"/"+c.guarantee, func(t *testing.T) {
			o := newOracle(c.topology, "turns-"+c.topology+"-"+c.guarantee)
			tt := turns{t: t, c: cluster(t, "streams"), oracle: o, guarantee: c.guarantee}
			tt.run(c.stints)
		})
	}
}

type turns struct {
	t         *testing.T
	c         *e2e.Cluster
	oracle    *oracle
	guarantee string

	admin    *kadm.Client
	producer *kgo.Client
	read     *check.Reader
	got      map[string]map[string][]string
}

func (tt *turns) run(stints []stint) {
	t, o := tt.t, tt.oracle
	visibleTopic(t, tt.c, o.input, oraclePartitions)
	visibleTopic(t, tt.c, o.output(), oraclePartitions)
	tt.admin = tt.c.Admin(t)
	tt.got = make(map[string]map[string][]string)
	tt.read = check.NewReader(tt.c.Client(t, check.ReaderOpts(o.output())...), func(r *kgo.Record) { addRecord(tt.got, r) }, o.output())
	tt.producer = tt.c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i, s := range stints {
		before := int64(0)
		if s.held {
			before = tt.repartitioned()
		}
		if err := tt.producer.ProduceSync(t.Context(), o.next()...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		w := tt.start(i, s)
		if s.held {
			tt.wait(w, "the batch is in the repartition topic", func(context.Context) error {
				if n := tt.repartitioned(); n < before+oracleBatch {
					return fmt.Errorf("it has %d records, want %d", n, before+oracleBatch)
				}
				return nil
			})
		} else {
			tt.wait(w, "the batch is counted", tt.counted)
		}
		w.Stop(t, time.Minute)
		if s.held {
			if n := tt.unread(); n == 0 {
				t.Errorf("stint %d left no repartition record to the next", i)
			} else {
				t.Logf("stint %d leaves %d offsets of the repartition topic unread", i, n)
			}
		} else {
			tt.checkCommitted()
		}
	}
	tt.compare()
}

// start starts one of the two, with a state directory of its own.
func (tt *turns) start(i int, s stint) *e2e.Worker {
	t, o := tt.t, tt.oracle
	commit := "100"
	if s.held {
		commit = "50000" // longer than a stint takes, shorter than the transaction may
	}
	settings := []string{
		o.topology, o.input, "", o.output(),
		"application.id=" + o.app, "bootstrap.servers=" + tt.c.Bootstrap()[0], "state.dir=" + t.TempDir(),
		"processing.guarantee=" + tt.guarantee, "commit.interval.ms=" + commit, "statestore.cache.max.bytes=0",
		"repartition.purge.interval.ms=600000", "consumer.session.timeout.ms=6000", "consumer.heartbeat.interval.ms=500",
	}
	if tt.guarantee == "exactly_once_v2" {
		settings = append(settings, "producer.transaction.timeout.ms=60000")
	}
	if !s.java {
		return e2e.Program(t, fmt.Sprint("ours-", i), nil, fleet.streamsPeer(t), settings...)
	}
	settings = append(settings, "__emit.interval.ms.kstreams.windowed.aggregation__=0")
	return e2e.JavaWorker(t, fmt.Sprint("java-", i), "Streams.java", []string{"-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"}, settings...)
}

func (tt *turns) wait(w *e2e.Worker, what string, holds func(context.Context) error) {
	tt.t.Helper()
	e2e.Until(tt.t, 45*time.Second, what, func(ctx context.Context) error {
		if err := w.Alive(); err != nil {
			return err
		}
		return holds(ctx)
	})
}

// counted is nil when all outputs are there. Final results are looked for when a
// record comes, and not more than once a second: records that are too late for
// anything but that are sent until all are there.
func (tt *turns) counted(ctx context.Context) error {
	if err := tt.read.ToEnd(ctx); err != nil {
		return err
	}
	n := 0
	for _, records := range tt.got[tt.oracle.output()] {
		n += len(records)
	}
	if n < tt.oracle.outputs {
		if tt.oracle.topology == "final-windows" {
			if err := tt.producer.ProduceSync(ctx, tt.oracle.late()...).FirstErr(); err != nil {
				return err
			}
		}
		return fmt.Errorf("%d of %d outputs", n, tt.oracle.outputs)
	}
	return nil
}

// repartitioned is the end of the repartition topic, with what is not committed
// and with markers.
func (tt *turns) repartitioned() (n int64) {
	tt.t.Helper()
	ends, err := tt.admin.ListEndOffsets(tt.t.Context(), tt.oracle.repartition())
	if err != nil {
		tt.t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += max(o.Offset, 0) })
	return n
}

// unread is how far the end of the repartition topic is ahead of the group.
func (tt *turns) unread() int64 {
	tt.t.Helper()
	var committed int64
	for topic, partitions := range tt.committed() {
		if topic == tt.oracle.repartition() {
			for _, o := range partitions {
				committed += o.At
			}
		}
	}
	return tt.repartitioned() - committed
}

func (tt *turns) committed() kadm.Offsets {
	tt.t.Helper()
	offsets, err := tt.admin.FetchOffsets(tt.t.Context(), tt.oracle.app)
	if err != nil {
		tt.t.Fatal(err)
	}
	return offsets.Offsets()
}

// checkCommitted compares the partition times that are committed with offsets.
func (tt *turns) checkCommitted() {
	tt.t.Helper()
	committed := tt.committed()
	for topic, times := range tt.oracle.clock {
		for p, at := range times {
			o, ok := committed.Lookup(topic, int32(p))
			if !ok {
				tt.t.Errorf("no offset of %s-%d is committed", topic, p)
				continue
			}
			text, err := base64.StdEncoding.DecodeString(o.Metadata)
			want := binary.BigEndian.AppendUint64([]byte{2}, uint64(at))
			if err != nil || !strings.HasPrefix(string(text), string(want)) {
				tt.t.Errorf("the offset of %s-%d has the metadata %x (%q, %v), want %x", topic, p, text, o.Metadata, err, want)
			}
			if tt.oracle.rekeyed() && len(text) != len(want) {
				tt.t.Errorf("the offset of %s-%d has the metadata %x: want only the partition time", topic, p, text)
			}
		}
	}
}

// compare reads all topics.
func (tt *turns) compare() {
	t := tt.t
	topics := slices.Sorted(maps.Keys(tt.oracle.want))
	got := make(map[string]map[string][]string)
	r := check.NewReader(tt.c.Client(t, check.ReaderOpts(topics...)...), func(r *kgo.Record) { addRecord(got, r) }, topics...)
	if err := r.ToEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		if diff := cmp.Diff(tt.oracle.want[topic], got[topic]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", topic, diff)
		}
	}
}
