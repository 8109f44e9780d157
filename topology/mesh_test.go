package topology_test

import (
	"slices"
	"strings"
	"testing"

	"mm2/topology"
)

// flowsOf makes flows from lines such as "A->B identity orders.* -x.*": the
// flow, the policy (or a separator), includes, and excludes after a dash.
func flowsOf(t testing.TB, lines ...string) []topology.Flow {
	t.Helper()
	flows := make([]topology.Flow, len(lines))
	for i, line := range lines {
		words := strings.Fields(line)
		id, ok := topology.ParseFlowID(words[0])
		if !ok {
			t.Fatalf("bad flow %q", words[0])
		}
		policy := topology.NewDefaultPolicy(words[1], "")
		if words[1] == "identity" {
			policy = topology.NewIdentityPolicy(id.Source, ".", "")
		}
		var include, exclude []string
		for _, w := range words[2:] {
			if rest, ok := strings.CutPrefix(w, "-"); ok {
				exclude = append(exclude, rest)
				continue
			}
			include = append(include, w)
		}
		flows[i] = topology.Flow{ID: id, Policy: policy, Topics: filter(t, include, exclude), Copy: true, ReplicateHeartbeats: true}
	}
	return flows
}

func TestCheckAccepts(t *testing.T) {
	tests := []struct {
		name  string
		flows []string
	}{
		{"one flow", []string{"A->B . .*"}},
		{"both ways", []string{"A->B . .*", "B->A . .*"}},
		{"three in a ring", []string{"A->B . .*", "B->C . .*", "C->A . .*"}},
		{"identity one way", []string{"A->B identity .*"}},
		{"identity chain", []string{"A->B identity .*", "B->C identity .*"}},
		{"identity both ways with different topics", []string{"A->B identity orders.*", "B->A identity users.*"}},
		{"identity both ways told apart by an exclude", []string{"A->B identity eu-.*", "B->A identity .* -eu-.*"}},
		{"identity both ways, only heartbeats in common", []string{"A->B identity a heartbeats", "B->A identity b heartbeats"}},
		{"identity both ways, only internal topics in common", []string{"A->B identity a __x mm2-x\\.internal", "B->A identity b __x mm2-x\\.internal"}},
		{"identity in, prefix back, nothing in common", []string{"A->B identity orders", "B->A . users"}},
		{"two identity spokes with their own topics", []string{"A->H identity a-.*", "B->H identity b-.*"}},
		{"two spokes with prefixes", []string{"A->H . .*", "B->H . .*"}},
		{"an alias that begins like another", []string{"us->H . .*", "us2->H . .*"}},
		{"an alias behind a dot, under another separator", []string{"us->H _ .*", "us.west->H _ .*"}},
		{"patterns that cannot be compared", []string{"A->B identity (?!x)a.*", "B->A identity (?!x)b.*"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, err := range topology.Check(flowsOf(t, tt.flows...)) {
				t.Error(err)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	const (
		roundFor = `: a record of "%" would go round for ever: the names do not tell where it came from; ` +
			`use the default policy for all of them, or let them copy different topics`
		orMark    = `, or let all of them mark records with where they come from (provenance = "auto")`
		bothWrite = `both would write the same topic of "H", for example "%"; ` +
			`let them copy different topics, or use the default policy, which prefixes names with the source`
	)
	mixed := func(topic string) string { return strings.Replace(roundFor, "%", topic, 1) }
	round := func(topic string) string { return mixed(topic) + orMark }
	both := func(topic string) string { return strings.Replace(bothWrite, "%", topic, 1) }
	tests := []struct {
		name  string
		flows []string
		want  []string
	}{
		{"to itself", []string{"A->A . .*"}, []string{"A->A: a cluster cannot be copied to itself"}},
		{"twice", []string{"A->B . a", "A->B . b"}, []string{"A->B: the flow is declared more than once"}},
		{"identity both ways", []string{"A->B identity .*", "B->A identity .*"}, []string{"A->B, B->A" + round("a")}},
		{"identity both ways, one topic", []string{"A->B identity orders.* -orders", "B->A identity users orders-[3-5]"}, []string{"A->B, B->A" + round("orders-3")}},
		{"identity round three", []string{"A->B identity .*", "B->C identity .*", "C->A identity x"}, []string{"A->B, B->C, C->A" + round("x")}},
		{
			"identity among three",
			[]string{"A->B identity x", "B->A identity x", "B->C identity x", "C->A identity x"},
			[]string{
				`B->A, C->A: ` + strings.Replace(both("x"), `"H"`, `"A"`, 1) + orMark,
				"A->B, B->A" + round("x"),
			},
		},
		{"identity there, prefix back", []string{"A->B identity .*", "B->A . .*"}, []string{"A->B, B->A" + mixed("a")}},
		{
			"identity into a hub",
			[]string{"A->H identity orders-.*", "B->H identity orders-.* -orders-[a-z].*"},
			[]string{"A->H, B->H: " + both("orders-") + orMark},
		},
		{
			"identity of what looks like a copy",
			[]string{"A->H . orders", `C->H identity A\..*`},
			[]string{"A->H, C->H: " + both("A.orders")},
		},
		{
			"ambiguous aliases",
			[]string{"us->H . .*", "us.west->H . .*"},
			[]string{
				`cluster "us.west": "us.west.heartbeats" could be a topic of "us.west" or of "us"; rename one of the two, or choose another separator`,
				`us->H, us.west->H: ` + both("us.west.a"),
			},
		},
		{"bad alias", []string{"ü->B . .*"}, []string{`cluster "ü": an alias becomes part of topic names: "ü" is not one of a-z A-Z 0-9 . _ -`}},
		{"dots", []string{"..->B _ .*"}, []string{`cluster "..": an alias becomes part of topic names: dots alone are no name`}},
		{
			"long alias",
			[]string{strings.Repeat("a", 65) + "->B . .*"},
			[]string{`cluster "` + strings.Repeat("a", 65) + `": an alias becomes part of topic names: at most 64 characters`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, err := range topology.Check(flowsOf(t, tt.flows...)) {
				got = append(got, err.Error())
			}
			if g, w := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

// Same names lead round where all flows mark records; one that does not, or that
// prefixes names, brings back what nobody recognises.
func TestCheckOfFlowsThatMarkRecords(t *testing.T) {
	const round = ` would go round for ever`
	tests := []struct {
		name  string
		flows []string // those after "|" do not mark
		want  string   // part of the problem; empty: none
	}{
		{"both ways", []string{"A->B identity .*", "B->A identity .*"}, ""},
		{"full mesh", []string{"A->B identity .*", "B->A identity .*", "B->C identity .*", "C->B identity .*", "A->C identity .*", "C->A identity .*"}, ""},
		{"into a hub", []string{"A->H identity .*", "B->H identity .*"}, ""},
		{"one way back without marks", []string{"A->B identity .*", "|", "B->A identity x"}, `A->B, B->A: a record of "x"` + round},
		{"prefix back", []string{"A->B identity .*", "B->A . .*"}, `A->B, B->A: a record of "a"` + round},
		{"round three with a prefix", []string{"A->B identity x", "B->C identity x", "C->A . x"}, `A->B, B->C, C->A: a record of "x"` + round},
		{"into a hub, one without marks", []string{"A->H identity .*", "|", "B->H identity x"}, `A->H, B->H: both would write the same topic of "H", for example "x"`},
		{"marks beside prefixes", []string{"A->B identity .*", "B->A identity .*", "A->C . .*", "C->A . .*"}, `both would write the same topic of "A", for example "C.a"`},
		{"marks beside prefixes of other topics", []string{"A->B identity x", "B->A identity x", "A->C . y", "C->A . y"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := slices.DeleteFunc(slices.Clone(tt.flows), func(l string) bool { return l == "|" })
			flows := flowsOf(t, lines...)
			for i, line := range tt.flows {
				if line == "|" {
					break
				}
				flows[i].Provenance = topology.ProvenanceAuto
			}
			problems := topology.Check(flows)
			if tt.want == "" && len(problems) > 0 || tt.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Error(), tt.want)) {
				t.Errorf("got %v, want one with %q", problems, tt.want)
			}
		})
	}
}

func TestCheckIgnoresFlowsThatDoNotCopy(t *testing.T) {
	flows := flowsOf(t, "A->B identity .*", "B->A identity .*")
	flows[1].Copy = false
	if problems := topology.Check(flows); len(problems) > 0 {
		t.Errorf("got %v", problems)
	}
}

// A mesh of ten clusters both ways has 90 flows and far more ways round.
func TestCheckOfALargeMesh(t *testing.T) {
	var lines []string
	for _, a := range "ABCDEFGHIJ" {
		for _, b := range "ABCDEFGHIJ" {
			if a != b {
				lines = append(lines, string(a)+"->"+string(b)+" . orders.* users -.*-dlq")
			}
		}
	}
	if problems := topology.Check(flowsOf(t, lines...)); len(problems) > 0 {
		t.Errorf("got %v", problems)
	}
}
