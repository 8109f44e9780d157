package kafka_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

func skip(told *[]kafka.Trouble) func(*kafka.SourceConfig) {
	return func(c *kafka.SourceConfig) {
		c.Policies = kafka.Policies{RetentionOvertook: kafka.Skip, SourceTruncated: kafka.Skip, SourceRecreated: kafka.Skip}
		c.Trouble = func(t kafka.Trouble) { *told = append(*told, t) }
	}
}

// settle polls and commits every batch by itself, and returns "partition:value".
func settle(t *testing.T, s *kafka.PartitionSource, marks pipeline.Marks) (out []string) {
	t.Helper()
	for dry := 0; dry < 3; {
		b, err := s.Poll(t.Context(), time.Second)
		if err != nil {
			t.Fatalf("poll: %v", err)
		}
		if b == nil {
			dry++
			continue
		}
		dry = 0
		marks.Merge(b.Next)
		for _, r := range b.Records() {
			out = append(out, fmt.Sprintf("%d:%s", b.Source.Partition, r.Value))
		}
		s.Committed(&pipeline.Receipt{Marks: b.Next})
	}
	return out
}

func decode(t *testing.T, text string) kafka.Mark {
	t.Helper()
	var m kafka.Mark
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// The loss is counted when the mark behind it is committed, never before and
// never again.
func TestALossIsCountedWithItsMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		a.produce(t, 0, 0, 6)
		offsets := kadm.Offsets{}
		offsets.Add(kadm.Offset{Topic: "in", Partition: 0, At: 4})
		if _, err := kadm.NewClient(a.Client(t)).DeleteRecords(t.Context(), offsets); err != nil {
			t.Fatal(err)
		}
		var told []kafka.Trouble
		s := a.sourceWith(t, skip(&told), a.part(0))
		marks := pipeline.Marks{"in/0": a.mark(1)}

		// Handed out, and lost with its transaction: not counted.
		for range 2 {
			seek(t, s, marks)
			lost := pipeline.Marks{}
			if got := drain(t, s, lost); got != nil || decode(t, lost["in/0"]).Lost[kafka.RetentionOvertook] != 3 {
				t.Errorf("%v was handed out with the mark %s: nothing may be before the mark is committed", got, lost["in/0"])
			}
		}
		if len(told) != 0 {
			t.Errorf("counted before it was committed: %+v", told)
		}
		// Committed without being told so: counted when the marks are read again.
		lost := pipeline.Marks{}
		seek(t, s, marks)
		drain(t, s, lost)
		seek(t, s, lost)
		if len(told) != 1 || told[0].Lost != 3 || told[0].Kind != kafka.RetentionOvertook || told[0].Action != "skip" {
			t.Errorf("told %+v, want a skip of 3", told)
		}
		if diff := cmp.Diff([]string{"0:4", "0:5"}, settle(t, s, lost)); diff != "" {
			t.Errorf("behind the loss (-want +got):\n%s", diff)
		}
		// The next owner knows the sum and counts nothing.
		next := a.sourceWith(t, skip(&told), a.part(0))
		seek(t, next, lost)
		settle(t, next, lost)
		if p := next.Positions()[0]; len(told) != 1 || p.Lost[kafka.RetentionOvertook] != 3 || p.Next != 6 {
			t.Errorf("the next owner told %+v and has %+v, want nothing new and 3 lost", told, p)
		}
	})
}

// What was fetched before the source lost it is copied.
func TestWhatWasReadBeforeALossIsCopied(t *testing.T) {
	for _, policy := range []kafka.LossPolicy{kafka.Halt, kafka.Skip} {
		t.Run(string(policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newOrigin(t)
				rng := rand.New(rand.NewPCG(1, 1)) // what a codec cannot shrink
				value := func(i int) []byte {
					v := fmt.Appendf(nil, "%d-", i)
					for range 100 << 7 {
						v = binary.LittleEndian.AppendUint64(v, rng.Uint64())
					}
					return v
				}
				for i := range 40 {
					a.Produce(t, &kgo.Record{Topic: "in", Value: value(i)})
				}
				var told []kafka.Trouble
				s := a.sourceWith(t, func(c *kafka.SourceConfig) {
					skip(&told)(c)
					c.Policies.RetentionOvertook, c.MaxBytes, c.MaxPartitionBytes = policy, 1<<20, 1<<20
				}, a.part(0))
				marks := pipeline.Marks{"in/0": a.mark(0)}
				seek(t, s, marks)
				var got []int
				take := func() bool {
					b, err := s.Poll(t.Context(), time.Second)
					if err != nil {
						t.Fatal(err)
					}
					if b == nil {
						return false
					}
					for _, r := range b.Records() {
						var i int
						if _, err := fmt.Sscanf(string(r.Value), "%d-", &i); err != nil {
							t.Fatal(err)
						}
						got = append(got, i)
					}
					s.Committed(&pipeline.Receipt{Marks: b.Next})
					return true
				}
				take() // the rest of the fetch is queued now
				offsets := kadm.Offsets{}
				offsets.Add(kadm.Offset{Topic: "in", Partition: 0, At: 35})
				if _, err := kadm.NewClient(a.Client(t)).DeleteRecords(t.Context(), offsets); err != nil {
					t.Fatal(err)
				}
				for dry := 0; dry < 3; dry++ {
					for take() {
						dry = 0
					}
				}
				read := slices.IndexFunc(got, func(i int) bool { return i >= 35 })
				if read < 0 {
					read = len(got)
				}
				if read < 4 || read >= 35 {
					t.Fatalf("%d records before the loss: the test does not test", read)
				}
				for i, g := range got {
					if want := i; i < read && g != want {
						t.Errorf("record %d is %d", i, g)
					}
				}
				switch policy {
				case kafka.Halt:
					if want := fmt.Sprintf("offsets %d to 34, up to %d records", read, 35-read); !strings.Contains(parkedReason(s, 0), want) || len(got) != read {
						t.Errorf("parked because %q after %v, want %q", parkedReason(s, 0), got, want)
					}
					time.Sleep(2 * time.Minute)
					for take() {
					}
					if len(got) != read || parkedReason(s, 0) == "" {
						t.Errorf("after the pause: %v, parked %q", got, parkedReason(s, 0))
					}
				case kafka.Skip:
					if len(told) != 1 || told[0].Lost != int64(35-read) || len(got) != read+5 {
						t.Errorf("told %+v after %v, want %d lost and the last five", told, got, 35-read)
					}
				}
			})
		})
	}
}

