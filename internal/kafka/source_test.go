package kafka_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
)

// origin is a source cluster with a topic "in" of two partitions.
type origin struct {
	*mm2test.Cluster
	net kfake.VirtualNetwork
	id  kadm.TopicID
}

func newOrigin(t *testing.T) *origin {
	a := &origin{}
	a.Cluster = mm2test.NewCluster(t, &a.net, 9093, "cluster-a")
	a.Create(t, "in", 2)
	a.id = a.topicID(t)
	return a
}

func (a *origin) topicID(t *testing.T) kadm.TopicID {
	t.Helper()
	topics, err := kadm.NewClient(a.Client(t)).ListTopics(t.Context(), "in")
	if err != nil {
		t.Fatal(err)
	}
	return topics["in"].ID
}

func (a *origin) produce(t *testing.T, partition int32, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		a.Produce(t, &kgo.Record{Topic: "in", Partition: partition, Value: fmt.Append(nil, i)})
	}
}

func (a *origin) source(t *testing.T, parts ...kafka.Assigned) *kafka.PartitionSource {
	t.Helper()
	return a.sourceWith(t, func(*kafka.SourceConfig) {}, parts...)
}

func (a *origin) sourceWith(t *testing.T, change func(*kafka.SourceConfig), parts ...kafka.Assigned) *kafka.PartitionSource {
	t.Helper()
	d, err := kafka.NewDialer("A", connection.Connection{Bootstrap: a.Addrs}, nil, kgo.Dialer(a.net.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	cfg := kafka.SourceConfig{
		Dialer: d, Role: "source", Admin: kadm.NewClient(a.Client(t)), Latest: func() bool { return true },
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	change(&cfg)
	s := kafka.NewPartitionSource(cfg)
	t.Cleanup(s.Close)
	s.Assign(parts)
	return s
}

func (a *origin) part(p int32) kafka.Assigned {
	return kafka.Assigned{Partition: pipeline.Partition{Topic: "in", Partition: p}, TopicID: a.id}
}

func (a *origin) mark(offset int64) string {
	return fmt.Sprintf(`{"offset":%d,"epoch":-1,"topic":"%s"}`, offset, a.id)
}

func seek(t *testing.T, s *kafka.PartitionSource, to pipeline.Marks) {
	t.Helper()
	if err := s.Seek(t.Context(), to); err != nil {
		t.Fatalf("seek: %v", err)
	}
}

// drain polls until the source says it is dry, and returns "partition:value".
func drain(t *testing.T, s *kafka.PartitionSource, marks pipeline.Marks) (out []string) {
	t.Helper()
	for dry := 0; dry < 3; { // one empty poll may only have parked a partition
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
	}
	return out
}

func parkedReason(s *kafka.PartitionSource, partition int32) string {
	for _, p := range s.Positions() {
		if p.Partition.Partition == partition {
			return p.Parked
		}
	}
	return "not assigned"
}

func TestSourceResumesAtItsMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		a.produce(t, 0, 0, 5)
		s := a.source(t, a.part(0))
		marks := pipeline.Marks{}
		seek(t, s, marks)
		if diff := cmp.Diff([]string{"0:0", "0:1", "0:2", "0:3", "0:4"}, drain(t, s, marks)); diff != "" {
			t.Errorf("from the start (-want +got):\n%s", diff)
		}
		a.produce(t, 0, 5, 7)
		saved := pipeline.Marks{}
		saved.Merge(marks)
		drain(t, s, marks)
		seek(t, s, saved) // an abort
		if diff := cmp.Diff([]string{"0:5", "0:6"}, drain(t, s, marks)); diff != "" {
			t.Errorf("after a seek (-want +got):\n%s", diff)
		}
		if p := s.Positions()[0]; p.Next != 7 || p.End != 7 || p.Lag() != 0 {
			t.Errorf("position %+v, want 7 of 7", p)
		}
	})
}

func TestSourceStartsNewPartitionsAsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		a.produce(t, 0, 0, 3)
		a.produce(t, 1, 0, 3)
		latest := a.part(0)
		latest.Latest = true
		s := a.source(t, latest)
		marks := pipeline.Marks{}
		seek(t, s, marks)
		if got := drain(t, s, marks); got != nil {
			t.Errorf("a partition that starts at its end gave %v", got)
		}
		if marks["in/0"] != a.mark(3) {
			t.Errorf("mark %q: where it starts must be marked before anything is copied", marks["in/0"])
		}
		s.Assign([]kafka.Assigned{latest, a.part(1)})
		a.produce(t, 0, 3, 4)
		if diff := cmp.Diff([]string{"0:3", "1:0", "1:1", "1:2"}, sorted(drain(t, s, marks))); diff != "" {
			t.Errorf("after another partition was assigned (-want +got):\n%s", diff)
		}
	})
}

func sorted(s []string) []string {
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
	return s
}

func TestWhatCannotBeReadOnParksOnePartition(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, a *origin) (marks pipeline.Marks)
		want   []string
	}{
		{
			name: "retention overtook the copy",
			damage: func(t *testing.T, a *origin) pipeline.Marks {
				offsets := kadm.Offsets{}
				offsets.Add(kadm.Offset{Topic: "in", Partition: 0, At: 4})
				if _, err := kadm.NewClient(a.Client(t)).DeleteRecords(t.Context(), offsets); err != nil {
					t.Fatal(err)
				}
				return pipeline.Marks{"in/0": a.mark(1)}
			},
			want: []string{"retention overtook", "offsets 1 to 3", "up to 3 records"},
		},
		{
			name: "the topic was replaced",
			damage: func(_ *testing.T, _ *origin) pipeline.Marks {
				return pipeline.Marks{"in/0": `{"offset":3,"epoch":0,"topic":"AAAAAAAAAAAAAAAAAAAAAQ=="}`}
			},
			want: []string{"deleted and created again", "up to offset 3"},
		},
		{
			name:   "the mark is beyond the end",
			damage: func(_ *testing.T, a *origin) pipeline.Marks { return pipeline.Marks{"in/0": a.mark(99)} },
			want:   []string{"offset 99 is beyond the end", "which is 6"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newOrigin(t)
				a.produce(t, 0, 0, 6)
				a.produce(t, 1, 0, 2)
				marks := tc.damage(t, a)
				s := a.source(t, a.part(0), a.part(1))
				seek(t, s, marks)
				if diff := cmp.Diff([]string{"1:0", "1:1"}, drain(t, s, marks)); diff != "" {
					t.Errorf("the neighbour (-want +got):\n%s", diff)
				}
				for _, want := range tc.want {
					if got := parkedReason(s, 0); !strings.Contains(got, want) {
						t.Errorf("parked because %q, want it to say %q", got, want)
					}
				}
			})
		})
	}
}

// A parked partition is tried again from where it stood, not from where the
// source was last seeked: otherwise records in between would be copied twice.
func TestParkedPartitionResumesWhereItStood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		a.produce(t, 0, 0, 3)
		s := a.source(t, a.part(0))
		marks := pipeline.Marks{}
		seek(t, s, marks)
		drain(t, s, marks)
		s.Park(pipeline.Partition{Topic: "in"}, 3, fmt.Errorf("too large"))
		seek(t, s, marks) // the loop seeks after it parked
		a.produce(t, 0, 3, 5)
		if got := drain(t, s, marks); got != nil {
			t.Errorf("a parked partition gave %v", got)
		}
		time.Sleep(2 * time.Minute)
		if diff := cmp.Diff([]string{"0:3", "0:4"}, drain(t, s, marks)); diff != "" {
			t.Errorf("after the pause (-want +got):\n%s", diff)
		}
		if got := parkedReason(s, 0); got != "" {
			t.Errorf("still parked: %s", got)
		}
	})
}
