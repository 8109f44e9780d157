package kafka

import (
	"bytes"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// followSource as a Compression keeps the codec of the source batch.
const followSource = "source"

// codec is a kgo.Compressor whose codec can change between batches. A client
// compresses with one codec; this one follows the batch written last, which is
// the source's own codec wherever a lane's topics agree on one.
type codec struct {
	current atomic.Int32
	follow  bool
	by      [5]kgo.Compressor // by kgo.CompressionCodecType; nil is none
}

func newCodec(name string) (*codec, error) {
	all := []kgo.CompressionCodec{
		kgo.CodecNone: {}, kgo.CodecGzip: kgo.GzipCompression(), kgo.CodecSnappy: kgo.SnappyCompression(),
		kgo.CodecLz4: kgo.Lz4Compression(), kgo.CodecZstd: kgo.ZstdCompression(),
	}
	c := &codec{}
	for t := kgo.CodecGzip; t <= kgo.CodecZstd; t++ {
		compressor, err := kgo.DefaultCompressor(all[t])
		if err != nil {
			return nil, fmt.Errorf("compressor: %w", err)
		}
		c.by[t] = compressor
	}
	c.by[kgo.CodecLz4] = newLZ4Frames()
	switch name {
	case followSource, "":
		c.follow = true
	case "none":
	case "gzip":
		c.current.Store(int32(kgo.CodecGzip))
	case "snappy":
		c.current.Store(int32(kgo.CodecSnappy))
	case "lz4":
		c.current.Store(int32(kgo.CodecLz4))
	case "zstd":
		c.current.Store(int32(kgo.CodecZstd))
	default:
		return nil, fmt.Errorf("compression %q is not one of source, none, gzip, snappy, lz4, zstd", name)
	}
	return c, nil
}

// seen notes the codec of a batch about to be written.
func (c *codec) seen(attrs kgo.RecordAttrs) {
	if t := int32(attrs.CompressionType()); c.follow && t < int32(len(c.by)) {
		c.current.Store(t)
	}
}

// Compress implements kgo.Compressor.
func (c *codec) Compress(dst *bytes.Buffer, src []byte, flags ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	compressor := c.by[c.current.Load()]
	if compressor == nil {
		return src, kgo.CodecNone
	}
	return compressor.Compress(dst, src, flags...)
}
