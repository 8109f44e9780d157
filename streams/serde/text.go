package serde

// text is a string's bytes, UTF-8 when the program keeps to it. Bytes that are
// not UTF-8 pass unchanged, where Java would put a replacement character.
type text struct{}

func (text) AppendEncode(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }
func (text) Decode(b []byte) (string, error)                   { return string(b), nil }

// raw is bytes as they are. What it decodes is a copy and never nil, since nil
// means null.
type raw struct{}

func (raw) AppendEncode(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (raw) Decode(b []byte) ([]byte, error)            { return append(make([]byte, 0, len(b)), b...), nil }
