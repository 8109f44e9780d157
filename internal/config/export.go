package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mm2/internal/connection"
	"mm2/topology"
)

// exporter writes a tree that was read from a properties file as TOML.
type exporter struct {
	config *Config
	drafts []*draft
	order  []topology.Alias // of the clusters, as in the file
	unset  []string         // environment variables that a person must set
}

// setting is one line of TOML.
type setting struct {
	key, value, comment string
	standard            bool // mm2's default, which needs no line
	hidden              bool // was behind a placeholder
}

func (e *exporter) document() []byte {
	var body strings.Builder
	for _, alias := range e.order {
		if c, ok := e.config.Clusters[alias]; ok {
			e.cluster(&body, alias, c)
		}
	}
	e.flows(&body)
	if s := e.service(); len(s) > 0 {
		table(&body, "[service]", s)
	}
	remarks := e.remarks()

	var b strings.Builder
	fmt.Fprintf(&b, "# Made by mm2 import from %s.\n", filepath.Base(e.config.File))
	b.WriteString("# What is not here has mm2's defaults: see docs/configuration.md.\n")
	if len(e.unset) > 0 {
		comment(&b, "Secrets did not come along. Set "+strings.Join(e.unset, ", ")+".", "# ")
	}
	switch n := len(e.config.Warnings); n {
	case 0:
	case 1:
		b.WriteString("# A remark at the end is about what works differently.\n")
	default:
		fmt.Fprintf(&b, "# %d remarks at the end are about what works differently.\n", n)
	}
	b.WriteString(body.String())
	b.WriteString(remarks)
	return []byte(b.String())
}

// remarks are the warnings about the file, one item each.
func (e *exporter) remarks() string {
	if len(e.config.Warnings) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n# Remarks on %s:\n", filepath.Base(e.config.File))
	for _, w := range e.config.Warnings {
		w.File, w.Line = fmt.Sprintf("line %d", w.Line), 0
		comment(&b, w.String(), "#   ")
	}
	return b.String()
}

// commentWidth is where comments are wrapped.
const commentWidth = 110

// comment writes text as a comment that is wrapped between words; rest is what
// the lines after the first begin with.
func comment(b *strings.Builder, text, rest string) {
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > commentWidth && len(line) > len(rest) {
			b.WriteString(line + "\n")
			line = strings.TrimSuffix(rest, " ")
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

func table(b *strings.Builder, header string, settings []setting) {
	b.WriteString("\n" + header + "\n")
	rows(b, settings)
}

// rows writes settings, with values and comments in columns.
func rows(b *strings.Builder, settings []setting) {
	keys, values := 0, 0
	for _, s := range settings {
		keys = max(keys, len(s.key))
	}
	for _, s := range settings {
		if s.comment != "" {
			values = max(values, len(s.value))
		}
	}
	for _, s := range settings {
		line := fmt.Sprintf("%-*s = %s", keys, s.key, s.value)
		if s.comment != "" {
			line = fmt.Sprintf("%-*s = %-*s # %s", keys, s.key, values, s.value, s.comment)
		}
		b.WriteString(line + "\n")
	}
}

func (e *exporter) service() []setting {
	if formats := e.config.Service.JavaMetrics; !slices.Equal(formats, defaultService().JavaMetrics) {
		return []setting{{key: "java_metrics", value: tomlList(formats)}}
	}
	return nil
}

// flows writes the topology. What all flows have in common stands in
// [defaults], what is of one in its own table; a single flow has all of it in
// its topology.
func (e *exporter) flows(b *strings.Builder) {
	drafts := slices.Clone(e.drafts)
	place := func(a topology.Alias) int { return slices.Index(e.order, a) }
	slices.SortFunc(drafts, func(x, y *draft) int {
		return cmp.Or(cmp.Compare(place(x.flow.ID.Source), place(y.flow.ID.Source)), cmp.Compare(place(x.flow.ID.Target), place(y.flow.ID.Target)))
	})
	ids := make([]topology.FlowID, len(drafts))
	own := make([][]setting, len(drafts))
	for i, d := range drafts {
		ids[i], own[i] = d.flow.ID, changed(flowSettings(d, e.drafts))
	}
	shape := shapeSettings(declaration(ids, e.order))
	if len(drafts) == 1 {
		table(b, "[[topology]]", shape)
		if len(own[0]) > 0 {
			b.WriteString("\n")
			rows(b, own[0])
		}
		return
	}
	var common []setting
	for _, s := range own[0] {
		if !slices.ContainsFunc(own, func(of []setting) bool { return !slices.Contains(of, s) }) {
			common = append(common, s)
		}
	}
	if len(common) > 0 {
		table(b, "[defaults]", common)
	}
	table(b, "[[topology]]", shape)
	for i, id := range ids {
		rest := slices.DeleteFunc(own[i], func(s setting) bool { return slices.Contains(common, s) })
		if len(rest) > 0 {
			table(b, dottedTable("flows", id.String()), rest)
		}
	}
}

func dottedTable(parts ...string) string {
	name := ""
	for _, p := range parts {
		name = dotted(name, p)
	}
	return "[" + name + "]"
}

func shapeSettings(d topology.Declaration) []setting {
	s := []setting{{key: "kind", value: tomlText(string(d.Kind))}}
	aliases := func(list []topology.Alias) string {
		names := make([]string, len(list))
		for i, a := range list {
			names[i] = string(a)
		}
		return tomlList(names)
	}
	for _, field := range d.Kind.Fields() {
		value := ""
		switch field {
		case "active":
			value = tomlText(string(d.Active))
		case "standby":
			value = tomlText(string(d.Standby))
		case "clusters":
			value = aliases(d.Clusters)
		case "hub":
			value = tomlText(string(d.Hub))
		case "spokes":
			value = aliases(d.Spokes)
		case "direction":
			value = tomlText(string(d.Direction))
		case "flows":
			names := make([]string, len(d.Flows))
			for i, id := range d.Flows {
				names[i] = id.String()
			}
			value = tomlList(names)
		}
		s = append(s, setting{key: field, value: value})
	}
	return s
}

// tomlText quotes a text, without escapes where that is possible.
func tomlText(s string) string {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if strings.ContainsAny(s, `\"`) && !strings.Contains(s, "'") && !strings.ContainsFunc(s, control) {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case control(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func tomlList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = tomlText(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// secretVariable invents a name for the environment variable of a secret and
// remembers that it must be set.
func (e *exporter) secretVariable(alias topology.Alias, what string) string {
	name := strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, strings.ToUpper(string(alias)+"_"+what))
	if name[0] >= '0' && name[0] <= '9' {
		name = "MM2_" + name
	}
	for slices.Contains(e.unset, name) { // "us-west" and "us.west"
		name += "_2"
	}
	e.unset = append(e.unset, name)
	return name
}

// secret is a text that must not show: a placeholder as it stands, anything
// else as a variable to set, of which from says what it is to hold.
func (e *exporter) secret(alias topology.Alias, key, what string, value connection.Secret, from string) setting {
	text := value.Reveal()
	if isPlaceholder(text) {
		return setting{key: key, value: tomlText(strings.TrimSpace(text))}
	}
	name := e.secretVariable(alias, what)
	return setting{key: key, value: tomlText("${env:" + name + "}"), comment: fmt.Sprintf("set %s: %s", name, from)}
}
