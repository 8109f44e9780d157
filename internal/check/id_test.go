package check_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/check"
)

func TestIDTextRoundTrip(t *testing.T) {
	for _, id := range []check.ID{0, check.NewID(42, 17), check.NewID(1<<24-1, 1<<40-1)} {
		got, ok := check.ParseID([]byte(id.String()))
		if !ok || got != id {
			t.Errorf("ParseID(%q) = %v, %v", id.String(), got, ok)
		}
	}
	if got := check.NewID(42, 17).String(); got != "00002a-17" {
		t.Errorf("String() = %q", got)
	}
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"", "-", "00002a-17", "00002a-", "zzzzzz-1", "00002a-1099511627776", "00002a--1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		id, ok := check.ParseID(text)
		if !ok {
			return
		}
		if again, ok := check.ParseID([]byte(id.String())); !ok || again != id {
			t.Errorf("ParseID(%q) = %v, whose text parses as %v, %v", text, id, again, ok)
		}
	})
}

func TestNumberOf(t *testing.T) {
	id := check.NewID(7, 9)
	header := func(value string) kgo.RecordHeader { return kgo.RecordHeader{Key: check.Header, Value: []byte(value)} }
	tests := []struct {
		name   string
		record kgo.Record
		ok     bool
	}{
		{"header", kgo.Record{Headers: []kgo.RecordHeader{{Key: "a"}, header(id.String())}}, true},
		{"last header wins", kgo.Record{Headers: []kgo.RecordHeader{header("x"), header(id.String())}}, true},
		{"bad header", kgo.Record{Headers: []kgo.RecordHeader{header("x")}}, false},
		{"value", kgo.Record{Value: []byte("#" + id.String() + "#rest")}, true},
		{"value without end", kgo.Record{Value: []byte("#" + id.String())}, false},
		{"tombstone without header", kgo.Record{Key: []byte("k")}, false},
		{"other value", kgo.Record{Value: []byte("hello")}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := check.NumberOf(&tt.record)
			if ok != tt.ok || ok && got != id {
				t.Errorf("NumberOf = %v, %v; want %v", got, ok, tt.ok)
			}
		})
	}
}

func TestByValue(t *testing.T) {
	a, okA := check.ByValue(&kgo.Record{Value: []byte("a")})
	b, okB := check.ByValue(&kgo.Record{Value: []byte("b")})
	again, _ := check.ByValue(&kgo.Record{Key: []byte("k"), Value: []byte("a")})
	if !okA || !okB || a == b || a != again {
		t.Errorf("ByValue: %v %v %v %v %v", a, okA, b, okB, again)
	}
	if _, ok := check.ByValue(&kgo.Record{}); ok {
		t.Error("a record without a value has an id")
	}
}
