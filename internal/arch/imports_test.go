package arch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// allowed lists for each package which of ours it may import. A package that is
// not listed may not exist: name it here, with its place, first.
//
// The direction is cmd/mm2 -> internal/app -> the six in the middle ->
// internal/lane, internal/kafka -> internal/pipeline, with topology beneath. The
// six in the middle never import one another: they meet as values in
// internal/app.
var allowed = map[string][]string{
	// Leaves: values and small helpers.
	"topology":            {},
	"internal/connection": {},
	"internal/backoff":    {},
	"internal/version":    {},
	"internal/invariants": {},
	"internal/javawire":   {},
	"internal/properties": {"internal/connection"},

	// The core and the ends on Kafka.
	"internal/pipeline": {"internal/invariants"},
	"internal/kafka": {
		"internal/backoff", "internal/connection", "internal/invariants", "internal/pipeline", "internal/version",
		"topology",
	},
	"internal/lane": {"internal/backoff", "internal/invariants", "internal/kafka", "internal/pipeline"},

	// The six in the middle.
	"replicator": {
		"internal/backoff", "internal/invariants", "internal/kafka", "internal/lane", "internal/pipeline", "topology",
	},
	"checkpoint": {"internal/backoff", "internal/javawire", "internal/kafka", "internal/pipeline", "topology"},
	"heartbeat":  {"internal/backoff", "internal/javawire", "internal/kafka", "topology"},
	"configsync": {"internal/backoff", "internal/kafka", "topology"},

	// Kafka Streams for Go, from its leaves up.
	"streams/serde":           {},
	"streams/internal/null":   {},
	"streams/state":           {"streams/internal/null", "streams/serde"},
	"streams/internal/buffer": {"streams/state"},
	"streams/internal/graph":  {"streams/state"},
	"streams/internal/task":   {"streams/internal/graph", "streams/state"},

	"streams/internal/assign":         {},
	"streams/internal/positions":      {},
	"streams/internal/balancer":       {"streams/internal/assign"},
	"streams/internal/internaltopics": {"internal/backoff", "internal/kafka"},
	"streams/internal/settings":       {"internal/connection", "internal/properties", "streams/internal/internaltopics"},
	"streams": {
		"internal/backoff", "internal/connection", "internal/kafka", "internal/pipeline", "internal/properties",
		"streams/internal/buffer", "streams/internal/graph", "streams/internal/internaltopics", "streams/internal/null",
		"streams/internal/runtime", "streams/internal/settings", "streams/internal/task", "streams/serde", "streams/state",
		"streams/state/pebblestore",
	},
	"streams/internal/runtime": {
		"internal/backoff", "internal/connection", "internal/kafka", "streams/internal/assign", "streams/internal/balancer",
		"streams/internal/graph", "streams/internal/internaltopics", "streams/internal/positions", "streams/internal/settings",
		"streams/internal/statedir", "streams/internal/task", "streams/state", "topology",
	},
	"streams/streamstest":       {"streams", "streams/internal/graph", "streams/internal/task", "streams/serde", "streams/state"},
	"streams/state/statetest":   {"streams/state"},
	"streams/state/pebblestore": {"streams/state"},
	"streams/internal/statedir": {},
	"examples":                  {"streams", "streams/serde"},
	"connect":                   {"internal/backoff", "internal/kafka", "internal/lane", "internal/pipeline"},

	// What knows Java MirrorMaker 2's own ways.
	"internal/takeover":    {"internal/backoff", "internal/kafka", "internal/pipeline", "topology"},
	"internal/javametrics": {"internal/pipeline", "topology"},

	// The service.
	"internal/config": {"internal/connection", "internal/properties", "topology"},
	"internal/app": {
		"checkpoint", "configsync", "connect", "grafana", "heartbeat", "replicator", "streams",
		"internal/backoff", "internal/config", "internal/connection", "internal/javametrics", "internal/kafka",
		"internal/lane", "internal/pipeline", "internal/takeover", "internal/version", "topology",
	},
	"internal/demo": {"internal/app", "internal/check", "internal/config", "internal/connection", "topology"},
	"cmd/mm2":       {"grafana", "internal/app", "internal/config", "internal/demo", "internal/version", "topology"},
	"grafana":       {},

	// Judges and helpers of tests.
	"internal/check":   {},
	"internal/mm2test": {"internal/check", "internal/connection", "internal/kafka", "internal/pipeline", "topology"},
	"internal/arch":    {},
	"e2e":              {"internal/check"},
}

