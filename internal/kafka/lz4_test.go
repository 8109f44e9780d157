package kafka

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// text is compressible the way records are.
func text(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, 0, n+100)
	for len(out) < n {
		out = fmt.Appendf(out, `{"order":%d,"customer":"c-%d","items":[{"sku":"s-%d","qty":%d}]},`, len(out), rng.IntN(1e6), rng.IntN(1e5), rng.IntN(9))
	}
	return out[:n]
}

func noise(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(rng.Uint32())
	}
	return out
}

func TestLZ4FramesAreReadByTheClient(t *testing.T) {
	f, dst := newLZ4Frames(), new(bytes.Buffer)
	for _, tc := range []struct {
		name    string
		src     []byte
		smaller bool
	}{
		{name: "nothing"},
		{name: "one byte", src: []byte{1}},
		{name: "small text", src: text(300), smaller: true},
		{name: "one block", src: text(lz4Block), smaller: true},
		{name: "a byte more", src: text(lz4Block + 1), smaller: true},
		{name: "many blocks", src: text(1 << 20), smaller: true},
		{name: "zeros", src: make([]byte, 200_000), smaller: true},
		{name: "noise", src: noise(200_000)},
		{name: "text, then noise", src: append(text(lz4Block), noise(lz4Block)...), smaller: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, codec := f.Compress(dst, tc.src)
			if codec != kgo.CodecLz4 {
				t.Fatalf("codec %d, want lz4", codec)
			}
			if (len(out) < len(tc.src)) != tc.smaller {
				t.Errorf("%d bytes became %d", len(tc.src), len(out))
			}
			back, err := kgo.DefaultDecompressor().Decompress(out, kgo.CodecLz4)
			if err != nil || !bytes.Equal(back, tc.src) {
				t.Errorf("%d bytes came back as %d: %v", len(tc.src), len(back), err)
			}
		})
	}
}

func FuzzLZ4Frames(f *testing.F) {
	f.Add([]byte("abcabcabcabcabcabcabc"), uint8(1))
	f.Add(noise(1000), uint8(200))
	frames := newLZ4Frames()
	f.Fuzz(func(t *testing.T, seed []byte, times uint8) {
		src := bytes.Repeat(seed, int(times))
		out, _ := frames.Compress(new(bytes.Buffer), src)
		back, err := kgo.DefaultDecompressor().Decompress(out, kgo.CodecLz4)
		if err != nil || !bytes.Equal(back, src) {
			t.Errorf("%d bytes came back as %d: %v", len(src), len(back), err)
		}
	})
}

// BenchmarkLZ4 compares our frames with the client library's.
func BenchmarkLZ4(b *testing.B) {
	library, err := kgo.DefaultCompressor(kgo.Lz4Compression())
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{2_000, 100_000, 1_000_000} {
		src := text(n)
		for name, c := range map[string]kgo.Compressor{"ours": newLZ4Frames(), "library": library} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				dst, size := new(bytes.Buffer), 0
				for b.Loop() {
					dst.Reset()
					out, _ := c.Compress(dst, src)
					size = len(out)
				}
				b.ReportMetric(float64(n)/float64(size), "ratio")
			})
		}
	}
}
