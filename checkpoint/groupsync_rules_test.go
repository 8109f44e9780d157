package checkpoint

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// MirrorCheckpointTaskTest.testSyncOffset and
// testSyncOffsetForTargetGroupWithNullOffsetAndMetadata are among the cases.
func TestJudge(t *testing.T) {
	log := bounds{start: 10, end: 100, high: 120, id: "new", known: true}
	for _, tt := range []struct {
		name      string
		want      want
		committed int64
		bounds    bounds
		offset    int64
		verdict   syncVerdict
	}{
		{name: "absent on the target", want: want{offset: 50}, committed: noPosition, bounds: log, offset: 50, verdict: writeIt},
		{name: "a null offset on the target", want: want{offset: 50}, committed: -1, bounds: log, offset: 50, verdict: writeIt},
		{name: "lower on the target", want: want{offset: 50}, committed: 49, bounds: log, offset: 50, verdict: writeIt},
		{name: "the same", want: want{offset: 50}, committed: 50, bounds: log, offset: 50, verdict: keepIt},
		{name: "further on the target", want: want{offset: 50}, committed: 51, bounds: log, offset: 50, verdict: isAhead},
		{name: "below the log", want: want{offset: 5}, committed: noPosition, bounds: log, offset: 10, verdict: writeIt},
		{name: "behind an open transaction", want: want{offset: 110}, committed: 50, bounds: log, offset: 100, verdict: writeIt},
		{name: "behind an open transaction, and written", want: want{offset: 110}, committed: 100, bounds: log, offset: 100, verdict: keepIt},
		{name: "behind an open transaction on the target", want: want{offset: 50}, committed: 110, bounds: log, offset: 50, verdict: isAhead},
		{name: "of a longer log", want: want{offset: 500}, committed: 50, bounds: log, offset: 500, verdict: waitFor},
		{name: "of a longer log, as the target's", want: want{offset: 500}, committed: 500, bounds: log, offset: 500, verdict: waitFor},
		{name: "the target's is of a longer log", want: want{offset: 50}, committed: 121, bounds: log, offset: 50, verdict: writeIt},
		{name: "no bounds known", want: want{offset: 500}, committed: 50, offset: 500, verdict: waitFor},
		{name: "this topic", want: want{offset: 50, targetID: "new"}, committed: 40, bounds: log, offset: 50, verdict: writeIt},
		{name: "another topic, nothing there", want: want{offset: 50, targetID: "old"}, committed: noPosition, bounds: log, offset: 10, verdict: writeIt},
		{name: "another topic, a position of the old one", want: want{offset: 50, targetID: "old"}, committed: 500, bounds: log, offset: 10, verdict: writeIt},
		{name: "another topic, a position in its log", want: want{offset: 50, targetID: "old"}, committed: 40, bounds: log, offset: 10, verdict: waitFor},
		{name: "reset, the target where we left it", want: want{offset: 20, rewound: true, ceiling: 50}, committed: 50, bounds: log, offset: 20, verdict: writeIt},
		{name: "reset, the target behind what we wrote", want: want{offset: 20, rewound: true, ceiling: 50}, committed: 40, bounds: log, offset: 20, verdict: writeIt},
		{name: "reset, the target went on", want: want{offset: 20, rewound: true, ceiling: 50}, committed: 51, bounds: log, offset: 20, verdict: isAhead},
		{name: "reset, the target has it", want: want{offset: 20, rewound: true, ceiling: 50}, committed: 20, bounds: log, offset: 20, verdict: keepIt},
		{name: "the copy began anew, the target has ours", want: want{offset: 20, rewound: true, ceiling: 115}, committed: 115, bounds: log, offset: 20, verdict: writeIt},
		{name: "reset, what we wrote was cut to the start", want: want{offset: 5, rewound: true, ceiling: 7}, committed: 10, bounds: log, offset: 10, verdict: keepIt},
		{name: "an empty log", want: want{offset: 0}, committed: noPosition, bounds: bounds{known: true}, offset: 0, verdict: writeIt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			offset, v := judge(tt.want, tt.committed, tt.bounds)
			if offset != tt.offset || v != tt.verdict {
				t.Errorf("got %d, %d, want %d, %d", offset, v, tt.offset, tt.verdict)
			}
		})
	}
}

func TestRaced(t *testing.T) {
	for err, want := range map[error]bool{
		kerr.UnknownMemberID:                            true,
		fmt.Errorf("commit: %w", kerr.StaleMemberEpoch): true,
		kerr.RebalanceInProgress:                        true,
		kerr.GroupAuthorizationFailed:                   false,
		kerr.UnknownTopicOrPartition:                    false,
	} {
		if got := raced(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		groupType, protocol string
		want                groupClass
	}{
		{"Classic", "consumer", followed},
		{"Classic", "", followed},
		{"", "consumer", followed},
		{"Consumer", "consumer", followed},
		{"classic", "connect", ignored},
		{"", "sr", ignored},
		{"Share", "share", unsupported},
		{"Streams", "streams", unsupported},
		{"Something", "consumer", ignored},
	} {
		if got := classify(tt.groupType, tt.protocol); got != tt.want {
			t.Errorf("%q, %q: %d, want %d", tt.groupType, tt.protocol, got, tt.want)
		}
	}
}
