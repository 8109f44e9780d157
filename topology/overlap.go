package topology

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// names is a set of topic names: prefix followed by what the flow copies,
// heartbeats aside, whose names on a target always carry the source.
type names struct {
	prefix string
	flow   Flow
}

// written are the names of the topics that a flow writes on its target.
func written(f Flow) names { return names{prefix: f.Policy.RemoteTopic(f.ID.Source, ""), flow: f} }

// selectedAll are the names that each flow copies.
func selectedAll(flows []Flow) []names {
	sets := make([]names, len(flows))
	for i, f := range flows {
		sets[i] = names{flow: f}
	}
	return sets
}

func (n names) contains(name string) bool {
	topic, ok := strings.CutPrefix(name, n.prefix)
	return ok && topic != "" && n.flow.Replicates(topic) && !n.flow.Policy.IsHeartbeatsTopic(topic)
}

// topicCharacters are the characters of legal topic names, those that make
// pleasant examples first.
const topicCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

// maxOverlapStates bounds the search of commonName. Filters that people write
// have tens of states; at the bound the answer is "none found".
const maxOverlapStates = 20_000

// commonName searches the shortest legal topic name that is in all sets.
func commonName(sets ...names) (string, bool) {
	start := make([]nameState, len(sets))
	for i, s := range sets {
		var ok bool
		if start[i], ok = newNameState(s); !ok {
			return "", false
		}
	}
	type visit struct {
		states []nameState
		name   string
	}
	seen := map[string]bool{stateKey(start): true}
	for queue := []visit{{states: start}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at.name != "" && containedInAll(sets, at.name) {
			return at.name, true
		}
		for _, c := range topicCharacters {
			next, alive := stepAll(at.states, c)
			if !alive || len(seen) >= maxOverlapStates {
				continue
			}
			if key := stateKey(next); !seen[key] {
				seen[key] = true
				queue = append(queue, visit{states: next, name: at.name + string(c)})
			}
		}
	}
	return "", false
}

func containedInAll(sets []names, name string) bool {
	for _, s := range sets {
		if !s.contains(name) {
			return false
		}
	}
	return true
}

func stateKey(states []nameState) string {
	var b strings.Builder
	for _, s := range states {
		s.writeKey(&b)
	}
	return b.String()
}

func stepAll(states []nameState, c rune) ([]nameState, bool) {
	next := make([]nameState, len(states))
	for i, s := range states {
		var alive bool
		if next[i], alive = s.step(c); !alive {
			return nil, false
		}
	}
	return next, true
}

// nameState is where the characters of a name have led: within the prefix,
// then to a set of positions in the programs of include and exclude.
type nameState struct {
	prefix           string // what is still to come
	include, exclude automaton
}

// newNameState reports false for a filter that has no linear program: then
// nothing can be said about it.
func newNameState(n names) (nameState, bool) {
	include, ok := n.flow.Topics.includeExpr.(linearMatcher)
	if !ok {
		return nameState{}, false
	}
	// What a flow never copies is excluded here, too. Else all names that lead
	// to one state of the filter would be judged by the first of them.
	exclude := `\..*|__.*|mm2.*internal|.*heartbeats`
	if prefix := n.flow.Policy.RemoteTopic(n.flow.ID.Target, ""); prefix != "" {
		exclude += "|.*" + regexp.QuoteMeta(prefix) + ".*"
	}
	switch m := n.flow.Topics.excludeExpr.(type) {
	case linearMatcher:
		exclude += "|" + m.expr.String()
	case backtrackingMatcher:
		return nameState{}, false
	}
	return nameState{
		prefix:  n.prefix,
		include: newAutomaton(include.expr.String()),
		exclude: newAutomaton(`\A(?:` + exclude + `)\z`),
	}, true
}

// step takes one character. It reports false when no name can follow.
func (s nameState) step(c rune) (nameState, bool) {
	if s.prefix != "" {
		alive := rune(s.prefix[0]) == c
		s.prefix = s.prefix[1:]
		return s, alive
	}
	s.include, s.exclude = s.include.step(c), s.exclude.step(c)
	return s, len(s.include.at) > 0
}

func (s nameState) writeKey(b *strings.Builder) {
	b.WriteString(s.prefix)
	for _, at := range [][]uint32{s.include.at, s.exclude.at} {
		b.WriteByte(0xff)
		for _, pc := range at {
			b.Write([]byte{byte(pc >> 16), byte(pc >> 8), byte(pc)})
		}
	}
}

// automaton is a set of positions in a program of the linear engine.
type automaton struct {
	program *syntax.Prog
	at      []uint32
}

// newAutomaton takes an expression that compiled before.
func newAutomaton(expr string) automaton {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		panic(fmt.Sprintf("topology: parse %s again: %v", expr, err))
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		panic(fmt.Sprintf("topology: compile %s again: %v", expr, err))
	}
	a := automaton{program: program}
	a.at = a.closure(nil, uint32(program.Start))
	return a
}

// closure follows everything that takes no character. Assertions are taken as
// true, for names.contains has the last word.
func (a automaton) closure(at []uint32, pc uint32) []uint32 {
	if slices.Contains(at, pc) {
		return at
	}
	at = append(at, pc)
	switch inst := a.program.Inst[pc]; inst.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		return a.closure(a.closure(at, inst.Out), inst.Arg)
	case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
		return a.closure(at, inst.Out)
	}
	return at
}

func (a automaton) step(c rune) automaton {
	var next []uint32
	for _, pc := range a.at {
		inst := a.program.Inst[pc]
		switch inst.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if inst.MatchRune(c) {
				next = a.closure(next, inst.Out)
			}
		}
	}
	slices.Sort(next)
	a.at = next
	return a
}
