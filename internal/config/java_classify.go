package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mm2/internal/properties"
	"mm2/topology"
)

// classifyAll looks at every key of the file: unknown ones are problems; those
// that Java drops where they stand, and those that change nothing in mm2, give
// warnings. The value of a key that a flow reads is checked there.
func (j *javaReader) classifyAll() {
	names := make([]string, 0, len(j.raw))
	for name := range j.raw {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(j.raw[a].line, j.raw[b].line) })
	for _, name := range names {
		j.classify(name, j.raw[name])
	}
	j.warnIdle()
}

// warnIdle gives one warning for many keys, so that an ordinary file does not
// drown its reader.
func (j *javaReader) warnIdle() {
	if len(j.idle) == 0 {
		return
	}
	names := make([]string, len(j.idle))
	for i, v := range j.idle {
		names[i] = v.key
	}
	rule := "have no effect: nothing in mm2 corresponds to them"
	if len(names) == 1 {
		rule = "has no effect: nothing in mm2 corresponds to it"
	}
	j.warn(place{line: j.idle[0].line, key: strings.Join(names, ", ")}, rule, "")
}

func (j *javaReader) classify(name string, v javaValue) {
	if id, rest, ok := j.flowKey(name); ok {
		j.classifyFlow(id, rest, v)
		return
	}
	if strings.Contains(name, "->") {
		j.unknownFlow(name, v)
		return
	}
	if alias, rest, ok := j.clusterKey(name); ok {
		j.classifyCluster(alias, rest, v)
		return
	}
	j.classifyTop(name, v)
}

// flowKey splits "A->B.topics" for declared clusters.
func (j *javaReader) flowKey(name string) (topology.FlowID, string, bool) {
	for _, id := range j.pairs() {
		if rest, ok := strings.CutPrefix(name, id.String()+"."); ok {
			return id, rest, true
		}
	}
	return topology.FlowID{}, "", false
}

// clusterKey splits "A.bootstrap.servers"; of several aliases that fit, the
// longest is meant.
func (j *javaReader) clusterKey(name string) (topology.Alias, string, bool) {
	var found topology.Alias
	for _, alias := range j.aliases {
		if strings.HasPrefix(name, string(alias)+".") && len(alias) > len(found) {
			found = alias
		}
	}
	if found == "" {
		return "", "", false
	}
	return found, name[len(found)+1:], true
}

func (j *javaReader) unknownFlow(name string, v javaValue) {
	var flows []string
	for _, id := range j.pairs() {
		flows = append(flows, id.String())
	}
	prefix := name
	if i := strings.IndexByte(name[strings.Index(name, "->"):], '.'); i >= 0 {
		prefix = name[:strings.Index(name, "->")+i]
	}
	at := v.place()
	at.value = ""
	j.problem(at, "no two declared clusters make the flow "+prefix, declaredClusters(prefix, flows))
}

// declared takes a key where Java reads it; name is the key without prefix.
func (j *javaReader) declared(def keyDef, name string, v javaValue) {
	if def.use == acted {
		return
	}
	if rule := checkType(def.typ, v.text); rule != "" {
		j.problem(v.place(), rule, "")
	}
	if reason, ok := idleReasons[name]; ok {
		j.warn(v.place(), "has no effect: "+reason, "")
		return
	}
	j.idle = append(j.idle, v)
}

func (j *javaReader) unknown(v javaValue, name string, known ...[]string) {
	at := v.place()
	at.value = ""
	candidates := slices.Concat(known...)
	if slices.Contains(candidates, name+".enabled") {
		j.problem(at, "unknown key", "did you mean "+name+".enabled?")
		return
	}
	j.problem(at, "unknown key", properties.DidYouMean(name, candidates))
}

// dropped warns of a key that Java drops where it stands.
func (j *javaReader) dropped(v javaValue, instead string) {
	j.warn(v.place(), "is dropped: as in Java, it counts for nothing here", "write "+instead)
}

