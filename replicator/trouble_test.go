package replicator_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/replicator"
)

// counter is the value of a series that has all these label values, or -1.
func (w *worker) counter(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(values, l) }) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// orders is what the status says of partition 0 of orders.
func (w *worker) orders(t *testing.T) replicator.PartitionStatus {
	t.Helper()
	for _, l := range w.Status().Lanes {
		for _, p := range l.Partitions {
			if p.Topic == "orders" && p.Partition == 0 {
				return p
			}
		}
	}
	t.Fatal("orders-0 has no status")
	return replicator.PartitionStatus{}
}

func produced(from, to int) []*kgo.Record { return numbered("orders", 1, from, to) }

func (m *mesh) deleteRecords(t *testing.T, c *mm2test.Cluster, topic string, before int64) {
	t.Helper()
	gone := kadm.Offsets{}
	gone.Add(kadm.Offset{Topic: topic, At: before})
	if _, err := kadm.NewClient(c.Client(t)).DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
}

// mark writes the mark of orders-0, as people would.
func (m *mesh) mark(t *testing.T, format string, args ...any) {
	t.Helper()
	m.b.Produce(t, &kgo.Record{Topic: lanesTopic, Key: []byte("orders/0"), Value: fmt.Appendf(nil, format, args...)})
}

// Each kind of trouble, with each policy, found by the next owner and, where it
// can be, by a worker that runs. A neighbour goes on in every case.
func TestTroubleIsTreatedAsThePolicySays(t *testing.T) {
	all := func(p kafka.LossPolicy) kafka.Policies {
		return kafka.Policies{RetentionOvertook: p, SourceTruncated: p, SourceRecreated: p, TargetRecreated: p, TargetWritten: p}
	}
	type outcome struct {
		arrived []*kgo.Record // of orders
		lost    float64
	}
	for _, kind := range []struct {
		kind   kafka.Kind
		name   string                      // of the case; without it, the kind
		damage func(t *testing.T, m *mesh) // after records 0 to 9 were copied
		says   []string
		halt   outcome
		skip   outcome
		again  outcome // restart
		asleep bool    // it can only be found while no worker runs
		alone  bool    // or only while one does
	}{
		{
			kind: kafka.RetentionOvertook, asleep: true,
			damage: func(t *testing.T, m *mesh) {
				m.a.Produce(t, produced(10, 30)...)
				m.deleteRecords(t, m.a, "orders", 20)
			},
			says: []string{"retention overtook the copy: offsets 10 to 19, up to 10 records"},
			halt: outcome{arrived: produced(0, 10)}, skip: outcome{arrived: append(produced(0, 10), produced(20, 30)...), lost: 10},
			again: outcome{arrived: produced(20, 30), lost: 10},
		},
		{
			kind: kafka.SourceRecreated,
			damage: func(t *testing.T, m *mesh) {
				m.a.Recreate(t, "orders")
				m.a.Produce(t, produced(100, 120)...) // longer than the old one
			},
			says: []string{"orders was deleted and created again on the source", "up to offset 10 belongs to the old topic"},
			halt: outcome{arrived: produced(0, 10)}, skip: outcome{arrived: append(produced(0, 10), produced(100, 120)...)},
			again: outcome{arrived: produced(100, 120)},
		},
		{
			kind: kafka.TargetRecreated,
			damage: func(t *testing.T, m *mesh) {
				m.b.Recreate(t, "A.orders")
				time.Sleep(3 * time.Second)
				m.a.Produce(t, produced(10, 30)...)
			},
			says: []string{"the copy A.orders was deleted and created again on the target", "before source offset 10 are missing there: 10 offsets that the source still has"},
			halt: outcome{}, skip: outcome{arrived: produced(10, 30), lost: 10}, again: outcome{arrived: produced(0, 30)},
		},
		{
			// Only deleted: the worker itself makes the copy anew.
			kind: kafka.TargetRecreated, name: "target_deleted",
			damage: func(t *testing.T, m *mesh) {
				if err := m.b.DeleteTopic("A.orders"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Second)
				m.a.Produce(t, produced(10, 30)...)
			},
			says: []string{"the copy A.orders was deleted and created again on the target", "before source offset 10 are missing there: 10 offsets that the source still has"},
			halt: outcome{}, skip: outcome{arrived: produced(10, 30), lost: 10}, again: outcome{arrived: produced(0, 30)},
		},
		{
			kind: kafka.SourceTruncated, asleep: true,
			damage: func(t *testing.T, m *mesh) {
				m.mark(t, `{"offset":14,"epoch":-1}`)
				time.Sleep(time.Second)
			},
			says: []string{"offset 14 is beyond the end of the source log, which is 10", "4 offsets"},
			halt: outcome{arrived: produced(0, 10)}, skip: outcome{arrived: produced(0, 10), lost: 4}, again: outcome{arrived: produced(0, 10), lost: 4},
		},
		{
			kind: kafka.TargetTruncated, asleep: true,
			damage: func(t *testing.T, m *mesh) {
				m.mark(t, `{"offset":10,"epoch":-1,"end":111}`)
				m.a.Produce(t, produced(10, 12)...)
			},
			says: []string{"the copy A.orders partition 0 was truncated", "up to offset 111 and ended at 11, so 100 offsets of it are lost"},
			halt: outcome{arrived: produced(0, 10)}, skip: outcome{arrived: produced(0, 12), lost: 100}, again: outcome{arrived: produced(0, 12)},
		},
		{
			kind: kafka.TargetWritten, alone: true,
			damage: func(t *testing.T, m *mesh) {
				m.b.Produce(t, &kgo.Record{Topic: "A.orders", Value: []byte("foreign")}, &kgo.Record{Topic: "A.orders", Value: []byte("foreign")})
				m.a.Produce(t, produced(10, 12)...)
				time.Sleep(15 * time.Second) // until it is noticed
				m.a.Produce(t, produced(12, 14)...)
			},
			says:  []string{"somebody else wrote 2 records into the copy A.orders partition 0"},
			halt:  outcome{arrived: slices.Concat(produced(0, 10), []*kgo.Record{{Value: []byte("foreign")}, {Value: []byte("foreign")}}, produced(10, 12))},
			skip:  outcome{arrived: slices.Concat(produced(0, 10), []*kgo.Record{{Value: []byte("foreign")}, {Value: []byte("foreign")}}, produced(10, 14))},
			again: outcome{arrived: produced(0, 14)},
		},
	} {
		name := kind.name
		if name == "" {
			name = string(kind.kind)
		}
		for _, policy := range []kafka.LossPolicy{kafka.Halt, kafka.Skip, kafka.Restart} {
			for _, running := range []bool{false, true} {
				if running && kind.asleep || !running && kind.alone {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/running=%v", name, policy, running), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						m := newMesh(t)
						m.a.Create(t, "orders", 1)
						m.a.Create(t, "orders-next", 1)
						m.a.Produce(t, produced(0, 10)...)
						one := func(c *replicator.Config) { c.Lanes, c.Policies = 1, all(policy) }
						w := m.start(t, "first", one)
						time.Sleep(10 * time.Second)
						if !running {
							w.stop()
						}
						kind.damage(t, m)
						if !running {
							w = m.start(t, "second", one)
						}
						m.a.Produce(t, numbered("orders-next", 1, 0, 10)...)
						time.Sleep(30 * time.Second)

						want := map[kafka.LossPolicy]outcome{kafka.Halt: kind.halt, kafka.Skip: kind.skip, kafka.Restart: kind.again}[policy]
						wantValues(t, m.b, "A.orders", want.arrived)
						wantValues(t, m.b, "A.orders-next", numbered("orders-next", 1, 0, 10))
						if n := w.counter(t, "mm2_trouble_total", string(kind.kind), string(policy)); n != 1 {
							t.Errorf("counted %v times, want once", n)
						}
						if n := w.counter(t, "mm2_lost_records_total", string(kind.kind)); n != want.lost {
							t.Errorf("%v counted as lost, want %v", n, want.lost)
						}
						p := w.orders(t)
						if (p.Parked != "") != (policy == kafka.Halt) {
							t.Errorf("parked: %q", p.Parked)
						}
						if n := p.Lost[kind.kind]; n != int64(want.lost) {
							t.Errorf("the status says that %d are lost, want %v", n, want.lost)
						}
						for _, says := range kind.says {
							if !strings.Contains(p.Trouble, says) {
								t.Errorf("the status says %q, want %q", p.Trouble, says)
							}
						}

						// It goes on, and is not trouble any more, also for the next owner.
						w.stop()
						w = m.start(t, "third", one)
						m.a.Produce(t, produced(200, 210)...)
						time.Sleep(30 * time.Second)
						if policy != kafka.Halt {
							want.arrived = append(want.arrived, produced(200, 210)...)
						}
						wantValues(t, m.b, "A.orders", want.arrived)
						if n := w.counter(t, "mm2_trouble_total", string(kind.kind), string(policy)); (n == 1) != (policy == kafka.Halt) {
							t.Errorf("counted %v times by the next owner", n)
						}
						if n := w.orders(t).Lost[kind.kind]; n != int64(want.lost) {
							t.Errorf("the next owner says that %d are lost, want %v", n, want.lost)
						}
					})
				})
			}
		}
	}
}

