package statetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"mm2/streams/state"
)

func testEmpty(t *testing.T, db state.DB) {
	Model{}.Check(t, db)
	Model{}.CheckScan(t, db, nil, nil, true)
	Model{}.CheckGet(t, db, "a")
	noError(t, db.Write(nil))
	noError(t, db.Write([]state.Change{del("a"), delRange(nil, nil), delRange([]byte("b"), []byte("a"))}))
	Model{}.Check(t, db)
	noError(t, db.Flush())
	noError(t, db.Flush())
	if n := db.ApproxLen(nil, nil); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func testEmptyValue(t *testing.T, db state.DB) {
	m := Model{"a": "", "b": "x"}
	noError(t, db.Write([]state.Change{put("a", ""), put("b", "x")}))
	m.Check(t, db)
	for key := range m {
		m.CheckGet(t, db, key)
	}
}

func testBounds(t *testing.T, db state.DB) {
	m := Model{}
	for _, key := range []string{"a", "a\x00", "aa", "b", "\xff", "\xff\xff"} {
		c := put(key, "of "+key)
		m.Apply(c)
		noError(t, db.Write([]state.Change{c}))
	}
	bounds := [][]byte{nil, {}, {0}, []byte("a"), []byte("a\x00"), []byte("ab"), []byte("b"), {0xff}, {0xff, 0}, {0xff, 0xff}, {0xff, 0xff, 0}}
	for _, from := range bounds {
		for _, to := range bounds {
			m.CheckScan(t, db, from, to, false)
			m.CheckScan(t, db, from, to, true)
		}
	}
}

func testOrderOfChanges(t *testing.T, db state.DB) {
	m := Model{}
	changes := []state.Change{
		put("a", "1"), del("a"), put("a", "2"),
		put("b", "1"), delRange([]byte("a"), []byte("c")), put("b", "2"),
		put("z", "1"), delRange([]byte("y"), nil),
		put("d", "1"), del("d"),
	}
	for _, c := range changes {
		m.Apply(c)
	}
	noError(t, db.Write(changes))
	m.Check(t, db)
}

func testDeleteRange(t *testing.T, db state.DB) {
	for _, c := range []struct{ from, to []byte }{
		{[]byte("b"), []byte("d")},
		{[]byte("b\x00"), []byte("d\x00")},
		{nil, []byte("c")},
		{[]byte("c"), nil},
		{[]byte("c"), []byte("c")},
		{[]byte("d"), []byte("b")},
		{nil, nil},
	} {
		m := Model{}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			m[key] = "v"
			noError(t, db.Write([]state.Change{put(key, "v")}))
		}
		change := delRange(c.from, c.to)
		m.Apply(change)
		noError(t, db.Write([]state.Change{change}))
		m.Check(t, db)
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			m.CheckGet(t, db, key)
		}
	}
}

