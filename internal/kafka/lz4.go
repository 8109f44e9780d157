package kafka

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lz4Frames compresses batches into LZ4 frames as Java's producer writes them:
// independent blocks of 64 KiB and no content checksum, for a record batch has
// a CRC of its own. The client library's frames have blocks of up to 4 MiB and
// a checksum; BenchmarkLZ4 compares the two.
type lz4Frames struct {
	compressors sync.Pool // *lz4.CompressorCCompat
}

const (
	lz4Block = 64 << 10

	// lz4Stored marks a block that compression would not make smaller.
	lz4Stored = 1 << 31
)

// lz4Header is the magic number, the flags (version 1, independent blocks), the
// block size (64 KiB) and the checksum of these two.
var lz4Header = []byte{0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82}

func newLZ4Frames() *lz4Frames {
	return &lz4Frames{compressors: sync.Pool{New: func() any { return &lz4.CompressorCCompat{} }}}
}

// Compress implements kgo.Compressor. Safe for concurrent use.
func (f *lz4Frames) Compress(dst *bytes.Buffer, src []byte, _ ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	c := f.compressors.Get().(*lz4.CompressorCCompat)
	defer f.compressors.Put(c)
	dst.Reset()
	dst.Grow(len(lz4Header) + 4 + (len(src)/lz4Block+1)*(4+lz4.CompressBlockBound(lz4Block)))
	out := append(dst.AvailableBuffer(), lz4Header...)
	for len(src) > 0 {
		block := src[:min(len(src), lz4Block)]
		src = src[len(block):]
		at := len(out)
		room := out[at+4 : at+4+lz4.CompressBlockBound(len(block))]
		n, err := c.CompressBlock(block, room)
		size := uint32(n)
		if err != nil || n == 0 || n >= len(block) {
			n = copy(room, block)
			size = uint32(n) | lz4Stored
		}
		out = out[:at+4+n]
		binary.LittleEndian.PutUint32(out[at:], size)
	}
	return append(out, 0, 0, 0, 0), kgo.CodecLz4
}
