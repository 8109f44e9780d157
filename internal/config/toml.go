package config

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"mm2/internal/connection"
	"mm2/internal/properties"
	"mm2/topology"
)

// readTOML reads mm2's own format.
func readTOML(s *source, data []byte) *Config {
	var values map[string]any
	if _, err := toml.Decode(string(data), &values); err != nil {
		s.syntaxError(err, data)
		return nil
	}
	root := &tomlTable{source: s, lines: tomlLines(string(data)), values: values}
	clusters, places := readClusters(root)
	drafts := readTopologies(root, places)
	service := readService(root.table("service"))
	root.finish(func(key string) string {
		if isFlowSetting(key) {
			return "settings of flows belong in [defaults], [[topology]] or [flows.\"A->B\"]"
		}
		return ""
	})
	s.unusedClusters(places, drafts)
	return s.assemble(clusters, drafts, service)
}

var secretLine = regexp.MustCompile(`(?i)password|secret|key`)

// syntaxError says where the document breaks. The library quotes what it
// found; on a line with a secret that could be the secret.
func (s *source) syntaxError(err error, data []byte) {
	parse := toml.ParseError{}
	if !errors.As(err, &parse) {
		s.problem(place{}, "is not valid TOML: "+err.Error(), "")
		return
	}
	at := place{line: parse.Position.Line}
	lines := strings.Split(string(data), "\n")
	if i := at.line - 1; i >= 0 && i < len(lines) && secretLine.MatchString(lines[i]) {
		s.problem(at, "is not valid TOML", "are all texts in quotes, and is no key written twice?")
		return
	}
	s.problem(at, "is not valid TOML: "+parse.Message, "")
}

func readClusters(root *tomlTable) (map[topology.Alias]connection.Connection, map[topology.Alias]place) {
	clusters := make(map[topology.Alias]connection.Connection)
	places := make(map[topology.Alias]place)
	declared, _ := root.values["clusters"].(map[string]any)
	for name := range declared { // also those that cannot be read
		path := tomlPath("").key("clusters").key(name)
		places[topology.Alias(name)] = place{line: root.line(path), key: dotted("clusters", name)}
	}
	for _, t := range root.tablesByName("clusters") {
		alias := topology.Alias(t.lastPart())
		if rule := topology.CheckAlias(alias); rule != "" {
			root.problem(t.here(), rule, "")
		}
		clusters[alias] = readConnection(t)
	}
	if len(declared) == 0 {
		root.problem(place{}, "no clusters", `add a [clusters.NAME] with bootstrap = ["host:9092"] for each`)
	}
	return clusters, places
}

func readTopologies(root *tomlTable, clusters map[topology.Alias]place) []*draft {
	defaults := root.table("defaults")
	overrides := make(map[topology.FlowID]*tomlTable)
	for _, t := range root.tablesByName("flows") {
		if id, ok := topology.ParseFlowID(t.lastPart()); ok {
			overrides[id] = t
		} else {
			root.problem(t.here(), `want the name of a flow: [flows."A->B"]`, "")
		}
	}
	drafts := make(map[topology.FlowID]*draft)
	layers := []*tomlTable{defaults}
	for _, t := range root.tableArray("topology") {
		layers = append(layers, t)
		for _, f := range readDeclaration(t, clusters) {
			if _, known := drafts[f.id]; known {
				root.problem(f.at, "the flow "+f.id.String()+" is declared more than once", "")
				continue
			}
			d := newDraft(f.id, f.at)
			for _, layer := range []*tomlTable{defaults, t, overrides[f.id]} {
				if layer != nil {
					layer.flowSettings(d)
				}
			}
			drafts[f.id] = d
		}
	}
	if !root.has("topology") {
		root.problem(place{}, "no flows", `add a [[topology]], for example with kind = "active-active" and clusters = ["A", "B"]`)
	}
	for id, t := range overrides {
		layers = append(layers, t)
		if _, known := drafts[id]; !known {
			root.problem(t.here(), "no [[topology]] declares the flow "+id.String(), properties.DidYouMean(id.String(), flowNames(drafts)))
		}
	}
	list := make([]*draft, 0, len(drafts))
	for _, d := range drafts {
		list = append(list, d)
	}
	for _, layer := range layers {
		if layer != nil {
			layer.flowSettings(newDraft(topology.FlowID{}, place{})) // also what no flow used
			layer.finish(nil)
		}
	}
	return list
}

func flowNames(drafts map[topology.FlowID]*draft) []string {
	names := make([]string, 0, len(drafts))
	for id := range drafts {
		names = append(names, id.String())
	}
	slices.Sort(names)
	return names
}

// declaredFlow is a flow with the place of what declares it.
type declaredFlow struct {
	id topology.FlowID
	at place
}

