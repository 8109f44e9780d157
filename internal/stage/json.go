package stage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// span is where a JSON value stands in the text that holds it.
type span struct{ from, to int }

// text is the value as conditions and hashes see it, false for JSON's null.
func (s span) text(in []byte) (string, bool) {
	raw := in[s.from:s.to]
	switch {
	case string(raw) == "null":
		return "", false
	case raw[0] == '"':
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return text, true
		}
	}
	return string(raw), true
}

// visit calls found with each value that a path leads to, in the order of the
// text. A name that an object has twice is found twice: what hides a field must
// not leave one of them. The whole text is read, so that what is not JSON is an
// error wherever that shows.
func visit(text []byte, paths []Path, found func(span)) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := value(d, text, paths, found); err != nil {
		return notJSON(err)
	}
	switch _, err := d.Token(); {
	case err == nil:
		return errors.New("the value is not JSON: something follows its end")
	case !errors.Is(err, io.EOF):
		return notJSON(err)
	}
	return nil
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the value is not JSON: %w", err)
}

// value reads one value. Those of paths that are empty lead to the value itself.
func value(d *json.Decoder, text []byte, paths []Path, found func(span)) error {
	if slices.ContainsFunc(paths, func(p Path) bool { return len(p) == 0 }) || len(paths) == 0 {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if len(paths) > 0 {
			end := int(d.InputOffset())
			found(span{end - len(raw), end})
		}
		return nil
	}
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('['):
		for d.More() {
			if err := value(d, text, paths, found); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return err
			}
			var below []Path
			for _, p := range paths {
				if p[0] == name {
					below = append(below, p[1:])
				}
			}
			if err := value(d, text, below, found); err != nil {
				return err
			}
		}
	default:
		return nil // neither list nor object: no path leads further
	}
	_, err = d.Token() // the end of the list or object
	return err
}

// splice replaces spans, which are in order and apart, by what with says.
func splice(text []byte, spans []span, with func(span) []byte) []byte {
	out := make([]byte, 0, len(text)+16*len(spans))
	last := 0
	for _, s := range spans {
		out = append(append(out, text[last:s.from]...), with(s)...)
		last = s.to
	}
	return append(out, text[last:]...)
}