// An unclean election on the source shows in its leader epochs.
func TestTruncationIsFoundByTheLeaderEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		a.produce(t, 0, 0, 10)
		a.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(req kmsg.Request) (kmsg.Response, error, bool) {
			a.KeepControl()
			resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
			for _, t := range req.(*kmsg.OffsetForLeaderEpochRequest).Topics {
				rt := kmsg.NewOffsetForLeaderEpochResponseTopic()
				rt.Topic = t.Topic
				for _, p := range t.Partitions {
					rp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
					rp.Partition, rp.LeaderEpoch, rp.EndOffset = p.Partition, p.LeaderEpoch, 7
					rt.Partitions = append(rt.Partitions, rp)
				}
				resp.Topics = append(resp.Topics, rt)
			}
			return resp, nil, true
		})
		var told []kafka.Trouble
		s := a.sourceWith(t, skip(&told), a.part(0))
		marks := pipeline.Marks{"in/0": fmt.Sprintf(`{"offset":9,"epoch":0,"topic":"%s"}`, a.id)}
		seek(t, s, marks)
		time.Sleep(time.Second) // the records are there with the news, and in front of it
		if diff := cmp.Diff([]string{"0:7", "0:8", "0:9"}, settle(t, s, marks)); diff != "" {
			t.Errorf("from the truncation point on (-want +got):\n%s", diff)
		}
		if len(told) != 1 || told[0].Kind != kafka.SourceTruncated || told[0].Lost != 2 || !strings.Contains(told[0].Text, "offsets from 7 to 8, 2 of them") {
			t.Errorf("told %+v, want that 7 and 8 are gone", told)
		}
	})
}

// Ids that were assigned before a topic was created anew are not believed: the
// mark is newer.
func TestAnOldAssignmentIsNoRecreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		a.produce(t, 0, 0, 3)
		old := a.part(0)
		old.TopicID[0]++
		var told []kafka.Trouble
		s := a.sourceWith(t, skip(&told), old)
		marks := pipeline.Marks{"in/0": a.mark(1)}
		seek(t, s, marks)
		if diff := cmp.Diff([]string{"0:1", "0:2"}, settle(t, s, marks)); diff != "" || len(told) != 0 {
			t.Errorf("told %+v (-want +got):\n%s", told, diff)
		}
	})
}

// Marks of earlier versions know nothing of the copy's id; they learn it.
func TestAMarkLearnsTheIDOfItsCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		part := a.part(0)
		part.TargetID[0] = 7
		s := a.source(t, part)
		marks := pipeline.Marks{"in/0": `{"offset":0,"epoch":-1}`}
		seek(t, s, marks)
		drain(t, s, marks)
		if m := decode(t, marks["in/0"]); m.TargetID != part.TargetID.String() || m.TopicID != a.id.String() || m.Offset != 0 {
			t.Errorf("mark %s, want it to hold both ids", marks["in/0"])
		}
	})
}