// A halted partition stays so until the policy changes, and then goes on.
func TestAnotherPolicyFreesAHaltedPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 1)
		m.a.Produce(t, produced(0, 10)...)
		halt := func(c *replicator.Config) { c.Policies.TargetWritten = kafka.Halt }
		w := m.start(t, "first", halt)
		time.Sleep(5 * time.Second)
		m.b.Produce(t, &kgo.Record{Topic: "A.orders", Value: []byte("foreign")})
		m.a.Produce(t, produced(10, 12)...)
		time.Sleep(10 * time.Minute)
		m.a.Produce(t, produced(12, 14)...)
		time.Sleep(10 * time.Minute)
		if p := w.orders(t); !strings.Contains(p.Parked, "somebody else wrote 1 records") || p.Next != 12 {
			t.Errorf("after twenty minutes: %+v", p)
		}
		w.stop()
		w = m.start(t, "second")
		time.Sleep(time.Minute)
		if p := w.orders(t); p.Parked != "" || p.Next != 14 {
			t.Errorf("with another policy: %+v", p)
		}
	})
}

// The copy is emptied before anything is copied anew, whoever does it, and a
// missing right is named.
func TestRestartIsFinishedByTheNextOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 1)
		m.a.Produce(t, produced(0, 10)...)
		again := func(c *replicator.Config) { c.Policies.SourceRecreated = kafka.Restart }
		w := m.start(t, "first", again)
		time.Sleep(5 * time.Second)
		denied := m.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DeleteRecords}, Err: kerr.TopicAuthorizationFailed, Count: -1})
		m.a.Recreate(t, "orders")
		m.a.Produce(t, produced(100, 110)...)
		time.Sleep(20 * time.Second)
		if p := w.orders(t); !strings.Contains(p.Parked, "grant DELETE on Topic A.orders") {
			t.Errorf("parked: %q, want the right that is missing", p.Parked)
		}
		wantValues(t, m.b, "A.orders", produced(0, 10))
		w.link.Cut()
		denied.Remove()
		w = m.start(t, "second", again)
		time.Sleep(time.Minute)
		wantValues(t, m.b, "A.orders", produced(100, 110))
		if n := w.counter(t, "mm2_trouble_total", "source_recreated", "restart"); n != 0 {
			t.Errorf("counted %v times by the second owner: the first one has counted it", n)
		}
	})
}

