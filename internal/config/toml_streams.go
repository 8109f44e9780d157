package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mm2/internal/properties"
	"mm2/internal/stage"
	"mm2/topology"
)

// streams reads [[…streams]]: the stages of a flow, in order. A single table
// stands for a list of one. What a more general table of the file says is
// replaced as a whole.
func (t *tomlTable) streams(d *draft) {
	if !t.has("streams") {
		t.known = append(t.known, "streams")
		return
	}
	var list []*tomlTable
	if _, single := t.values["streams"].(map[string]any); single {
		list = []*tomlTable{t.table("streams")}
	} else {
		list = t.tableArray("streams")
	}
	d.flow.Streams, d.stages = nil, nil
	for i, s := range list {
		c := s.stage(i)
		if slices.ContainsFunc(d.flow.Streams, func(o stage.Config) bool { return o.Name == c.Name }) {
			s.problem(s.here(), "the flow has two stages called "+c.Name, "give each a name of its own")
		}
		d.flow.Streams, d.stages = append(d.flow.Streams, c), append(d.stages, s.here())
	}
}

var stageName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// stage reads one stage.
func (t *tomlTable) stage(index int) stage.Config {
	var c stage.Config
	var kinds []string
	for _, k := range stage.Kinds() {
		kinds = append(kinds, string(k))
	}
	if !t.has("type") {
		at := t.here()
		at.key = dotted(t.name, "type")
		t.problem(at, "is missing: "+properties.OneOf(kinds), "")
	}
	kind, _ := t.choice("type", kinds...)
	c.Kind = stage.Kind(kind)
	c.Name = fmt.Sprintf("%s-%d", cmp.Or(strings.ToLower(kind), "stage"), index+1)
	if v, ok := t.text("name"); ok {
		if !stageName.MatchString(v) {
			t.wrong("name", "becomes a label of metrics: want up to 64 of a-z A-Z 0-9 . _ -")
		}
		c.Name = v
	}
	topics := items(".*")
	if v, ok := t.texts("topics"); ok {
		topics = v
	}
	c.Topics = t.filter(topics, nil)
	switch c.Kind {
	case stage.Filter:
		t.filterStage(&c)
	case stage.Route:
		t.routeStage(&c)
	case stage.Mask:
		t.maskStage(&c)
	default:
		return c // what its other keys mean is not known
	}
	t.finish(nil)
	return c
}

// part reads which part of a record a stage looks at. It reports false if the
// table names none.
func (t *tomlTable) part() (p stage.Part, ok bool) {
	var named []string
	if v, is := t.text("header"); is {
		p, named = stage.Part{Place: stage.Header, Name: v}, append(named, "header")
	}
	if v, is := t.text("field"); is {
		path, err := stage.ParsePath(v)
		if err != nil {
			t.wrong("field", err.Error())
		}
		p, named = stage.Part{Place: stage.Field, Path: path}, append(named, "field")
	}
	if v, is := t.choice("part", string(stage.Key), string(stage.Value)); is {
		p, named = stage.Part{Place: stage.Place(v)}, append(named, "part")
	}
	if len(named) > 1 {
		t.wrong(named[1], "a stage looks at one part of a record, and "+named[0]+" says which")
	}
	return p, len(named) > 0 || t.has("header") || t.has("field") || t.has("part")
}

func (t *tomlTable) filterStage(c *stage.Config) {
	c.Action = stage.Keep
	if v, ok := t.choice("action", string(stage.Keep), string(stage.Drop)); ok {
		c.Action = stage.Action(v)
	}
	var looks bool
	c.If.Part, looks = t.part()
	var operators []string
	if v, ok := t.boolean("exists"); ok {
		operators = append(operators, "exists")
		c.If.Operator = stage.Exists
		if !v {
			c.If.Operator = stage.Absent
		}
	}
	if v, ok := t.text("equals"); ok {
		operators = append(operators, "equals")
		c.If.Operator, c.If.Text = stage.Equals, v
	}
	if v, ok := t.text("matches"); ok {
		operators = append(operators, "matches")
		c.If.Operator, c.If.Expr = stage.Matches, t.expression("matches", v, "")
	}
	asks := t.has("exists") || t.has("equals") || t.has("matches")
	switch {
	case len(operators) > 1:
		t.wrong(operators[1], "a stage has one condition, and "+operators[0]+" is there already: use another stage for another condition")
	case looks && !asks:
		t.problem(t.here(), "says what to look at, but not for what", "add exists = true or false, equals or matches")
	case !looks && asks:
		t.problem(t.here(), "has a condition, but does not say on what", `add header = "name", field = "name.name", or part = "key" or "value"`)
	case !looks && (c.Action != stage.Drop || !t.has("topics")):
		t.problem(t.here(), "a Filter without a condition leaves out all records of its topics: it wants topics and action = \"drop\"", "")
	}
}