// foreign writes records into out-0 in the transaction of somebody else, or in none.
func (b *target) foreign(t *testing.T, n int, how string) {
	t.Helper()
	var records []*kgo.Record
	for range n {
		records = append(records, &kgo.Record{Topic: "out", Value: []byte("foreign")})
	}
	if how == "plain" {
		b.Produce(t, records...)
		return
	}
	cl := b.Client(t, kgo.TransactionalID("stranger"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(t.Context(), how == "committed"); err != nil {
		t.Fatal(err)
	}
	cl.Close()
}

func TestForeignRecordsInACopyAreCounted(t *testing.T) {
	for _, tc := range []struct {
		how    string
		shared bool
		want   int64
	}{{"plain", false, 3}, {"committed", false, 3}, {"aborted", false, 0}, {"plain", true, 0}} {
		t.Run(fmt.Sprintf("%s/shared=%v", tc.how, tc.shared), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newTarget(t)
				var told []kafka.Trouble
				s := b.sink(t, "one", func(c *kafka.SinkConfig) {
					c.Shared, c.Trouble = tc.shared, func(t kafka.Trouble) { told = append(told, t) }
				})
				open(t, s)
				commit(t, s, batch(0, 3))
				commit(t, s, batch(3, 4))
				write(t, s, batch(4, 6))
				if err := s.Abort(t.Context()); err != nil { // leaves records of ours and a marker
					t.Fatal(err)
				}
				open(t, s)
				commit(t, s, batch(4, 6))
				b.foreign(t, 3, tc.how)
				commit(t, s, batch(6, 8))
				commit(t, s, batch(8, 9))
				for range 2 {
					if err := s.Check(t.Context()); err != nil {
						t.Fatalf("check: %v", err)
					}
				}
				var n int64
				for _, trouble := range told {
					if n += trouble.Foreign; trouble.Kind != kafka.TargetWritten || trouble.Partition.Topic != "in" {
						t.Errorf("told %+v", trouble)
					}
				}
				if n != tc.want || (n > 0) != (len(told) == 1) {
					t.Errorf("told %+v, want %d records once", told, tc.want)
				}
			})
		})
	}
}

// A copy that lost its end is noticed before anything is committed behind it.
func TestACopyThatLostItsEndIsNotWrittenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		s := b.sink(t, "one")
		open(t, s)
		commit(t, s, batch(0, 3))
		adm := kadm.NewClient(b.Client(t))
		if _, err := adm.DeleteTopics(t.Context(), "out"); err != nil {
			t.Fatal(err)
		}
		b.Create(t, "out", 2)
		for range 10 { // until the client has noticed
			if err := s.Write(t.Context(), batch(3, 4)); err == nil {
				_, err = s.Commit(t.Context(), pipeline.Marks{"in/0": "4"})
				if one, ok := errors.AsType[*pipeline.PartitionError](err); ok {
					if !strings.Contains(one.Error(), "up to offset 3 and ended at 0, so 3 offsets of it are lost") {
						t.Errorf("commit: %v", one)
					}
					b.wantOut(t, 0)
					return
				} else if err == nil {
					t.Fatal("a commit into a copy that is too short succeeded")
				}
			}
			open(t, s)
		}
		t.Error("the copy was never found to be too short")
	})
}

// A record too large for everything but the dead letter topic gets there.
func TestDeadLettersHaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		adm := kadm.NewClient(b.Client(t))
		for range 2 { // made, then found
			d, err := kafka.EnsureDeadLetters(t.Context(), adm, "mm2-dead-letter.A.internal", 1)
			if err != nil || d.Partitions != 1 || d.MaxBytes != 64<<20 {
				t.Fatalf("%+v, %v; want one partition with room for 64 MiB", d, err)
			}
		}
		s := b.sink(t, "one", func(c *kafka.SinkConfig) {
			c.DeadLetterTopic, c.MaxBatch = "mm2-dead-letter.A.internal", 1<<20
			c.MaxBatchBytes = func(topic string) int32 { return map[string]int32{"mm2-dead-letter.A.internal": 64 << 20}[topic] }
			c.LargestBatch = func() int32 { return 30 << 20 }
		})
		open(t, s)
		large := &kgo.Record{Value: bytes.Repeat([]byte("x"), 20<<20)}
		l := &pipeline.Batch{Source: pipeline.Partition{Topic: "in"}, To: pipeline.Partition{Topic: "mm2-dead-letter.A.internal"}, Next: pipeline.Marks{"in/0": "1"}}
		l.SetRecords([]pipeline.Record{{Record: large, From: -1}})
		if r := commit(t, s, l); len(r.Segments) != 0 {
			t.Errorf("segments %v: a dead letter is no copy", r.Segments)
		}
		if n := len(b.Committed(t, "mm2-dead-letter.A.internal")); n != 1 {
			t.Errorf("%d dead letters, want 1", n)
		}
	})
}

// A refusal that no record is to blame for parks at once: leaving one out would
// not help.
func TestAMissingRightIsNotBlamedOnARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		a.produce(t, 0, 0, 3)
		s := a.sourceWith(t, func(c *kafka.SourceConfig) { c.Policies.Refused = kafka.SkipRecord }, a.part(0))
		marks := pipeline.Marks{"in/0": a.mark(0)}
		seek(t, s, marks)
		p := pipeline.Partition{Topic: "in"}
		s.Park(p, 0, &pipeline.RefusedError{Source: p, Offset: 0, Target: pipeline.Partition{Topic: "out"}, Err: kerr.TopicAuthorizationFailed})
		seek(t, s, marks)
		if got := drain(t, s, marks); got != nil || !strings.Contains(parkedReason(s, 0), "TOPIC_AUTHORIZATION_FAILED") {
			t.Errorf("handed out %v, parked because %q", got, parkedReason(s, 0))
		}
	})
}