// refuses makes the target refuse batches that contain a record with a value, the
// way brokers do: the whole batch.
func refuses(t *testing.T, c *mm2test.Cluster, topic, value string, err *kerr.Error) *kfake.FaultHandle {
	t.Helper()
	topics, lerr := kadm.NewClient(c.Client(t)).ListTopics(t.Context(), topic)
	if lerr != nil {
		t.Fatal(lerr)
	}
	id := topics[topic].ID
	return c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: err, Count: -1, When: func(req kmsg.Request) bool {
		for _, t := range req.(*kmsg.ProduceRequest).Topics {
			for _, p := range t.Partitions {
				if t.TopicID == id && bytes.Contains(p.Records, []byte(value)) {
					return true
				}
			}
		}
		return false
	}})
}

// A record in the middle of a batch is refused, and the answer is about the whole
// batch: exactly that record is treated, everything else arrives, in order.
func TestARefusedRecordIsTreatedAloneAndExactly(t *testing.T) {
	const bad = 250
	for _, tc := range []struct {
		policy kafka.RefusedPolicy
		lost   float64
		arrive int // records of orders
	}{
		{policy: kafka.Park, arrive: bad},
		{policy: kafka.SkipRecord, lost: 1, arrive: 599},
		{policy: kafka.DeadLetter, arrive: 599},
	} {
		t.Run(string(tc.policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				m.a.Create(t, "orders", 2)
				at := time.UnixMilli(1_600_000_000_123)
				var sent, want []*kgo.Record
				for i := range 500 {
					r := &kgo.Record{Topic: "orders", Key: []byte("k"), Value: fmt.Appendf(nil, "%d", i), Timestamp: at, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}}
					if i == bad {
						r.Value = []byte("refused")
					} else {
						want = append(want, r)
					}
					sent = append(sent, r)
				}
				m.a.Produce(t, sent...)
				m.b.Create(t, "A.orders", 2)
				refuses(t, m.b, "A.orders", "refused", kerr.InvalidRecord)
				w := m.start(t, "w", func(c *replicator.Config) {
					c.Lanes, c.Compression = 1, "none"
					c.Policies = kafka.Policies{Refused: tc.policy}
				})
				time.Sleep(10 * time.Second)
				m.a.Produce(t, produced(500, 600)...)
				want = append(want, produced(500, 600)...)
				m.a.Produce(t, &kgo.Record{Topic: "orders", Partition: 1, Value: []byte("neighbour")})
				time.Sleep(20 * time.Second)

				want = append(want[:tc.arrive:tc.arrive], &kgo.Record{Partition: 1, Value: []byte("neighbour")})
				wantValues(t, m.b, "A.orders", want)
				if n := w.counter(t, "mm2_trouble_total", "record_refused", string(tc.policy)); n != 1 {
					t.Errorf("counted %v times, want once", n)
				}
				if n := w.counter(t, "mm2_lost_records_total", "record_refused"); n != tc.lost {
					t.Errorf("%v records lost, want %v", n, tc.lost)
				}
				p := w.orders(t)
				if !strings.Contains(p.Trouble, "orders partition 0 offset 250") || (p.Parked != "") != (tc.policy == kafka.Park) {
					t.Errorf("status %+v, want it to name offset 250", p)
				}
				letters := m.b.Committed(t, "mm2-dead-letter.A.internal")
				if tc.policy != kafka.DeadLetter {
					if len(letters) != 0 {
						t.Errorf("%d dead letters", len(letters))
					}
					return
				}
				if len(letters) != 1 {
					t.Fatalf("%d dead letters, want 1", len(letters))
				}
				l, headers := letters[0], map[string]string{}
				for _, h := range l.Headers {
					headers[h.Key] = string(h.Value)
				}
				if reason := headers["mm2.dead-letter.error"]; !strings.Contains(reason, "INVALID_RECORD") {
					t.Errorf("reason %q", reason)
				}
				delete(headers, "mm2.dead-letter.error")
				wantHeaders := map[string]string{
					"h": "v", "mm2.dead-letter.topic": "orders", "mm2.dead-letter.partition": "0", "mm2.dead-letter.offset": "250",
					"mm2.dead-letter.timestamp": "1600000000123", "mm2.dead-letter.flow": "A->B",
				}
				if diff := cmp.Diff(wantHeaders, headers); diff != "" {
					t.Errorf("headers (-want +got):\n%s", diff)
				}
				if string(l.Key) != "k" || string(l.Value) != "refused" || !l.Timestamp.Equal(at) {
					t.Errorf("dead letter %q %q at %v", l.Key, l.Value, l.Timestamp)
				}
			})
		})
	}
}

