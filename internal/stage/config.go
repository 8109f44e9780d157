package stage

import (
	"fmt"
	"regexp"
	"strings"

	"mm2/internal/connection"
	"mm2/topology"
)

// Kind is what a stage does.
type Kind string

// The kinds of stages.
const (
	Filter Kind = "Filter" // leaves records out
	Route  Kind = "Route"  // sends records to another topic
	Mask   Kind = "Mask"   // hides parts of records
)

// Kinds are all of them, in the order of the reference.
func Kinds() []Kind { return []Kind{Filter, Route, Mask} }

// Action is what a Filter does with the records that its condition is true of.
type Action string

// Keep lets only those pass, Drop all others. A record of a topic that the stage
// is not about passes either way.
const (
	Keep Action = "keep"
	Drop Action = "drop"
)

// With is what a Mask puts in the place of what it hides.
type With string

// Replace puts a fixed text there, Hash the HMAC-SHA-256 of what was there under
// a secret, in hexadecimal, and Null nothing: JSON's null, or a header without a
// value.
const (
	Replace With = "replace"
	Hash    With = "hash"
	Null    With = "null"
)

// Config is one stage of a flow as declared. It is a value; nobody changes it
// once it was checked.
type Config struct {
	Kind Kind
	// Name tells it apart in plan, status and metrics.
	Name string
	// Topics are the source topics it is about.
	Topics topology.Filter

	// If is the condition of a Filter, and for a Route by value what is looked at.
	If     Condition
	Action Action // of a Filter

	// Pattern and Replacement make the topic of a Route from that of the record:
	// the pattern matches the whole name. Without one, Values says which topic a
	// value means, and Otherwise where all others go; empty: to the copy.
	Pattern     *regexp.Regexp
	Replacement string
	Values      map[string]string
	Otherwise   string

	// Fields and Headers are what a Mask hides, With what is put there.
	Fields      []Path
	Headers     []string
	With        With
	Replacing   string            // with Replace
	HashingWith connection.Secret // with Hash
}

// Operator compares a part of a record.
type Operator string

// The operators. A part that a record does not have is only ever absent: no
// other operator is true of it.
const (
	Always  Operator = ""        // of every record
	Exists  Operator = "exists"  // the part is there; JSON's null is not
	Absent  Operator = "absent"  // it is not
	Equals  Operator = "equals"  // it is that text
	Matches Operator = "matches" // the expression finds something in it
)

// Condition is about one part of a record.
type Condition struct {
	Part Part
	Operator
	Text string         // of Equals
	Expr *regexp.Regexp // of Matches
}

func (c Condition) String() string {
	switch c.Operator {
	case Always:
		return "all records"
	case Equals:
		return fmt.Sprintf("%s is %q", c.Part, c.Text)
	case Matches:
		return fmt.Sprintf("%s matches %q", c.Part, c.Expr)
	case Absent:
		return fmt.Sprintf("%s is absent", c.Part)
	}
	return fmt.Sprintf("%s is there", c.Part)
}

// String is the stage in a line for people. It has no secrets.
func (c Config) String() string {
	about := string(c.Kind)
	switch c.Kind {
	case Filter:
		about = fmt.Sprintf("%ss %s", c.Action, c.If)
	case Route:
		about = c.routeText()
	case Mask:
		var what []string
		for _, f := range c.Fields {
			what = append(what, "field "+f.String())
		}
		for _, h := range c.Headers {
			what = append(what, "header "+h)
		}
		about = map[With]string{Replace: "replaces ", Hash: "hashes ", Null: "removes the value of "}[c.With] + strings.Join(what, ", ")
	}
	if include := c.Topics.Include(); len(include) != 1 || include[0] != ".*" || len(c.Topics.Exclude()) > 0 {
		about += " (topics " + strings.Join(include, ", ") + ")"
	}
	return about
}

func (c Config) routeText() string {
	if c.Pattern != nil {
		return fmt.Sprintf("topics that match %q go to %q", c.Pattern, c.Replacement)
	}
	text := fmt.Sprintf("by %s to %s", c.If.Part, strings.Join(sorted(c.named()), ", "))
	if c.Otherwise != "" {
		text += ", all others to " + c.Otherwise
	}
	return text
}

// named are the topics that a Route by value can lead to, as the source would
// call them.
func (c Config) named() []string {
	var out []string
	for _, topic := range c.Values {
		out = append(out, topic)
	}
	return out
}

// Leads are the topics that records of a source topic may be sent to, as the
// source would call them, in order. It is empty for what is no Route, or not
// about the topic.
func (c Config) Leads(topic string) []string {
	if c.Kind != Route || !c.Topics.Match(topic) {
		return nil
	}
	var out []string
	switch {
	case c.Pattern != nil:
		if to, ok := c.renamed(topic); ok {
			out = []string{to}
		}
	case c.Otherwise != "":
		out = append(c.named(), c.Otherwise)
	default:
		out = c.named()
	}
	out = sorted(out)
	for i, name := range out {
		if name == topic {
			return append(out[:i:i], out[i+1:]...)
		}
	}
	return out
}

// renamed is where the pattern sends a topic.
func (c Config) renamed(topic string) (string, bool) {
	m := c.Pattern.FindStringSubmatchIndex(topic)
	if m == nil {
		return "", false
	}
	return string(c.Pattern.ExpandString(nil, c.Replacement, topic, m)), true
}