// readDeclaration reads what is shape in a [[topology]], checks it and expands it.
func readDeclaration(t *tomlTable, clusters map[topology.Alias]place) []declaredFlow {
	var d topology.Declaration
	kind, _ := t.text("kind")
	d.Kind = topology.Kind(kind)
	complete := true
	for _, field := range []string{"active", "standby", "clusters", "hub", "spokes", "direction", "flows"} {
		complete = t.shapeField(&d, field, clusters) && complete
	}
	ids, err := d.Expand()
	if err != nil {
		t.reportDeclaration(err)
		return nil
	}
	if !complete {
		return nil
	}
	flows := make([]declaredFlow, len(ids))
	for i, id := range ids {
		flows[i] = declaredFlow{id: id, at: t.here()}
	}
	return flows
}

// shapeField reads one field into d. It reports false when the field is wrong.
func (t *tomlTable) shapeField(d *topology.Declaration, field string, clusters map[topology.Alias]place) bool {
	if t.has(field) && len(d.Kind.Fields()) > 0 && !slices.Contains(d.Kind.Fields(), field) {
		t.get(field)
		t.problem(t.place(field), "has no meaning for kind "+string(d.Kind),
			"that kind has "+strings.Join(d.Kind.Fields(), ", "))
		return false
	}
	before := len(t.problems)
	switch field {
	case "direction":
		direction, _ := t.text(field)
		d.Direction = topology.Direction(direction)
	case "active", "standby", "hub":
		name, ok := t.text(field)
		if ok {
			t.knownAlias(item{text: name, at: t.place(field)}, clusters)
		}
		*map[string]*topology.Alias{"active": &d.Active, "standby": &d.Standby, "hub": &d.Hub}[field] = topology.Alias(name)
	case "clusters", "spokes":
		list, _ := t.texts(field)
		aliases := make([]topology.Alias, len(list))
		for i, it := range list {
			t.knownAlias(it, clusters)
			aliases[i] = topology.Alias(it.text)
		}
		*map[string]*[]topology.Alias{"clusters": &d.Clusters, "spokes": &d.Spokes}[field] = aliases
	case "flows":
		list, _ := t.texts(field)
		for _, it := range list {
			id, ok := topology.ParseFlowID(it.text)
			if !ok {
				t.problem(it.at, `want flows such as "A->B"`, "")
				continue
			}
			t.knownAlias(item{text: string(id.Source), at: it.at}, clusters)
			t.knownAlias(item{text: string(id.Target), at: it.at}, clusters)
			d.Flows = append(d.Flows, id)
		}
	}
	return len(t.problems) == before
}

func (t *tomlTable) knownAlias(it item, clusters map[topology.Alias]place) {
	if _, ok := clusters[topology.Alias(it.text)]; !ok && it.text != "" {
		t.problem(it.at, "there is no cluster "+it.text, declaredClusters(it.text, aliasNames(clusters)))
	}
}

// reportDeclaration places what topology says about a declaration. A field
// that is present but could not be read is reported already.
func (t *tomlTable) reportDeclaration(err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.problem(t.here(), err.Error(), "")
		return
	}
	for _, err := range joined.Unwrap() {
		d := (*topology.DeclarationError)(nil)
		switch {
		case !errors.As(err, &d):
			t.problem(t.here(), err.Error(), "")
		case d.Value == "" && t.has(d.Field) && !t.empty(d.Field):
		case t.has(d.Field):
			at := t.place(d.Field)
			if list, isList := t.values[d.Field].([]any); isList && slices.Contains(list, any(d.Value)) {
				at.value = strconv.Quote(d.Value) // the one of the list that it is about
			}
			t.problem(at, d.Rule, properties.DidYouMean(d.Value, kindNames(d.Field)))
		default:
			at := t.here()
			at.key = dotted(t.name, d.Field)
			t.problem(at, "is missing: "+d.Rule, "")
		}
	}
}

// empty reports whether a field holds an empty list or text.
func (t *tomlTable) empty(key string) bool {
	list, isList := t.values[key].([]any)
	text, isText := t.values[key].(string)
	return isList && len(list) == 0 || isText && text == ""
}

func kindNames(field string) []string {
	if field != "kind" {
		return nil
	}
	var names []string
	for _, k := range topology.Kinds() {
		names = append(names, string(k))
	}
	return names
}

func readService(t *tomlTable) Service {
	s := defaultService()
	if t == nil {
		return s
	}
	if v, ok := t.text("listen"); ok {
		if v == "off" {
			v = ""
		}
		if v != "" && checkListen(v) != nil {
			t.wrong("listen", `want host:port, :port or "off"`)
		}
		s.Listen = v
	}
	if v, ok := t.choice("log_level", "debug", "info", "warn", "error"); ok {
		s.LogLevel = v
	}
	if v, ok := t.choice("log_format", "text", "json"); ok {
		s.LogFormat = v
	}
	if v, ok := t.text("worker_name"); ok {
		s.WorkerName = v
	}
	// Below 32 MiB not even the client's buffers fit.
	if v, ok := t.size("memory_limit", 32<<20, 1<<48); ok {
		s.MemoryLimit = v
	}
	if v, ok := t.choices("java_metrics", javaMetricsFormats...); ok {
		s.JavaMetrics = v
	}
	t.finish(nil)
	return s
}

// checkListen is checkAddress with an optional host.
func checkListen(s string) error {
	if strings.HasPrefix(s, ":") {
		s = "localhost" + s
	}
	return properties.CheckAddress(s)
}
