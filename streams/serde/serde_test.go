package serde_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"mm2/streams/serde"
)

// check encodes v behind a prefix, compares with the bytes that Java writes, and
// decodes them again; so for the pointer to it.
func check[T any](t *testing.T, v T, wantHex string) {
	t.Helper()
	t.Run(fmt.Sprintf("%T %v", v, v), func(t *testing.T) {
		var r serde.Registry
		s, ok := serde.Find[T](&r)
		if !ok {
			t.Fatal("no serde")
		}
		got, err := s.AppendEncode([]byte("p"), v)
		if err != nil {
			t.Fatal(err)
		}
		if h := hex.EncodeToString(got[1:]); got[0] != 'p' || h != wantHex {
			t.Fatalf("encoded %s behind %q, want %s", h, got[0], wantHex)
		}
		b := got[1:]
		back, err := s.Decode(b)
		if err != nil || !reflect.DeepEqual(back, v) {
			t.Fatalf("decoded %v, %v, want %v", back, err, v)
		}
		p, ok := serde.Find[*T](&r)
		if !ok {
			t.Fatal("no serde of the pointer")
		}
		pb, err := p.AppendEncode(nil, &v)
		if err != nil || !bytes.Equal(pb, b) {
			t.Fatalf("pointer encoded %x, %v, want %x", pb, err, b)
		}
		pv, err := p.Decode(b)
		if err != nil || !reflect.DeepEqual(*pv, v) {
			t.Fatalf("pointer decoded %v, %v, want %v", pv, err, v)
		}
		clear(b)
		if !reflect.DeepEqual(back, v) || !reflect.DeepEqual(*pv, v) {
			t.Fatal("a decoded value changes with the bytes it came from")
		}
	})
}

func TestBuiltins(t *testing.T) {
	check(t, "grün", "6772c3bc6e")
	check(t, []byte{9, 0}, "0900")
	check(t, true, "01")
	check(t, int8(-2), "fe")
	check(t, int16(-2), "fffe")
	check(t, int32(7), "00000007")
	check(t, int64(math.MinInt64), "8000000000000000")
	check(t, int(-1), "ffffffffffffffff")
	check(t, uint32(1<<31), "80000000")
	check(t, uint64(1), "0000000000000001")
	check(t, float32(1.5), "3fc00000")
	check(t, 1.5, "3ff8000000000000")
}

func TestEmptyIsNotNull(t *testing.T) {
	var r serde.Registry
	s, _ := serde.Find[[]byte](&r)
	if v, err := s.Decode(nil); v == nil || err != nil {
		t.Fatalf("decoded %v, %v, want empty, not nil", v, err)
	}
}

func wantError[T any](t *testing.T, b []byte, want string) {
	t.Helper()
	var r serde.Registry
	s, _ := serde.Find[T](&r)
	if _, err := s.Decode(b); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("decode %x: %v, want %q", b, err, want)
	}
}

func TestDecodeErrorsNameTypeWantAndGot(t *testing.T) {
	wantError[int64](t, []byte{1, 2}, "decode int64: want 8 bytes, got 2")
	wantError[int](t, nil, "decode int: want 8 bytes, got 0")
	wantError[*float32](t, make([]byte, 8), "decode float32: want 4 bytes, got 8")
	wantError[bool](t, nil, "decode bool: want 1 bytes, got 0")
	wantError[bool](t, []byte{2}, "decode bool: want byte 0 or 1, got 2")
}

func TestNilPointerIsRefused(t *testing.T) {
	var r serde.Registry
	s, _ := serde.Find[*string](&r)
	if _, err := s.AppendEncode(nil, nil); err == nil || !strings.Contains(err.Error(), "nil *string") {
		t.Fatalf("got %v", err)
	}
}

type order struct {
	ID int `json:"id"`
}

func TestJSON(t *testing.T) {
	s := serde.JSON[order]()
	b, err := s.AppendEncode([]byte("p"), order{7})
	if err != nil || string(b) != `p{"id":7}` {
		t.Fatalf("encoded %s, %v", b, err)
	}
	if v, err := s.Decode(b[1:]); err != nil || v != (order{7}) {
		t.Fatalf("decoded %v, %v", v, err)
	}
	for _, bad := range []string{"", "{", `{"id":7}{}`, `{"id":"x"}`} {
		if _, err := s.Decode([]byte(bad)); err == nil || !strings.Contains(err.Error(), "serde_test.order") {
			t.Errorf("decode %q: %v", bad, err)
		}
	}
	if _, err := serde.JSON[func()]().AppendEncode(nil, func() {}); err == nil {
		t.Error("a function was encoded")
	}
}

