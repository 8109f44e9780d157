package takeover_test

import (
	"encoding/hex"
	"testing"
	"unicode/utf8"

	"mm2/internal/takeover"
)

func source(cluster, topic string, partition int32) takeover.SourcePartition {
	return takeover.SourcePartition{Connector: "MirrorSourceConnector", Cluster: cluster, Topic: topic, Partition: partition}
}

// The keys and partitions were produced by Java MirrorMaker 2 4.3.1.
func TestKeysOfJava(t *testing.T) {
	tests := []struct {
		p     takeover.SourcePartition
		want  string
		place int32 // of 25; -1: not known
	}{
		{source("us-west", "orders", 3), `["MirrorSourceConnector",{"cluster":"us-west","partition":3,"topic":"orders"}]`, 10},
		{source("A", "t", 0), `["MirrorSourceConnector",{"cluster":"A","partition":0,"topic":"t"}]`, 7},
		{source("A", "heartbeats", 0), `["MirrorSourceConnector",{"cluster":"A","partition":0,"topic":"heartbeats"}]`, 23},
		{source(`süd"\/é`, "t", 0), `["MirrorSourceConnector",{"cluster":"süd\"\\/é","partition":0,"topic":"t"}]`, -1},
		{source(`süd"\/é`, "t", 2147483647), `["MirrorSourceConnector",{"cluster":"süd\"\\/é","partition":2147483647,"topic":"t"}]`, 4},
		{source("\x00\b\t\n\f\r\x1f\x7f\u2028", "t", 2147483647), `["MirrorSourceConnector",{"cluster":"\u0000\b\t\n\f\r\u001F` + "\x7f\u2028" + `","partition":2147483647,"topic":"t"}]`, 21},
		{source("<&>😀", "t", 2147483647), `["MirrorSourceConnector",{"cluster":"<&>\uD83D\uDE00","partition":2147483647,"topic":"t"}]`, 4},
		{
			takeover.SourcePartition{Connector: "A->B.MirrorSourceConnector", Cluster: "A", Topic: "t", Partition: 1},
			`["A->B.MirrorSourceConnector",{"cluster":"A","partition":1,"topic":"t"}]`, -1,
		},
	}
	for _, tt := range tests {
		key := takeover.AppendKey(nil, tt.p)
		if string(key) != tt.want {
			t.Errorf("key of %+v is\n%s, want\n%s", tt.p, key, tt.want)
		}
		if got := takeover.Place(key, 25); tt.place >= 0 && got != tt.place {
			t.Errorf("%s goes to partition %d of 25, want %d", key, got, tt.place)
		}
		if back, canonical, ok := takeover.ParseKey(key); !ok || !canonical || back != tt.p {
			t.Errorf("%s reads back as %+v, canonical %v, ok %v", key, back, canonical, ok)
		}
	}
}

func TestBytesOfJava(t *testing.T) {
	const (
		key   = "5b224d6972726f72536f75726365436f6e6e6563746f72222c7b22636c7573746572223a2275732d77657374222c22706172746974696f6e223a332c22746f706963223a226f7264657273227d5d"
		value = "7b226f6666736574223a313034317d"
	)
	if got := hex.EncodeToString(takeover.AppendKey(nil, source("us-west", "orders", 3))); got != key {
		t.Errorf("key is %s, want %s", got, key)
	}
	if got := hex.EncodeToString(takeover.Value(1041)); got != value {
		t.Errorf("value is %s, want %s", got, value)
	}
}

func TestParseKeyTolerates(t *testing.T) {
	for _, key := range []string{
		`["MirrorSourceConnector",{"topic":"t","partition":7,"cluster":"A"}]`,
		` [ "MirrorSourceConnector" , { "cluster" : "A", "partition": 7, "topic":"\u0074" } ] `,
		`["MirrorSourceConnector",{"cluster":"A","partition":7,"topic":"t","more":[1]}]`,
	} {
		if p, canonical, ok := takeover.ParseKey([]byte(key)); !ok || canonical || p != source("A", "t", 7) {
			t.Errorf("%s: got %+v, canonical %v, ok %v", key, p, canonical, ok)
		}
	}
	for _, key := range []string{
		``, `null`, `x`, `[]`, `["a"]`, `["a",1]`, `[1,{"cluster":"A","partition":7,"topic":"t"}]`,
		`["MirrorSourceConnector",{"cluster":"A","partition":7}]`,
		`["MirrorSourceConnector",{"cluster":"A","topic":"t"}]`,
		`["MirrorSourceConnector",{"cluster":"A","partition":"7","topic":"t"}]`,
		`["MirrorSourceConnector",{"cluster":"A","partition":7.5,"topic":"t"}]`,
		`["MirrorSourceConnector",{"cluster":"A","partition":-1,"topic":"t"}]`,
		`["MirrorSourceConnector",{"cluster":"A","partition":2147483648,"topic":"t"}]`,
		`["MirrorSourceConnector",{"cluster":null,"partition":7,"topic":"t"}]`,
		`["MirrorSourceConnector",{"Cluster":"A","partition":7,"topic":"t"}]`,
		`["MirrorCheckpointConnector",{"partition":0,"topic":"A.t","group":"grp"}]`,
		`["MirrorHeartbeatConnector",{"sourceClusterAlias":"A","targetClusterAlias":"B"}]`,
	} {
		if p, _, ok := takeover.ParseKey([]byte(key)); ok {
			t.Errorf("%s reads as %+v", key, p)
		}
	}
}

func TestParseValue(t *testing.T) {
	for value, want := range map[string]int64{
		`{"offset":0}`: 0, `{"offset":1041}`: 1041, ` {"more":{}, "offset": 9223372036854775807}`: 1<<63 - 1,
	} {
		if got, ok := takeover.ParseValue([]byte(value)); !ok || got != want {
			t.Errorf("%s: got %d, %v", value, got, ok)
		}
	}
	for _, value := range []string{``, `null`, `{}`, `[]`, `5`, `{"offset":-1}`, `{"offset":"5"}`, `{"offset":1.5}`, `{"offset":null}`, `{"Offset":5}`} {
		if got, ok := takeover.ParseValue([]byte(value)); ok {
			t.Errorf("%s reads as %d", value, got)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add("A", "t", int32(0))
	f.Add(`süd"\/é`, "orders", int32(1<<31-1))
	f.Fuzz(func(t *testing.T, cluster, topic string, partition int32) {
		if !utf8.ValidString(cluster) || !utf8.ValidString(topic) || partition < 0 {
			t.Skip()
		}
		p := source(cluster, topic, partition)
		if got, canonical, ok := takeover.ParseKey(takeover.AppendKey(nil, p)); !ok || !canonical || got != p {
			t.Errorf("%+v reads back as %+v, canonical %v, ok %v", p, got, canonical, ok)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`["MirrorSourceConnector",{"cluster":"A","partition":0,"topic":"t"}]`))
	f.Add([]byte(`{"offset":5}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, _, ok := takeover.ParseKey(text); ok {
			if again, canonical, ok := takeover.ParseKey(takeover.AppendKey(nil, p)); !ok || !canonical || again != p {
				t.Errorf("%q reads as %+v, which reads back as %+v", text, p, again)
			}
		}
		if last, ok := takeover.ParseValue(text); ok && last < 0 {
			t.Errorf("%q reads as %d", text, last)
		}
	})
}