// Where the dead letter topic refuses the letter's timestamp it is stamped anew;
// what it refuses for good parks the partition.
func TestADeadLetterMayBeRefusedToo(t *testing.T) {
	const letters = "mm2-dead-letter.A.internal"
	for _, tc := range []struct {
		err  *kerr.Error
		want int // records of orders
	}{{kerr.InvalidTimestamp, 9}, {kerr.MessageTooLarge, 5}} {
		t.Run(tc.err.Message, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				m.a.Create(t, "orders", 1)
				sent := produced(0, 10)
				at := time.Now().Add(24 * time.Hour)
				sent[5].Value, sent[5].Timestamp = []byte("refused"), at
				m.a.Produce(t, sent...)
				m.b.Create(t, "A.orders", 1)
				m.b.Create(t, letters, 1)
				refuses(t, m.b, "A.orders", "refused", tc.err)
				fault := refuses(t, m.b, letters, "refused", tc.err)
				if tc.err == kerr.InvalidTimestamp {
					fault.Remove()
					m.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: letters, Err: tc.err, Count: 1})
				}
				w := m.start(t, "w", func(c *replicator.Config) {
					c.Compression, c.Policies.Refused = "none", kafka.DeadLetter
				})
				time.Sleep(20 * time.Second)
				wantValues(t, m.b, "A.orders", slices.Concat(sent[:5], sent[6:])[:tc.want])
				got := m.b.Committed(t, letters)
				if tc.err == kerr.InvalidTimestamp {
					if len(got) != 1 || !got[0].Timestamp.Before(at) {
						t.Errorf("dead letters %+v, want one with another timestamp", got)
					}
					return
				}
				p := w.orders(t)
				if len(got) != 0 || !strings.Contains(p.Parked, "orders partition 0 offset 5") || !strings.Contains(p.Parked, "dead letter topic refuses it as well") {
					t.Errorf("%d dead letters, parked: %s", len(got), p.Parked)
				}
			})
		})
	}
}

