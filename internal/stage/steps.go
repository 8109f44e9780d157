package stage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// item is a record on its way through the stages.
type item struct {
	record *kgo.Record
	offset int64  // on the source; what errors name
	made   bool   // it is not the record of that offset but was made from it
	topic  string // on the target; empty: the copy of the source topic
}

// step is one stage at work for one lane. It writes what is left of in to out,
// which may share memory with in as long as it is not ahead of it, and returns
// it. An error is about the item at the index returned.
type step interface {
	apply(in, out []item) ([]item, int, error)
}

// holds tells whether the condition is true of a record.
func (c Condition) holds(r *kgo.Record) (bool, error) {
	if c.Operator == Always {
		return true, nil
	}
	var want func(string) bool
	switch c.Operator {
	case Equals:
		want = c.equals
	case Matches:
		want = c.matches
	}
	text, there, err := c.Part.find(r, want)
	switch {
	case err != nil:
		return false, err
	case c.Operator == Absent:
		return !there, nil
	}
	return there && (want == nil || want(text)), nil
}

func (c Condition) equals(text string) bool  { return text == c.Text }
func (c Condition) matches(text string) bool { return c.Expr.MatchString(text) }

type filter struct {
	condition Condition
	keep      bool
}

func (f filter) apply(in, out []item) ([]item, int, error) {
	for i, it := range in {
		holds, err := f.condition.holds(it.record)
		if err != nil {
			return out, i, err
		}
		if holds == f.keep {
			out = append(out, it)
		}
	}
	return out, 0, nil
}

// route is a Route about one source topic.
type route struct {
	always string            // on the target; empty: by value
	part   Part              // that decides
	values map[string]string // topic on the target by value; "": the copy
	others string            // topic on the target
}

func (r route) apply(in, out []item) ([]item, int, error) {
	if r.values == nil {
		for _, it := range in {
			it.topic = r.always
			out = append(out, it)
		}
		return out, 0, nil
	}
	for i, it := range in {
		text, there, err := r.part.find(it.record, nil)
		if err != nil {
			return out, i, err
		}
		to, known := r.values[text]
		if !there || !known {
			to = r.others
		}
		it.topic = to
		out = append(out, it)
	}
	return out, 0, nil
}

type mask struct {
	fields  []Path
	headers []string
	with    With
	text    string
	secret  []byte
}

func (m mask) apply(in, out []item) ([]item, int, error) {
	for i, it := range in {
		if err := m.hide(it.record); err != nil {
			return out, i, err
		}
		out = append(out, it)
	}
	return out, 0, nil
}

// hide changes the record. Its bytes belong to the fetched batch and to whoever
// still has the record as it was read: they are replaced, never written to.
func (m mask) hide(r *kgo.Record) error {
	if len(m.fields) > 0 && r.Value != nil {
		var spans []span
		if err := visit(r.Value, m.fields, func(s span) { spans = append(spans, s) }); err != nil {
			return err
		}
		if len(spans) > 0 {
			text := r.Value
			r.Value = splice(text, spans, func(s span) []byte { return m.field(text, s) })
		}
	}
	if slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool { return slices.Contains(m.headers, h.Key) }) {
		r.Headers = slices.Clone(r.Headers)
		for i, h := range r.Headers {
			if slices.Contains(m.headers, h.Key) {
				r.Headers[i].Value = m.header(h.Value)
			}
		}
	}
	return nil
}

// field is what stands in the place of a field. JSON's null hides nothing and
// stays, so that readers still see that there was none.
func (m mask) field(in []byte, s span) []byte {
	text, ok := s.text(in)
	if !ok || m.with == Null {
		return []byte("null")
	}
	out, _ := json.Marshal(m.hidden(text)) // a string: never fails
	return out
}

func (m mask) header(value []byte) []byte {
	if value == nil || m.with == Null {
		return nil
	}
	return []byte(m.hidden(string(value)))
}

func (m mask) hidden(text string) string {
	if m.with != Hash {
		return m.text
	}
	sum := hmac.New(sha256.New, m.secret)
	sum.Write([]byte(text))
	return hex.EncodeToString(sum.Sum(nil))
}
