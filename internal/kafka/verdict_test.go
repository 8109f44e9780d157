package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestMarksDecideAHangingTransaction(t *testing.T) {
	const pid = 7
	record := func(producer int64, epoch int16) *kgo.Record {
		return &kgo.Record{ProducerID: producer, ProducerEpoch: epoch}
	}
	marker := func(producer int64, epoch int16, kind byte) *kgo.Record {
		r := record(producer, epoch)
		r.Key = []byte{0, 0, 0, kind}
		r.Attrs = kgo.NewRecordAttrs(kgo.RecordAttrsOpts{Control: true})
		return r
	}
	const aborted, committed = 0, 1
	for _, tc := range []struct {
		name string
		log  []*kgo.Record
		want outcome
	}{
		{name: "never reached its marks", log: []*kgo.Record{record(pid, 4), marker(pid, 5, committed)}, want: abort},
		{name: "marks committed", log: []*kgo.Record{record(pid, 5), marker(pid, 6, committed)}, want: commit},
		{name: "marks aborted", log: []*kgo.Record{record(pid, 5), marker(pid, 6, aborted)}, want: abort},
		{name: "marks committed by the marker of the next transaction", log: []*kgo.Record{record(pid, 5), record(pid, 6), marker(pid, 7, committed)}, want: commit},
		{name: "another producer's marker in between", log: []*kgo.Record{record(pid, 5), marker(9, 6, aborted), marker(pid, 6, committed)}, want: commit},
		{name: "another producer's marks", log: []*kgo.Record{record(9, 5), marker(9, 6, committed)}, want: abort},
		{name: "one epoch for many transactions that all committed", log: []*kgo.Record{record(pid, 5), marker(pid, 5, committed), record(pid, 5), marker(pid, 5, committed)}, want: commit},
		{name: "one epoch for many transactions that differ", log: []*kgo.Record{record(pid, 5), marker(pid, 5, committed), record(pid, 5), marker(pid, 5, aborted)}, want: undecided},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := verdict{pid: pid, epoch: 5}
			for _, r := range tc.log {
				if err := v.see(r); err != nil {
					t.Fatal(err)
				}
			}
			got, err := v.outcome([]hung{{pid: pid, epoch: 5}})
			if got != tc.want || (err != nil) != (tc.want == undecided) {
				t.Errorf("outcome %v, %v; want %v", got, err, tc.want)
			}
		})
	}
}
