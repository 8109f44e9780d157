package checkpoint

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/pipeline"
)

func commitKey(version int16) []byte {
	return (&kmsg.OffsetCommitKey{Version: version, Group: "g", Topic: "t", Partition: 3}).AppendTo(nil)
}

func commitValue(version int16, offset int64) []byte {
	return (&kmsg.OffsetCommitValue{Version: version, Offset: offset, LeaderEpoch: 7, Metadata: "m", CommitTimestamp: 1000, TopicID: [16]byte{1}}).AppendTo(nil)
}

func TestDecodeCommit(t *testing.T) {
	change := func(offset int64, epoch int32) Change {
		return Change{
			Group: "g", Partition: pipeline.Partition{Topic: "t", Partition: 3},
			Offset: offset, LeaderEpoch: epoch, Metadata: "m", Committed: time.UnixMilli(1000),
		}
	}
	gone := Change{Group: "g", Partition: pipeline.Partition{Topic: "t", Partition: 3}, LeaderEpoch: -1, Deleted: true}
	null := change(-1, 7)
	null.Deleted = true
	for _, tt := range []struct {
		name       string
		key, value []byte
		want       Change
		ok         bool
		unreadable bool
	}{
		{name: "3.9.1", key: commitKey(1), value: commitValue(3, 42), want: change(42, 7), ok: true},
		{name: "4.3.1 with a topic id", key: commitKey(1), value: commitValue(4, 42), want: change(42, 7), ok: true},
		{name: "before leader epochs", key: commitKey(1), value: commitValue(1, 42), want: change(42, -1), ok: true},
		{name: "the oldest", key: commitKey(0), value: commitValue(0, 42), want: change(42, -1), ok: true},
		{name: "deleted", key: commitKey(1), want: gone, ok: true},
		{name: "a null offset", key: commitKey(1), value: commitValue(3, -1), want: null, ok: true},
		{name: "a group's metadata", key: (&kmsg.GroupMetadataKey{Version: 2, Group: "g"}).AppendTo(nil), value: []byte{0, 3}},
		{name: "a member of KIP-848", key: []byte{0, 5, 0, 1, 'g'}, value: []byte{0, 0}},
		{name: "no key", value: []byte{0, 3}},
		{name: "a value of the future", key: commitKey(1), value: append([]byte{0, 5}, commitValue(4, 42)[2:]...), unreadable: true},
		{name: "a negative version", key: commitKey(1), value: []byte{0xff, 0xff, 0}, unreadable: true},
		{name: "a value cut off", key: commitKey(1), value: commitValue(3, 42)[:12], unreadable: true},
		{name: "a value without a version", key: commitKey(1), value: []byte{0}, unreadable: true},
		{name: "a key cut off", key: commitKey(1)[:6], value: commitValue(3, 42), unreadable: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := decodeCommit(&kgo.Record{Topic: "__consumer_offsets", Key: tt.key, Value: tt.value})
			if errors.Is(err, errUnreadable) != tt.unreadable || ok != tt.ok {
				t.Fatalf("ok %v, error %v", ok, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDecodeCommit(f *testing.F) {
	f.Add(commitKey(1), commitValue(3, 42))
	f.Add(commitKey(1), commitValue(4, 42))
	f.Add(commitKey(1), []byte(nil))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c, ok, err := decodeCommit(&kgo.Record{Key: key, Value: value})
		if (err != nil || !ok) && c != (Change{}) {
			t.Errorf("%+v beside ok %v, error %v", c, ok, err)
		}
	})
}
