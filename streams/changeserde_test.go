package streams

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mm2/streams/serde"
)

func stringChanges(t testing.TB) *changeSerde[string] {
	t.Helper()
	of, ok := serde.Find[string](&serde.Registry{})
	if !ok {
		t.Fatal("there is no serde for strings")
	}
	return &changeSerde[string]{of: of}
}

func TestChangeSerde(t *testing.T) {
	long := strings.Repeat("n", 64)
	for _, c := range []struct {
		name   string
		change change[string]
		hex    string
	}{
		{"new", change[string]{New: "g:1", HasNew: true}, "673a3101"},
		{"old", change[string]{Old: "g:1", HasOld: true}, "673a3100"},
		{"both", change[string]{New: "g:5", Old: "g:1", HasNew: true, HasOld: true}, "06673a35673a3102"},
		{"empty new", change[string]{HasNew: true}, "01"},
		{"both, new is empty", change[string]{Old: "o", HasNew: true, HasOld: true}, "006f02"},
		{"a length of two bytes", change[string]{New: long, Old: "o", HasNew: true, HasOld: true}, "8001" + strings.Repeat("6e", 64) + "6f02"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stringChanges(t)
			// Behind what is there already.
			got, err := s.AppendEncode([]byte("dst"), c.change)
			if err != nil || hex.EncodeToString(got[3:]) != c.hex || string(got[:3]) != "dst" {
				t.Errorf("encoded %x, %v, want %s behind 3 bytes", got, err, c.hex)
			}
			back, err := s.Decode(got[3:])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.change, back); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangeSerdeErrors(t *testing.T) {
	s := stringChanges(t)
	if _, err := s.AppendEncode(nil, change[string]{}); err == nil {
		t.Error("a change of nothing is encoded")
	}
	for _, bad := range []string{"", "03", "02", "086102", "016102", "ffffffffffffffffffff0102"} {
		b, err := hex.DecodeString(bad)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := s.Decode(b); err == nil {
			t.Errorf("%q is decoded as %+v", bad, c)
		}
	}
}

func FuzzChangeSerde(f *testing.F) {
	for _, seed := range []string{"673a3101", "673a3100", "06673a35673a3102", "02", "ff"} {
		b, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := stringChanges(t)
		c, err := s.Decode(b)
		if err != nil {
			return
		}
		again, err := s.AppendEncode(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := s.Decode(again)
		if err != nil || back != c {
			t.Errorf("%x is %+v, and encoded again %+v, %v", b, c, back, err)
		}
	})
}