func (j *javaReader) classifyTop(name string, v javaValue) {
	role, rest := roleOf(name)
	def, isConnector := connectorKeys[name]
	worker, isWorker := workerKey(name)
	switch {
	case name == "clusters", strings.HasPrefix(name, "config.providers"):
	case isConnector && def.flowOnly:
		j.dropped(v, "A->B."+name)
	case isConnector:
		j.declared(def, name, v)
	case isClientKey(name):
		j.clientKey(name, v)
	case isWorker && hasAnyPrefix(name, workerPrefixes):
		j.declared(worker, name, v)
		j.topLevelWins(name, v)
	case slices.Contains(driverKeys, name), strings.HasPrefix(name, "listeners.https."):
		j.idle = append(j.idle, v)
	case name == "exactly.once.source.support": // needed nowhere, so its place does not matter
		j.declared(worker, name, v)
	case isWorker:
		j.dropped(v, "B."+name)
	case role != "":
		j.dropped(v, fmt.Sprintf("A.%s.%s for the clients of cluster A", role, rest))
	case anyRoleHas(name):
		j.dropped(v, roleSpellings(name, "A.consumer.", "B.producer.", "A.admin."))
	case strings.HasPrefix(name, "transforms."), strings.HasPrefix(name, "predicates."):
		j.dropped(v, "A->B."+name)
	default:
		j.unknownTop(name, v)
	}
}

// unknownTop guesses: a cluster that is not declared, or a misspelt key.
func (j *javaReader) unknownTop(name string, v javaValue) {
	at := v.place()
	at.value = ""
	if slices.Contains(j.aliasNames(), name) {
		j.problem(at, "a blank ends a key", "write the flow without blanks: A->B")
		return
	}
	alias, rest, dotted := strings.Cut(name, ".")
	_, isConnector := connectorKeys[rest]
	if dotted && (isConnector || isClientKey(rest)) {
		j.problem(at, "there is no cluster "+alias, declaredClusters(alias, j.aliasNames()))
		return
	}
	j.unknown(v, name, []string{"clusters"}, keysOf(connectorKeys), keysOf(workerKeys), idleWorkerKeys, properties.ConnectionKeys)
}

// topLevelWins warns of a worker setting of a cluster that the top level hides.
func (j *javaReader) topLevelWins(name string, v javaValue) {
	for _, alias := range j.aliases {
		if hidden, ok := j.raw[string(alias)+"."+name]; ok && hidden.text != v.text {
			j.warn(hidden.place(), fmt.Sprintf("is dropped: as in Java, %s of line %d wins", name, v.line), "remove one of the two")
		}
	}
}

func (j *javaReader) clientKey(key string, v javaValue) {
	if !slices.Contains(properties.ActedConnectionKeys, key) {
		j.idle = append(j.idle, v)
	}
}

func (j *javaReader) classifyCluster(alias topology.Alias, rest string, v javaValue) {
	role, roleKey := roleOf(rest)
	def, isConnector := connectorKeys[rest]
	worker, isWorker := workerKey(rest)
	_, hasPlugin := pluginDefaults[rest]
	switch {
	case isClientKey(rest):
		j.clientKey(rest, v)
	case role != "":
		j.roleKey(role, roleKey, v)
	case isWorker:
		j.declared(worker, rest, v)
	case hasPlugin && strings.HasSuffix(rest, ".converter"): // of the worker; refuseStages looks at it
	case isConnector && def.flowOnly:
		j.dropped(v, "A->B."+rest)
	case isConnector:
		j.dropped(v, rest+" at the top level, or A->B."+rest)
	case anyRoleHas(rest):
		a := string(alias)
		j.dropped(v, roleSpellings(rest, a+".consumer.", a+".producer.", a+".admin."))
	default:
		j.unknown(v, rest, properties.ConnectionKeys, keysOf(workerKeys), idleWorkerKeys, keysOf(connectorKeys))
	}
}