// inTests lists what test files may import on top.
var inTests = map[string][]string{
	"*":       {"internal/check", "internal/mm2test"},
	"grafana": {"internal/app", "internal/config"},
	// Whoever may use clients may describe connections in its tests.
	"internal/lane":             {"internal/connection", "topology"},
	"replicator":                {"internal/connection"},
	"internal/takeover":         {"internal/connection"},
	"checkpoint":                {"internal/connection"},
	"heartbeat":                 {"internal/connection"},
	"configsync":                {"internal/connection"},
	"streams":                   {"streams/streamstest"},
	"streams/internal/runtime":  {"streams"},
	"examples":                  {"streams/streamstest"},
	"streams/state":             {"streams/state/statetest"},
	"streams/state/pebblestore": {"streams/state/statetest"},
	"connect":                   {"internal/connection"},
	"e2e":                       {"streams", "streams/state"}, // applications are programs that use it
}

// forbidden tells why a file of package from may not import package to; empty
// if it may.
func forbidden(from, to string, test bool) string {
	may, known := allowed[from]
	switch {
	case !known:
		return fmt.Sprintf("package %s is not in the table of allowed imports", from)
	case from == to && test, slices.Contains(may, to):
		return ""
	case test && (slices.Contains(inTests["*"], to) || slices.Contains(inTests[from], to)):
		return ""
	case len(may) == 0:
		return fmt.Sprintf("%s must not import %s: it imports nothing of ours", from, to)
	default:
		return fmt.Sprintf("%s must not import %s: it may import %s", from, to, strings.Join(may, ", "))
	}
}

// packageOf is the package that a directory belongs to: packages below a public
// one keep its rules.
func packageOf(dir string) string {
	for {
		if _, known := allowed[dir]; known {
			return dir
		}
		parent, _, ok := cutLast(dir)
		if !ok || parent == "internal" || parent == "cmd" {
			return dir
		}
		dir = parent
	}
}

func cutLast(dir string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(dir, '/')
	if i < 0 {
		return "", dir, false
	}
	return dir[:i], dir[i+1:], true
}

func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		from := packageOf(f.dir())
		if _, known := allowed[from]; !known {
			t.Errorf("%s: package %s is not in the table of allowed imports", f.path, from)
			continue
		}
		for _, imported := range f.imports {
			to := packageOf(imported)
			if to == from && imported != f.dir() {
				continue // parts of one package
			}
			if why := forbidden(from, to, f.test); why != "" {
				t.Errorf("%s: %s", f.path, why)
			}
		}
	}
}

func TestForbidden(t *testing.T) {
	tests := []struct {
		name     string
		from, to string
		test     bool
		want     string // part of the reason; empty: allowed
	}{
		{name: "down", from: "replicator", to: "internal/kafka"},
		{name: "to a leaf", from: "internal/kafka", to: "topology"},
		{name: "composition", from: "internal/app", to: "heartbeat"},
		{name: "up", from: "internal/pipeline", to: "internal/kafka", want: "internal/pipeline must not import internal/kafka"},
		{name: "sideways", from: "replicator", to: "checkpoint", want: "replicator must not import checkpoint"},
		{name: "pure", from: "topology", to: "internal/config", want: "it imports nothing of ours"},
		{name: "command past the app", from: "cmd/mm2", to: "replicator", want: "must not import replicator"},
		{name: "unknown", from: "internal/utils", to: "topology", want: "not in the table"},
		{name: "helper in a test", from: "heartbeat", to: "internal/mm2test", test: true},
		{name: "helper outside of tests", from: "heartbeat", to: "internal/mm2test", want: "must not import"},
		{name: "external test of itself", from: "topology", to: "topology", test: true},
		{name: "sideways in a test", from: "heartbeat", to: "replicator", test: true, want: "must not import"},
		{name: "black box", from: "e2e", to: "internal/kafka", test: true, want: "must not import"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := forbidden(tt.from, tt.to, tt.test)
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAllowedHasNoCycle(t *testing.T) {
	state := make(map[string]int) // 1: on the path, 2: done
	var visit func(path []string, name string)
	visit = func(path []string, name string) {
		switch state[name] {
		case 1:
			t.Fatalf("the table allows a cycle: %s", strings.Join(append(path, name), " -> "))
		case 2:
			return
		}
		state[name] = 1
		for _, to := range allowed[name] {
			visit(append(path, name), to)
		}
		state[name] = 2
	}
	for name := range allowed {
		visit(nil, name)
	}
}
