package buffer

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What Kafka Streams 4.3.1 wrote is in the golden vectors; these have what is not
// in them.
var values = []struct {
	name  string
	value Value
	order int64
	hex   string
}{
	{"nothing but a time", Value{Time: 5, Offset: -1, Partition: -1}, 7,
		"0000000000000005 ffffffffffffffff 00000000 ffffffff 00000000 ffffffff ffffffff ffffffff 0000000000000007"},
	{"the old value is the prior one", Value{Topic: "t", New: []byte("n"), Prior: []byte("p"), Old: []byte("p")}, 0,
		"0000000000000000 0000000000000000 00000001 74 00000000 00000000 00000001 70 fffffffe 00000001 6e 0000000000000000"},
	{"empty is not null", Value{Topic: "t", New: []byte{}, Prior: []byte{}, Old: []byte{}}, 0,
		"0000000000000000 0000000000000000 00000001 74 00000000 00000000 00000000 fffffffe 00000000 0000000000000000"},
	{"empty after null", Value{Topic: "t", Old: []byte{}}, 0,
		"0000000000000000 0000000000000000 00000001 74 00000000 00000000 ffffffff 00000000 ffffffff 0000000000000000"},
	{"headers", Value{Topic: "t", Partition: 3, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("12")}, {Key: "", Value: nil}}}, 1,
		"0000000000000000 0000000000000000 00000001 74 00000003 00000002 00000001 68 00000002 3132 00000000 ffffffff ffffffff ffffffff ffffffff 0000000000000001"},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFormat(t *testing.T) {
	for _, c := range values {
		t.Run(c.name, func(t *testing.T) {
			want := unhex(t, c.hex)
			if got := appendValue(nil, &c.value, c.order); !cmp.Equal(got, want) {
				t.Errorf("encoded %x, want %x", got, want)
			}
			v, order, err := decodeValue(want)
			if err != nil || order != c.order {
				t.Fatalf("decoded with the order %d and error %v, want %d", order, err, c.order)
			}
			if diff := cmp.Diff(c.value, v); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct{ name, hex, want string }{
		{"nothing", "", "the time has 8 bytes and 0 are left"},
		{"left over", values[0].hex + "00", "1 bytes are left over"},
		{"a topic that is null", "0000000000000005 0000000000000000 ffffffff", "the topic has the length -1"},
		{"a topic too long", "0000000000000005 0000000000000000 00000009 74", "the topic has 9 bytes and 1 are left"},
		{"too many headers", "0000000000000005 0000000000000000 00000000 00000000 7fffffff", "2147483647 headers in 0 bytes"},
		{"less than no headers", "0000000000000005 0000000000000000 00000000 00000000 fffffffe", "-2 headers"},
		{"a prior value like itself", "0000000000000005 0000000000000000 00000000 00000000 00000000 fffffffe", "the prior value has the length -2"},
		{"a new value like another", "0000000000000005 0000000000000000 00000000 00000000 00000000 ffffffff ffffffff fffffffe", "the new value has the length -2"},
		{"a value of no known length", "0000000000000005 0000000000000000 00000000 00000000 00000000 fffffffd", "the prior value has the length -3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := decodeValue(unhex(t, c.hex)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range values {
		f.Add(unhex(f, c.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, order, err := decodeValue(b)
		if err != nil {
			return
		}
		again, order2, err := decodeValue(appendValue(nil, &v, order))
		if err != nil || order2 != order {
			t.Fatalf("decoded again with the order %d and error %v, want %d", order2, err, order)
		}
		if diff := cmp.Diff(v, again); diff != "" {
			t.Errorf("decoded again (-first +second):\n%s", diff)
		}
		if last, err := orderOf(b); err != nil || last != order {
			t.Errorf("orderOf gives %d and %v, want %d", last, err, order)
		}
	})
}