// roleKey takes a setting of one kind of client where Java reads it.
func (j *javaReader) roleKey(role, key string, v javaValue) {
	keys := roles[role]
	switch {
	case isClientKey(key):
		j.clientKey(key, v) // oneConnection compares it
	case slices.Contains(keys.acted, key):
	case slices.Contains(keys.idle, key), strings.HasPrefix(key, "interceptor."), strings.HasPrefix(key, "metrics."):
		j.idle = append(j.idle, v)
	default:
		j.unknown(v, key, keys.acted, keys.idle, properties.ConnectionKeys)
	}
}

func (j *javaReader) classifyFlow(id topology.FlowID, rest string, v javaValue) {
	role, roleKey := roleOf(rest)
	def, isConnector := connectorKeys[rest]
	worker, isWorker := workerKey(rest)
	side, sideKey, _ := strings.Cut(rest, ".")
	isSide := side == "source" || side == "target"
	switch {
	case isConnector:
		j.declared(def, rest, v)
	case strings.HasPrefix(rest, "producer.override."):
		j.roleKey("producer", strings.TrimPrefix(rest, "producer.override."), v)
	case isSide && strings.HasPrefix(sideKey, "cluster."):
		j.problem(v.place(), "mm2 has one connection for a cluster: a flow cannot have its own",
			fmt.Sprintf("write %s.%s", map[string]topology.Alias{"source": id.Source, "target": id.Target}[side], strings.TrimPrefix(sideKey, "cluster.")))
	case isSide && firstRole(sideKey) != "":
		j.sideKey(side, sideKey, v)
	case role == "producer":
		j.warn(v.place(), "is dropped: in Java it reaches only the producer of offset syncs",
			fmt.Sprintf("write %s.producer.%s or %s.producer.override.%s", id.Target, roleKey, id, roleKey))
	case role != "":
		j.flowRoleKey(id, role, roleKey, v)
	case isClientKey(rest):
		j.dropped(v, fmt.Sprintf("%s.%s or %s.%s", id.Source, rest, id.Target, rest))
	case rest == "exactly.once.source.support":
		j.declared(worker, rest, v)
	case isWorker:
		j.dropped(v, string(id.Target)+"."+rest)
	case anyRoleHas(rest):
		f := id.String()
		j.dropped(v, roleSpellings(rest, f+".source.consumer.", f+".producer.override.", f+".source.admin."))
	case strings.HasPrefix(rest, "transforms."), strings.HasPrefix(rest, "predicates."): // refuseStages names the list
	default:
		j.unknown(v, rest, keysOf(connectorKeys))
	}
}

func firstRole(key string) string {
	role, _ := roleOf(key)
	return role
}

// sideKey takes A->B.source.consumer.x and its like. Only the source consumer
// corresponds to something in mm2 for one flow; clients of a cluster share
// their settings.
func (j *javaReader) sideKey(side, key string, v javaValue) {
	role, rest := roleOf(key)
	if isClientKey(rest) {
		j.problem(v.place(), "mm2 has one connection for a cluster: a flow cannot have its own", "")
		return
	}
	if side == "source" && slices.Contains(consumerActed, rest) && role == "consumer" {
		return
	}
	if keys := roles[role]; slices.Contains(keys.acted, rest) || slices.Contains(keys.idle, rest) {
		j.idle = append(j.idle, v)
		return
	}
	j.unknown(v, rest, roles[role].acted, roles[role].idle)
}

// flowRoleKey takes A->B.consumer.x, which loses against A.consumer.x.
func (j *javaReader) flowRoleKey(id topology.FlowID, role, key string, v javaValue) {
	if winner, ok := j.raw[fmt.Sprintf("%s.%s.%s", id.Source, role, key)]; ok {
		j.warn(v.place(), fmt.Sprintf("is dropped: as in Java, %s of line %d wins", winner.key, winner.line),
			fmt.Sprintf("write %s.source.%s.%s", id, role, key))
		return
	}
	j.sideKey("source", role+"."+key, v)
}

func keysOf(defs map[string]keyDef) []string {
	keys := make([]string, 0, len(defs))
	for k := range defs {
		keys = append(keys, k)
	}
	slices.Sort(keys) // so that suggestions do not change from run to run
	return keys
}