// expression compiles a regular expression of Go, which takes linear time.
func (t *tomlTable) expression(key, text, wrap string) *regexp.Regexp {
	e, err := regexp.Compile(text)
	if err != nil {
		t.wrong(key, "is not a regular expression: "+err.Error())
		return regexp.MustCompile("")
	}
	if wrap != "" {
		e = regexp.MustCompile(fmt.Sprintf(wrap, text)) // it compiles without
	}
	return e
}

func (t *tomlTable) routeStage(c *stage.Config) {
	pattern, byName := t.text("pattern")
	replacement, replaces := t.text("replacement")
	var looks bool
	c.If.Part, looks = t.part()
	c.Otherwise, _ = t.text("otherwise")
	values := t.table("values")
	switch {
	case byName && (looks || values != nil || t.has("otherwise")):
		t.wrong("pattern", "a Route goes by the name of the topic (pattern, replacement) or by a value (header, field or part, and values), not by both")
	case byName && !replaces, !byName && replaces:
		t.problem(t.here(), "want pattern and replacement together", "")
	case byName:
		c.Pattern, c.Replacement = t.expression("pattern", pattern, "^(?:%s)$"), replacement
	case !looks || values == nil:
		t.problem(t.here(), "does not say where to: want pattern and replacement, or header, field or part with values", "")
	}
	if values == nil {
		return
	}
	c.Values = make(map[string]string, len(values.values))
	for value := range values.values {
		if to, ok := values.text(value); ok {
			c.Values[value] = to
		}
	}
	values.finish(nil)
}

func (t *tomlTable) maskStage(c *stage.Config) {
	fields, _ := t.texts("fields")
	for _, it := range fields {
		path, err := stage.ParsePath(it.text)
		if err != nil {
			t.problem(it.at, err.Error(), "")
			continue
		}
		c.Fields = append(c.Fields, path)
	}
	for i, a := range c.Fields {
		for _, b := range c.Fields[i+1:] {
			if n := min(len(a), len(b)); slices.Equal(a[:n], b[:n]) {
				t.wrong("fields", fmt.Sprintf("%s and %s are one within the other, or the same", a, b))
			}
		}
	}
	headers, _ := t.texts("headers")
	c.Headers = texts(headers)
	if len(fields)+len(headers) == 0 {
		t.problem(t.here(), "hides nothing: want fields or headers", "")
	}
	c.With = stage.Replace
	if v, ok := t.choice("with", string(stage.Replace), string(stage.Hash), string(stage.Null)); ok {
		c.With = stage.With(v)
	}
	c.Replacing = "***"
	if v, ok := t.text("replacement"); ok {
		c.Replacing = v
		if c.With != stage.Replace {
			t.wrong("replacement", "has no meaning with = \""+string(c.With)+"\"")
		}
	}
	// A guessable secret is none: who knows it finds values by trying them.
	secret, ok := t.secret("secret")
	at := t.place("secret")
	at.value = ""
	switch c.HashingWith = secret; {
	case c.With == stage.Hash && !t.has("secret"):
		t.problem(t.here(), "with = \"hash\" wants a secret: without one anybody finds the values by trying them", `add secret = "${env:NAME}"`)
	case ok && c.With != stage.Hash:
		t.problem(at, "has no meaning without with = \"hash\"", "")
	case ok && len(secret) < 16:
		t.problem(at, "want at least 16 bytes", "")
	}
}

// checkStages refuses what a stage of this flow cannot do.
func (s *source) checkStages(d *draft) {
	f := &d.flow
	for i, c := range f.Streams {
		at := d.stages[i]
		switch c.Kind {
		case stage.Mask:
			if f.OnTrouble.RecordRefused == DeadLetter {
				s.problem(at, "a flow with a Mask cannot have record_refused = \"dead-letter\": the dead letter, on the target, is the record as it was read",
					"use park or skip")
			}
		case stage.Route:
			s.checkRoute(d, c, at)
		}
	}
}

// checkRoute refuses topics that nobody may write, and routes whose records could
// come back or meet those of other flows under a name that all of them share.
func (s *source) checkRoute(d *draft, c stage.Config, at place) {
	f := &d.flow
	names := mapValues(c.Values)
	if c.Otherwise != "" {
		names = append(names, c.Otherwise)
	}
	for _, name := range names {
		to := f.RemoteTopic(name)
		switch {
		case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r > 'z' || !topicCharacter[byte(r)] }) || len(to) > 249 || name == "." || name == "..":
			s.problem(at, fmt.Sprintf("%q is no name of a topic", name), "")
		case topology.IsReserved(to), f.Policy.IsInternalTopic(to), f.Policy.IsHeartbeatsTopic(to), f.Policy.IsCheckpointsTopic(to):
			s.problem(at, fmt.Sprintf("%s is a topic of mm2 or of MirrorMaker 2: no record can be routed there", to), "")
		}
	}
	if f.Policy.Name() == "identity" {
		s.problem(at, "a flow that keeps names cannot route: nothing would tell its records from those that other flows bring to that topic, or take back from it",
			"use policy = \"default\" for this flow")
	}
}

func mapValues(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}