func testScanIsASnapshot(t *testing.T, db state.DB) {
	for _, reverse := range []bool{false, true} {
		m := Model{}
		for i := range 200 {
			c := put(fmt.Sprintf("k%03d", i), "old")
			m.Apply(c)
			noError(t, db.Write([]state.Change{c}))
		}
		want := m.Range(nil, nil, reverse)
		i := 0
		for row, err := range db.Scan(nil, nil, reverse) {
			noError(t, err)
			if i >= len(want) || string(row.Key) != want[i] || string(row.Value) != "old" {
				t.Fatalf("step %d: %q=%q", i, row.Key, row.Value)
			}
			switch i {
			case 0:
				noError(t, db.Write([]state.Change{delRange([]byte("k050"), []byte("k150")), put("k0005", "new"), put("k199", "new")}))
			case 10:
				noError(t, db.Flush())
			default:
				noError(t, db.Write([]state.Change{del(want[i]), put(want[len(want)-1-i], "newer")}))
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%d rows, want %d", i, len(want))
		}
		noError(t, db.Write([]state.Change{delRange(nil, nil)}))
	}
}

func testScanTwice(t *testing.T, db state.DB) {
	scan := db.Scan(nil, nil, false)
	for want := range 3 {
		got := 0
		for _, err := range scan {
			noError(t, err)
			got++
		}
		if got != want {
			t.Fatalf("%d rows, want %d: a loop sees what is there when it begins", got, want)
		}
		noError(t, db.Write([]state.Change{put(fmt.Sprint(want), "")}))
	}
	for _, err := range scan {
		noError(t, err)
		break // leaving early holds nothing: Close would say so
	}
}

func testSlicesAreNotKept(t *testing.T, db state.DB) {
	key, value := []byte("key"), []byte("value")
	noError(t, db.Write([]state.Change{{Op: state.OpPut, Key: key, Value: value}}))
	key[0], value[0] = 'x', 'x'
	m := Model{"key": "value"}
	m.CheckGet(t, db, "key")
	got, _, err := db.Get([]byte("key"))
	noError(t, err)
	got[0] = 'x'
	m.Check(t, db)
}

func testAppendGet(t *testing.T, db state.DB) {
	get, ok := db.(state.GetAppender)
	if !ok {
		t.Skip("the DB is no GetAppender")
	}
	noError(t, db.Write([]state.Change{put("a", "value")}))
	value, ok, err := get.AppendGet([]byte("of a: "), []byte("a"))
	noError(t, err)
	if !ok || string(value) != "of a: value" {
		t.Errorf("%q %v", value, ok)
	}
	if _, ok, err = get.AppendGet(nil, []byte("b")); ok || err != nil {
		t.Errorf("a key that is not there: %v, %v", ok, err)
	}
}

// Small stores are counted exactly by every engine.
func testApproxLen(t *testing.T, db state.DB) {
	m := Model{}
	for i := range 300 {
		c := put(fmt.Sprintf("%03d", i), "v")
		m.Apply(c)
		noError(t, db.Write([]state.Change{c}))
	}
	c := delRange([]byte("100"), []byte("150"))
	m.Apply(c)
	noError(t, db.Write([]state.Change{c}))
	for range 2 {
		for _, b := range [][2][]byte{{nil, nil}, {[]byte("050"), nil}, {nil, []byte("200")}, {[]byte("120"), []byte("160")}, {[]byte("9"), []byte("1")}} {
			if got, want := db.ApproxLen(b[0], b[1]), len(m.Range(b[0], b[1], false)); got != int64(want) {
				t.Errorf("from %q to %q: %d rows, want %d", b[0], b[1], got, want)
			}
		}
		noError(t, db.Flush())
	}
}

func testRandom(t *testing.T, first state.DB) {
	seeds(t, 8, func(t *testing.T, r *rand.Rand) {
		noError(t, first.Write([]state.Change{delRange(nil, nil)}))
		m := Model{}
		const keys = 60
		for range 300 {
			var batch []state.Change
			for range 1 + r.IntN(6) {
				c := RandomChange(r, keys)
				m.Apply(c)
				batch = append(batch, c)
			}
			noError(t, first.Write(batch))
			m.CheckGet(t, first, randomKey(r, keys))
			m.CheckScan(t, first, bound(r, keys), bound(r, keys), r.IntN(2) == 0)
			if r.IntN(40) == 0 {
				noError(t, first.Flush())
			}
		}
		m.Check(t, first)
	})
}

// RandomChange is mostly a put, of one of so many keys.
func RandomChange(r *rand.Rand, keys int) state.Change {
	switch r.IntN(12) {
	case 0, 1, 2:
		return del(randomKey(r, keys))
	case 3:
		from, to := bound(r, keys), bound(r, keys)
		if r.IntN(4) > 0 {
			// Mostly short, or nothing would grow old.
			to = append([]byte(string(from)), 'a')
		}
		return delRange(from, to)
	default:
		return put(randomKey(r, keys), fmt.Sprint(r.IntN(1000)))
	}
}
