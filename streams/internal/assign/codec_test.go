package assign_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mm2/streams/internal/assign"
)

func fullMetadata() assign.Metadata {
	return assign.Metadata{
		Version: 1, Process: assign.ProcessID{1, 2}, Topology: assign.Fingerprint{3}, EndPoint: "host:80",
		Tags: map[string]string{"zone": "a", "cluster": "b"}, Code: assign.CodeStopApplication, Nonce: 1 << 31,
		Tasks: []assign.TaskState{
			{ID: id("0_1"), Offsets: assign.Running, Active: true}, {ID: id("0_2"), Offsets: 1 << 40, Standby: true}, {ID: id("1_300")},
		},
	}
}

func fullAssignment() assign.Assignment {
	return assign.Assignment{
		Version: 1, Active: ids("0_0", "300_2"), Standby: ids("0_1"), WarmUp: ids("0_2"), Code: assign.CodeMissingSourceTopic,
		Text: "topic x is missing", Unseen: []string{"y", ""}, FollowUp: 10 * time.Minute,
		Hosts: []assign.Host{{EndPoint: "a:1", Active: ids("0_0")}, {EndPoint: "b:1", Standby: ids("0_0", "0_1")}},
	}
}

func encode(t testing.TB, a assign.Assignment) []byte {
	b, err := a.Encode(assign.Version)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, want := range []assign.Metadata{fullMetadata(), {Version: 1}} {
		got, err := assign.DecodeMetadata(want.Encode())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	for _, want := range []assign.Assignment{fullAssignment(), {Version: 1}} {
		got, err := assign.DecodeAssignment(encode(t, want))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
}

// The bytes of version 1 are fixed: running groups hold members of several builds.
func TestBytes(t *testing.T) {
	m := assign.Metadata{Process: assign.ProcessID{0xaa}, Topology: assign.Fingerprint{0xbb}, EndPoint: "h", Nonce: 300, Tags: map[string]string{"k": "v"}}
	m.Tasks = []assign.TaskState{{ID: id("1_2"), Offsets: 5, Standby: true}, {ID: id("0_200"), Offsets: assign.Running, Active: true}}
	want := "0101" + "aa000000000000000000000000000000" + "bb00000000000000000000000000000000000000000000000000000000000000" +
		"00" + "ac02" + "0168" + "01" + "016b0176" + "02" + "00c80106" + "01020105"
	if got := hex.EncodeToString(m.Encode()); got != want {
		t.Errorf("metadata\n got %s\nwant %s", got, want)
	}
	a := assign.Assignment{Active: ids("0_1"), WarmUp: ids("1_0"), Text: "x", Code: assign.CodeNotCopartitioned, FollowUp: time.Second}
	a.Unseen = []string{"u"}
	a.Hosts = []assign.Host{{EndPoint: "h", Active: ids("0_1")}}
	want = "0101" + "01" + "0178" + "e807" + "010001" + "00" + "010100" + "010175" + "01" + "0168" + "010001" + "00"
	if got := hex.EncodeToString(encode(t, a)); got != want {
		t.Errorf("assignment\n got %s\nwant %s", got, want)
	}
}

func TestMetadataIsCanonical(t *testing.T) {
	a, b := fullMetadata(), fullMetadata()
	b.Tasks[0], b.Tasks[2] = b.Tasks[2], b.Tasks[0]
	if string(a.Encode()) != string(b.Encode()) {
		t.Error("the order of tasks shows in the bytes")
	}
}

func TestVersions(t *testing.T) {
	type decoder = func([]byte) (uint8, error)
	meta := func(b []byte) (uint8, error) { m, err := assign.DecodeMetadata(b); return m.Version, err }
	asgn := func(b []byte) (uint8, error) { a, err := assign.DecodeAssignment(b); return a.Version, err }
	for _, d := range []struct {
		name   string
		data   []byte
		decode decoder
	}{{"metadata", fullMetadata().Encode(), meta}, {"assignment", encode(t, fullAssignment()), asgn}} {
		t.Run(d.name, func(t *testing.T) {
			newer := append([]byte{9, 1}, d.data[2:]...)
			if v, err := d.decode(append(newer, "and more"...)); err != nil || v != 9 {
				t.Errorf("a newer readable version gives %d, %v", v, err)
			}
			if _, err := d.decode(append([]byte{9, 2}, d.data[2:]...)); !errors.Is(err, assign.ErrVersion) {
				t.Errorf("a newer unreadable version gives %v", err)
			}
			for _, head := range [][]byte{{0, 0}, {0, 1}, {1, 0}, {1, 2}} {
				if _, err := d.decode(append(head, d.data[2:]...)); err == nil {
					t.Errorf("version bytes %v are taken", head)
				}
			}
			if _, err := d.decode(append(slices.Clip(d.data), 0)); err == nil {
				t.Error("a byte too many is taken")
			}
			for n := range d.data {
				if _, err := d.decode(d.data[:n]); err == nil {
					t.Errorf("the first %d of %d bytes are taken", n, len(d.data))
				}
			}
		})
	}
	for _, v := range []uint8{0, assign.Version + 1} {
		if _, err := fullAssignment().Encode(v); err == nil {
			t.Errorf("version %d is written", v)
		}
	}
}

// A count says nothing about how much may be allocated.
func TestBoundedAllocation(t *testing.T) {
	data := append(make([]byte, 0, 64), 1, 1, 0, 0, 0)
	data = append(data, 0xff, 0xff, 0xff, 0xff, 0x07) // 2^31-1 active tasks
	if n := testing.AllocsPerRun(10, func() {
		if _, err := assign.DecodeAssignment(data); err == nil {
			t.Fatal("taken")
		}
	}); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

func TestErrors(t *testing.T) {
	for code, want := range map[assign.Code]error{
		assign.CodeNotCopartitioned: assign.ErrNotCopartitioned, assign.CodeMissingSourceTopic: assign.ErrMissingSourceTopic,
		assign.CodeStopApplication: assign.ErrStopApplication, assign.CodeIncompatibleTopology: assign.ErrIncompatibleTopology,
		77: assign.ErrUnknownCode,
	} {
		err := assign.Assignment{Code: code, Text: "t"}.Err()
		var e *assign.Error
		if !errors.Is(err, want) || !errors.As(err, &e) || e.Text != "t" {
			t.Errorf("code %d is %v", code, err)
		}
	}
	if err := (assign.Assignment{}).Err(); err != nil {
		t.Error(err)
	}
}

func FuzzDecodeMetadata(f *testing.F) {
	f.Add(fullMetadata().Encode())
	f.Add(assign.Metadata{}.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := assign.DecodeMetadata(data)
		if err != nil {
			return
		}
		again, err := assign.DecodeMetadata(m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if string(again.Encode()) != string(m.Encode()) {
			t.Fatalf("%+v became %+v", m, again)
		}
	})
}

func FuzzDecodeAssignment(f *testing.F) {
	for _, a := range []assign.Assignment{fullAssignment(), {}} {
		f.Add(encode(f, a))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := assign.DecodeAssignment(data)
		if err != nil {
			return
		}
		again, err := assign.DecodeAssignment(encode(t, a))
		a.Version = again.Version
		if diff := cmp.Diff(a, again); diff != "" || err != nil {
			t.Fatal(diff, err)
		}
	})
}
