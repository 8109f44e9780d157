package kafka_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// Where another tool stood counts if it is further on than the mark, and
// becomes a mark; it is asked for at every Seek.
func TestSourceGoesOnWhereAnotherToolStood(t *testing.T) {
	at := func(partition int32, offset int64) map[pipeline.Partition]int64 {
		return map[pipeline.Partition]int64{{Topic: "in", Partition: partition}: offset}
	}
	tests := []struct {
		name   string
		mark   int64 // -1: none
		resume map[pipeline.Partition]int64
		want   []string
	}{
		{"no mark", -1, at(0, 3), []string{"0:3", "0:4"}},
		{"behind it", 1, at(0, 3), []string{"0:3", "0:4"}},
		{"at it", 3, at(0, 3), []string{"0:3", "0:4"}},
		{"ahead of it", 4, at(0, 3), []string{"0:4"}},
		{"another partition", 4, at(1, 3), []string{"0:4"}},
		{"no mark, another partition", -1, at(1, 3), []string{"0:0", "0:1", "0:2", "0:3", "0:4"}},
		{"everything copied", -1, at(0, 5), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newOrigin(t)
				a.produce(t, 0, 0, 5)
				asked := 0
				s := a.sourceWith(t, func(c *kafka.SourceConfig) {
					c.Resume = func(context.Context) (map[pipeline.Partition]int64, error) {
						asked++
						return tt.resume, nil
					}
				}, a.part(0))
				marks := pipeline.Marks{}
				if tt.mark >= 0 {
					marks["in/0"] = a.mark(tt.mark)
				}
				seek(t, s, marks)
				if diff := cmp.Diff(tt.want, drain(t, s, marks)); diff != "" {
					t.Errorf("read (-want +got):\n%s", diff)
				}
				// Of an empty rest only the mark is left.
				if len(tt.want) == 0 && marks["in/0"] != a.mark(5) {
					t.Errorf("mark %q, want offset 5", marks["in/0"])
				}
				a.produce(t, 0, 5, 6)
				seek(t, s, marks)
				if diff := cmp.Diff([]string{"0:5"}, drain(t, s, marks)); diff != "" {
					t.Errorf("read after seeking again (-want +got):\n%s", diff)
				}
				if asked != 2 {
					t.Errorf("asked %d times at two seeks", asked)
				}
			})
		})
	}
}

func TestSourceDoesNotStartWithoutKnowingWhereAnotherToolStood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newOrigin(t)
		unknown := errors.New("unknown")
		s := a.sourceWith(t, func(c *kafka.SourceConfig) {
			c.Resume = func(context.Context) (map[pipeline.Partition]int64, error) { return nil, unknown }
		}, a.part(0))
		if err := s.Seek(t.Context(), pipeline.Marks{}); !errors.Is(err, unknown) {
			t.Errorf("seek: %v", err)
		}
	})
}

// companion writes one record into "notes" with each commit.
type companion struct{}

func (companion) Partitions() []pipeline.Partition {
	return []pipeline.Partition{{Topic: "notes", Partition: 0}}
}

func (companion) Records(pipeline.Marks, []pipeline.Segment) []*kgo.Record {
	return []*kgo.Record{{Topic: "notes", Key: []byte("k"), Value: []byte("v")}}
}

// A transaction that hangs where only a companion writes is found as well.
func TestHangingTransactionOfACompanionIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTarget(t)
		b.Create(t, "notes", 1)
		healed := 0
		s := b.sink(t, "one", func(c *kafka.SinkConfig) {
			c.Companions = []kafka.Companion{companion{}}
			c.Healed = func(bool) { healed++ }
		})
		open(t, s)
		commit(t, s, batch(0, 3))
		s.Close()
		b.hang(t, "notes", lanesTopic)
		open(t, s)
		commit(t, s, batch(3, 6))
		b.wantOut(t, 6)
		if n := len(b.Committed(t, "notes")); n != 4 || healed != 1 {
			t.Errorf("%d notes are visible, healed %d; want 4 (of two claims and two commits), 1", n, healed)
		}
	})
}
