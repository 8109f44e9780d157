package checkpoint

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// MirrorCheckpointTaskTest.testSyncOffset and
// testSyncOffsetForTargetGroupWithNullOffsetAndMetadata are among the cases.
func TestJudge(t *testing.T) {
	log := bounds{start: 10, end: 100, known: true}
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
		{name: "beyond the log", want: want{offset: 500}, committed: 50, bounds: log, offset: 100, verdict: writeIt},
		{name: "beyond the log, and written", want: want{offset: 500}, committed: 100, bounds: log, offset: 100, verdict: keepIt},
		{name: "no bounds known", want: want{offset: 500}, committed: 50, offset: 500, verdict: writeIt},
		{name: "reset, the target where we left it", want: want{offset: 20, rewound: true, ceiling: 50}, committed: 50, bounds: log, offset: 20, verdict: writeIt},
		{name: "reset, the target behind what we wrote", want: want{offset: 20, rewound: true, ceiling: 50}, committed: 40, bounds: log, offset: 20, verdict: writeIt},
		{name: "reset, the target went on", want: want{offset: 20, rewound: true, ceiling: 50}, committed: 51, bounds: log, offset: 20, verdict: isAhead},
		{name: "reset, the target has it", want: want{offset: 20, rewound: true, ceiling: 50}, committed: 20, bounds: log, offset: 20, verdict: keepIt},
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
