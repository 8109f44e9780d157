package stage

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Place says where in a record a part is.
type Place string

// The places.
const (
	Key    Place = "key"
	Value  Place = "value"
	Header Place = "header" // named; the last one of that name counts
	Field  Place = "field"  // of the value, which is JSON
)

// Part is a part of a record that can be looked at.
type Part struct {
	Place
	Name string // of a Header
	Path Path   // of a Field
}

func (p Part) String() string {
	switch p.Place {
	case Header:
		return "header " + p.Name
	case Field:
		return "field " + p.Path.String()
	}
	return string(p.Place)
}

// find gives a part of a record as text; a JSON string without its quotes, other
// JSON as written. It is false for what is not there: no such header or field, a
// null key or value, JSON's null. Of several in a list of JSON the first counts
// that want is true of, else the first. The error is a value that is not JSON.
func (p Part) find(r *kgo.Record, want func(string) bool) (string, bool, error) {
	switch p.Place {
	case Key:
		return string(r.Key), r.Key != nil, nil
	case Value:
		return string(r.Value), r.Value != nil, nil
	case Header:
		for _, h := range slices.Backward(r.Headers) {
			if h.Key == p.Name {
				return string(h.Value), true, nil
			}
		}
		return "", false, nil
	}
	if r.Value == nil {
		return "", false, nil
	}
	var found string
	var some, matched bool
	err := visit(r.Value, []Path{p.Path}, func(at span) {
		text, ok := at.text(r.Value)
		if !ok || matched {
			return
		}
		if matched = want != nil && want(text); matched || !some {
			found, some = text, true
		}
	})
	return found, some, err
}

// Path leads to a field of a JSON value: names of objects within objects. Lists
// on the way are gone through, each of their elements counts.
type Path []string

// ParsePath reads names with dots between them.
func ParsePath(s string) (Path, error) {
	p := Path(strings.Split(s, "."))
	if slices.Contains(p, "") {
		return nil, fmt.Errorf("want the names of fields with dots between them, such as customer.email; none may be empty")
	}
	return p, nil
}

func (p Path) String() string { return strings.Join(p, ".") }

func sorted(list []string) []string {
	set := make(map[string]bool, len(list))
	for _, s := range list {
		set[s] = true
	}
	return slices.Sorted(maps.Keys(set))
}
