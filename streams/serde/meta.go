package serde

// Append encodes v with s behind dst and returns the longer slice. A serde that
// wants to know the topic is told m.
func Append[T any](s Serde[T], m Meta, dst []byte, v T) ([]byte, error) {
	if ms, ok := s.(MetaSerde[T]); ok {
		return ms.AppendEncodeMeta(dst, m, v)
	}
	return s.AppendEncode(dst, v)
}

// Read decodes all of b with s. A serde that wants to know the topic is told m.
func Read[T any](s Serde[T], m Meta, b []byte) (T, error) {
	if ms, ok := s.(MetaSerde[T]); ok {
		return ms.DecodeMeta(m, b)
	}
	return s.Decode(b)
}