// Whatever the target answers around trouble, and whoever treats it: the copy and
// the sum of what was given up are what they would be without.
func TestTroubleIsTreatedOnceWhateverFails(t *testing.T) {
	// With REQUEST_TIMED_OUT the work is done, or not, and nobody knows.
	fault := func(key kmsg.Key, err *kerr.Error) kfake.Fault {
		return kfake.Fault{Keys: []kmsg.Key{key}, Err: err}
	}
	faults := []kfake.Fault{
		fault(kmsg.EndTxn, kerr.RequestTimedOut), fault(kmsg.EndTxn, kerr.UnknownServerError), fault(kmsg.EndTxn, kerr.InvalidProducerEpoch),
		fault(kmsg.Produce, kerr.RequestTimedOut), fault(kmsg.Produce, kerr.NotEnoughReplicasAfterAppend), fault(kmsg.Produce, kerr.InvalidProducerEpoch),
		fault(kmsg.InitProducerID, kerr.UnknownServerError), fault(kmsg.DeleteRecords, kerr.RequestTimedOut), fault(kmsg.ListOffsets, kerr.UnknownServerError),
	}
	for i := range faults {
		faults[i].TopLevel = faults[i].Keys[0] == kmsg.EndTxn || faults[i].Keys[0] == kmsg.InitProducerID
	}
	seeds := uint64(30)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 1))
				policy := []kafka.LossPolicy{kafka.Skip, kafka.Restart}[rng.IntN(2)]
				m := newMesh(t)
				m.a.Create(t, "orders", 1)
				names := 0
				start := func() *worker {
					names++
					return m.start(t, fmt.Sprint("w", names), func(c *replicator.Config) {
						c.Lanes = 1
						c.Policies = kafka.Policies{RetentionOvertook: policy, SourceRecreated: policy, TargetRecreated: policy}
					})
				}
				nap := func(most time.Duration) { time.Sleep(time.Duration(rng.Int64N(int64(most)))) }
				w, n, base := start(), 0, 0 // base: the first record of the present source topic
				var want []*kgo.Record
				lost := map[kafka.Kind]int64{}
				produce := func(k int) {
					m.a.Produce(t, produced(n, n+k)...)
					n += k
				}
				produce(50)
				time.Sleep(10 * time.Second)
				want = produced(0, 50)
				for range 3 {
					var installed []*kfake.FaultHandle
					for range rng.IntN(5) { // what the target does while it is treated
						installed = append(installed, m.b.Fault(faults[rng.IntN(len(faults))]))
					}
					switch rng.IntN(3) {
					case 0: // retention overtakes a flow without workers
						w.stop()
						produce(20)
						m.deleteRecords(t, m.a, "orders", int64(n-base-10))
						lost[kafka.RetentionOvertook] += 10
						if want = append(want, produced(n-10, n)...); policy == kafka.Restart {
							want = produced(n-10, n)
						}
						w = start()
					case 1:
						m.a.Recreate(t, "orders")
						base = n
						produce(30)
						if want = append(want, produced(base, n)...); policy == kafka.Restart {
							want = produced(base, n)
						}
					case 2:
						m.b.Recreate(t, "A.orders")
						time.Sleep(3 * time.Second) // until the next round has seen it
						produce(5)
						starts, err := kadm.NewClient(m.a.Client(t)).ListStartOffsets(t.Context(), "orders")
						if err != nil {
							t.Fatal(err)
						}
						first, _ := starts.Lookup("orders", 0)
						if want = produced(n-5, n); policy == kafka.Restart {
							want = produced(base+int(first.Offset), n)
						} else {
							lost[kafka.TargetRecreated] += int64(n-5-base) - first.Offset
						}
					}
					if rng.IntN(3) == 0 {
						nap(2 * time.Second)
						w.stop()
						w = start()
					}
					time.Sleep(10 * time.Second)
					for _, f := range installed {
						f.Remove()
					}
					time.Sleep(2 * time.Minute) // what was parked is tried again
					wantValues(t, m.b, "A.orders", want)
				}
				if p := w.orders(t); p.Parked != "" || p.LagRecords != 0 {
					t.Errorf("%+v", p)
				} else if diff := cmp.Diff(lost, p.Lost, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("given up (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A partition that is set aside is found again whenever its lane begins anew in
// the same worker. That is no new trouble.
func TestTroubleIsCountedOnceHoweverOftenItsLaneBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 1)
		m.a.Create(t, "orders-next", 1)
		m.a.Produce(t, produced(0, 10)...)
		w := m.start(t, "first", func(c *replicator.Config) { c.Lanes = 1 })
		time.Sleep(5 * time.Second)
		m.a.Recreate(t, "orders")
		time.Sleep(20 * time.Second)
		fails := m.b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.InvalidTxnState, Count: 3})
		m.a.Produce(t, numbered("orders-next", 1, 0, 10)...)
		time.Sleep(20 * time.Second)
		if fails.Hits() == 0 {
			t.Fatal("no commit failed")
		}
		wantValues(t, m.b, "A.orders-next", numbered("orders-next", 1, 0, 10))
		if p := w.orders(t); !strings.Contains(p.Parked, "deleted and created again") {
			t.Errorf("parked: %q", p.Parked)
		}
		if n := w.counter(t, "mm2_trouble_total", "source_recreated", "halt"); n != 1 {
			t.Errorf("counted %v times, want once", n)
		}
	})
}
