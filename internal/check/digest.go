package check

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/twmb/franz-go/pkg/kgo"
)

// seed is chosen once for each process: digests are compared, never stored.
var seed = maphash.MakeSeed()

// digest stands for the content of a record. A null key, null value or an empty
// list of headers is 0, anything else is not.
type digest struct {
	key, value, headers uint32
	millis              int64
}

func digestOf(r *kgo.Record) digest {
	return digest{
		key:     digestBytes(r.Key),
		value:   digestBytes(r.Value),
		headers: digestHeaders(r.Headers),
		millis:  r.Timestamp.UnixMilli(),
	}
}

func digestBytes(b []byte) uint32 {
	if b == nil {
		return 0
	}
	return fold(maphash.Bytes(seed, b))
}

// digestHeaders covers order, repetition and null values: lengths are hashed
// with the bytes, and a null value has the length -1.
func digestHeaders(headers []kgo.RecordHeader) uint32 {
	if len(headers) == 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(seed)
	var length [8]byte
	put := func(n int) {
		binary.LittleEndian.PutUint64(length[:], uint64(n))
		_, _ = h.Write(length[:]) // never fails
	}
	for _, header := range headers {
		put(len(header.Key))
		_, _ = h.WriteString(header.Key)
		if header.Value == nil {
			put(-1)
			continue
		}
		put(len(header.Value))
		_, _ = h.Write(header.Value)
	}
	return fold(h.Sum64())
}

// fold never returns 0, which is kept for what is absent.
func fold(sum uint64) uint32 {
	if d := uint32(sum ^ sum>>32); d != 0 {
		return d
	}
	return 1
}

// changes names the fields in which got differs from d.
func (d digest) changes(got digest) []string {
	var fields []string
	for _, f := range []struct {
		name      string
		was, isIt uint32
	}{{"key", d.key, got.key}, {"value", d.value, got.value}, {"headers", d.headers, got.headers}} {
		switch {
		case f.was == f.isIt:
		case f.was == 0:
			fields = append(fields, f.name+" (was null)")
		case f.isIt == 0:
			fields = append(fields, f.name+" (became null)")
		default:
			fields = append(fields, f.name)
		}
	}
	if d.millis != got.millis {
		fields = append(fields, "timestamp")
	}
	return fields
}
