package takeover_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Connect lets people alter the offsets of a connector, and Java's connectors
// check what they are given. mm2 reads what became of it: entries that Java
// would have refused count for nothing.

// altered says what a flow resumes at after entries, given as key and value;
// an empty value is a tombstone.
func altered(t *testing.T, name string, entries [][2]string, want map[string]int64) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMesh(t)
			m.b.Create(t, offsets, 25)
			var all []*kgo.Record
			for _, e := range entries {
				all = append(all, entry(e[0], e[1]))
			}
			m.b.Produce(t, all...)
			if diff := cmp.Diff(want, resume(t, m.takeOver(t))); diff != "" {
				t.Errorf("resume (-want +got):\n%s", diff)
			}
		})
	})
}

func TestMirrorSourceConnectorTest(t *testing.T) {
	of := func(fields string) string { return `["MirrorSourceConnector",{` + fields + `}]` }
	good := keyOf("A", "t", 1)
	const offset = `{"offset":5}`
	none, one := map[string]int64{}, map[string]int64{"t/1": 6}

	altered(t, "testAlterOffsetsIncorrectPartitionKey", [][2]string{
		{of(`"unused_partition_key":"v"`), offset}, {`["MirrorSourceConnector",null]`, offset}, {good, offset},
	}, one)
	altered(t, "testAlterOffsetsMissingPartitionKey", [][2]string{
		{of(`"partition":0,"topic":"t"`), offset}, {of(`"cluster":"A","topic":"t"`), offset}, {of(`"cluster":"A","partition":0`), offset}, {good, offset},
	}, one)
	altered(t, "testAlterOffsetsInvalidPartitionPartition", [][2]string{
		{of(`"cluster":"A","partition":-2,"topic":"t"`), offset},
		{of(`"cluster":"A","partition":"0","topic":"t"`), offset},
		{of(`"cluster":"A","partition":2147483648,"topic":"t"`), offset},
		{good, offset},
	}, one)
	// Java refuses all of a request for one bad entry; in the topic each stands alone.
	altered(t, "testAlterOffsetsMultiplePartitions", [][2]string{
		{keyOf("A", "t", 0), `{"offset":1}`}, {of(`"cluster":"A","partition":3`), offset}, {good, offset},
	}, map[string]int64{"t/0": 2, "t/1": 6})
	altered(t, "testAlterOffsetsIncorrectOffsetKey", [][2]string{{good, `{"unused_offset_key":5}`}}, none)
	for value, ok := range map[string]bool{
		`{"offset":0}`: true, `{"offset":5}`: true, `{"offset":"5"}`: false, `{"offset":"nan"}`: false,
		`{"offset":-3}`: false, `{"offset":10.5}`: false, `{"offset":null}`: false,
	} {
		want := none
		if ok {
			want = map[string]int64{"t/1": int64(value[len(value)-2]-'0') + 1}
		}
		altered(t, "testAlterOffsetsOffsetValues/"+strings.Trim(value, "{}"), [][2]string{{good, value}}, want)
	}
	// What is set is the last record copied: 0 resumes at 1.
	altered(t, "testSuccessfulAlterOffsets", [][2]string{{good, offset}, {good, `{"offset":0}`}}, map[string]int64{"t/1": 1})
	altered(t, "testAlterOffsetsTombstones", [][2]string{
		{good, offset}, {good, ""}, {keyOf("A", "t", 0), ""}, {of(`"unused_partition_key":"v"`), ""},
	}, none)
}

// Java allows nothing but 0 for its checkpoint and heartbeat connectors, and
// reads none of it. Neither does mm2, whatever it is.
func TestOffsetsOfOtherConnectors(t *testing.T) {
	const offset = `{"offset":0}`
	source := [2]string{keyOf("A", "t", 1), `{"offset":5}`}
	for class, connector := range map[string]struct{ name, key, missing, bad string }{
		"MirrorCheckpointConnectorTest": {
			"MirrorCheckpointConnector", `{"partition":0,"topic":"t","group":"g"}`, `{"partition":0,"topic":"t"}`, `{"partition":-1,"topic":"t","group":"g"}`,
		},
		"MirrorHeartBeatConnectorTest": {
			"MirrorHeartbeatConnector", `{"sourceClusterAlias":"A","targetClusterAlias":"B"}`, `{"targetClusterAlias":"B"}`, `{"sourceClusterAlias":1,"targetClusterAlias":"B"}`,
		},
	} {
		of := func(fields string) string { return `["` + connector.name + `",` + fields + `]` }
		for name, entries := range map[string][][2]string{
			"testAlterOffsetsIncorrectPartitionKey":     {{of(`{"unused_partition_key":"v"}`), offset}},
			"testAlterOffsetsMissingPartitionKey":       {{of(connector.missing), offset}},
			"testAlterOffsetsInvalidPartitionPartition": {{of(connector.bad), offset}},
			"testAlterOffsetsMultiplePartitions":        {{of(connector.key), offset}, {of(connector.missing), offset}},
			"testAlterOffsetsIncorrectOffsetKey":        {{of(connector.key), `{"unused_offset_key":0}`}},
			"testAlterOffsetsOffsetValues":              {{of(connector.key), `{"offset":-1}`}, {of(connector.key), `{"offset":7}`}},
			"testSuccessfulAlterOffsets":                {{of(connector.key), offset}},
			"testAlterOffsetsTombstones":                {{of(connector.key), ""}},
		} {
			altered(t, class+"/"+name, append(entries, source), map[string]int64{"t/1": 6})
		}
	}
}