func TestRegistry(t *testing.T) {
	var r serde.Registry
	if _, ok := serde.Find[order](&r); ok {
		t.Fatal("found a serde that nobody added")
	}
	if r.Lookup(reflect.TypeFor[order]()) != nil {
		t.Fatal("looked up a serde that nobody added")
	}
	serde.Add(&r, serde.JSON[order]())
	if _, ok := serde.Find[order](&r); !ok {
		t.Fatal("the added serde is not found")
	}
	if _, ok := r.Lookup(reflect.TypeFor[order]()).(serde.Serde[order]); !ok {
		t.Fatal("Lookup has another type")
	}
	boom := errors.New("mine")
	serde.Add(&r, serde.Func(
		func(dst []byte, _ string) ([]byte, error) { return dst, boom },
		func([]byte) (string, error) { return "", boom },
	))
	s, _ := serde.Find[string](&r)
	if _, err := s.Decode(nil); !errors.Is(err, boom) {
		t.Fatalf("the built-in one is used: %v", err)
	}
}

// topical is a serde that writes the topic's name in front.
type topical struct{ serde.Serde[string] }

func (topical) AppendEncodeMeta(dst []byte, m serde.Meta, v string) ([]byte, error) {
	return fmt.Appendf(dst, "%s/%v/%s", m.Topic, m.IsKey, v), nil
}

func (topical) DecodeMeta(m serde.Meta, b []byte) (string, error) {
	return strings.TrimPrefix(string(b), fmt.Sprintf("%s/%v/", m.Topic, m.IsKey)), nil
}

func TestMetaIsUsedWhereItIs(t *testing.T) {
	var r serde.Registry
	plain, _ := serde.Find[string](&r)
	m := serde.Meta{Topic: "t", IsKey: true}
	for _, c := range []struct {
		s    serde.Serde[string]
		want string
	}{{plain, "v"}, {topical{plain}, "t/true/v"}} {
		b, err := serde.Append(c.s, m, nil, "v")
		if err != nil || string(b) != c.want {
			t.Errorf("encoded %q, %v, want %q", b, err, c.want)
		}
		if v, err := serde.Read(c.s, m, b); err != nil || v != "v" {
			t.Errorf("decoded %q, %v", v, err)
		}
	}
}

// roundTrip checks that what decodes encodes to the same bytes.
func roundTrip[T any](t *testing.T, r *serde.Registry, b []byte) {
	t.Helper()
	s, _ := serde.Find[T](r)
	v, err := s.Decode(b)
	if err != nil {
		return
	}
	if out, err := s.AppendEncode(nil, v); err != nil || !bytes.Equal(out, b) {
		t.Errorf("%T: %x became %x, %v", v, b, out, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "\x00", "\x01", "\x02", "\xff\xff", "1234", "12345678", "123456789", `{"id":1}`} {
		f.Add([]byte(seed))
	}
	var r serde.Registry
	f.Fuzz(func(t *testing.T, b []byte) {
		roundTrip[string](t, &r, b)
		roundTrip[[]byte](t, &r, b)
		roundTrip[bool](t, &r, b)
		roundTrip[int8](t, &r, b)
		roundTrip[int16](t, &r, b)
		roundTrip[int32](t, &r, b)
		roundTrip[int64](t, &r, b)
		roundTrip[int](t, &r, b)
		roundTrip[uint32](t, &r, b)
		roundTrip[uint64](t, &r, b)
		roundTrip[*int64](t, &r, b)
		// A quiet NaN of 32 bits may change its bits on the way through a register,
		// so floats only must not panic.
		for _, decode := range []func() error{
			func() error { s, _ := serde.Find[float32](&r); _, err := s.Decode(b); return err },
			func() error { s, _ := serde.Find[float64](&r); _, err := s.Decode(b); return err },
		} {
			if err := decode(); err == nil && len(b)%4 != 0 {
				t.Errorf("%x decoded as a float", b)
			}
		}
		if v, err := serde.JSON[order]().Decode(b); err == nil {
			if _, err := serde.JSON[order]().AppendEncode(nil, v); err != nil {
				t.Error(err)
			}
		}
	})
}
