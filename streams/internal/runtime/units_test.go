package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/assign"
	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/task"
)

// Records land where Kafka's own producer puts them.
func TestPartitioner(t *testing.T) {
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	ours := newPartitioner().ForTopic("t")
	for i := range 3000 {
		key := []byte(fmt.Sprintf("%*d", i%23, i))
		for _, n := range []int{1, 2, 7, 100} {
			want := theirs.Partition(&kgo.Record{Key: key}, n)
			r := &kgo.Record{Key: key, Partition: byKey(key)}
			if got := ours.Partition(r, n); got != want || !ours.RequiresConsistency(r) {
				t.Fatalf("key %q of %d partitions: %d, want %d", key, n, got, want)
			}
			placed := &kgo.Record{Key: []byte("other"), Partition: byKey(key)}
			if got := ours.Partition(placed, n); got != want {
				t.Fatalf("partition key %q of %d partitions: %d, want %d", key, n, got, want)
			}
		}
	}
	if got := ours.Partition(&kgo.Record{Partition: 5}, 9); got != 5 {
		t.Errorf("a chosen partition becomes %d", got)
	}
	if anywhere := (&kgo.Record{Partition: -1}); ours.RequiresConsistency(anywhere) {
		t.Error("a record without a key is bound to a partition")
	} else if got := ours.Partition(anywhere, 9); got < 0 || got >= 9 {
		t.Errorf("a record without a key goes to %d", got)
	}
}

func TestClassify(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("commit: %w", err) }
	tests := []struct {
		name string
		err  error
		want class
	}{
		{"user error", wrap(&task.Error{Err: errors.New("x")}), uncaught},
		{"user error of the network", wrap(&task.Error{Err: io.EOF}), uncaught},
		{"refusal", refusal(&assign.Error{Code: assign.CodeNotCopartitioned}), refused},
		{"missing topic", wrap(&internaltopics.Error{Kind: internaltopics.ErrMissingInternalTopic}), refused},
		{"fenced by epoch", wrap(kerr.InvalidProducerEpoch), migrated},
		{"fenced by id", wrap(kerr.ProducerFenced), migrated},
		{"fenced by generation", wrap(fmt.Errorf("%w: %w", ErrFenced, kerr.IllegalGeneration)), migrated},
		{"not a member", wrap(fromBroker(kerr.UnknownMemberID)), migrated},
		{"two with one instance id", wrap(kerr.FencedInstanceID), uncaught},
		{"no right", wrap(fromBroker(kerr.TopicAuthorizationFailed)), uncaught},
		{"transaction ended otherwise", wrap(kerr.InvalidTxnState), again},
		{"coordinator moves", wrap(kerr.NotCoordinator), again},
		{"connection", wrap(io.EOF), again},
		{"odd connection", wrap(fromBroker(io.ErrClosedPipe)), again},
		{"time-out", wrap(context.DeadlineExceeded), again},
		{"our own", errors.New("disk full"), uncaught},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := classify(tt.err); got != tt.want {
				t.Errorf("class %d of %v, want %d", got, tt.err, tt.want)
			}
		})
	}
}
