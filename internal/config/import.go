package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mm2/internal/properties"
	"mm2/topology"
)

// Import reads a connect-mirror-maker.properties and returns TOML of the same
// meaning for a person to read and keep: what differs from mm2's defaults,
// with comments on what the old file says to no effect, or to another. It
// refuses what [Load] refuses, with an [*Error].
//
// No secret is in the result. Placeholders of config providers stay
// placeholders and need not be resolvable where Import runs; what stood in the
// file becomes ${env:…}, with a comment that says what to set.
func Import(path string, opts ...Option) ([]byte, error) {
	s := &source{file: path, lookup: os.LookupEnv, readFile: os.ReadFile}
	for _, opt := range opts {
		opt(s)
	}
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".properties" {
		return nil, s.fileError(fmt.Errorf("the extension %q is not .properties: there is nothing to import", ext))
	}
	data, err := s.readFile(path)
	if err != nil {
		return nil, s.fileError(properties.Readable(err))
	}
	j := &javaReader{source: s, raw: make(javaConfig), importing: true}
	c := j.read(data)
	if len(s.problems) > 0 {
		return nil, &Error{Problems: properties.Tidy(s.problems)}
	}
	c.File, c.Warnings = path, properties.Tidy(s.warnings)
	e := exporter{config: c, drafts: j.drafts, order: j.aliases}
	return e.document(), nil
}

// placeholderKeys are the keys whose TOML counterpart is a text of its own, in
// which placeholders can stand.
var placeholderKeys = words(`bootstrap.servers ssl.keystore.location ssl.keystore.password ssl.keystore.key
	ssl.keystore.certificate.chain ssl.key.password ssl.truststore.location ssl.truststore.password
	ssl.truststore.certificates sasl.jaas.config sasl.oauthbearer.token.endpoint.url sasl.oauthbearer.scope
	sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret
	client.id client.rack`)

// warnOfPlaceholders is about texts that no provider of the file resolves, and
// TOML would.
func (j *javaReader) warnOfPlaceholders() {
	if !j.importing {
		return
	}
	providers, keep := properties.List(j.raw.text("config.providers")), j.keepPlaceholders()
	for name, v := range j.raw {
		for _, m := range placeholder.FindAllStringSubmatch(v.raw, -1) {
			if keep(name) && !slices.Contains(providers, m[1]) {
				j.warn(v.place(), "is plain text in Java and a placeholder in TOML", "")
			}
		}
	}
}

// keepPlaceholders says of which keys the placeholders stay: none unless the
// file is imported.
func (j *javaReader) keepPlaceholders() func(key string) bool {
	return func(key string) bool {
		if !j.importing {
			return false
		}
		if _, rest, ok := j.clusterKey(key); ok {
			key = rest
		}
		_, key = roleOf(key)
		return slices.Contains(placeholderKeys, key)
	}
}

// addresses splits a list of brokers. Of an imported one a placeholder that
// stands for several is written out: in TOML each address has its own place.
func (j *javaReader) addresses(v javaValue) []string {
	if !j.importing {
		return properties.List(v.text)
	}
	var addresses []string
	for _, address := range properties.List(v.text) {
		expanded, err := j.expand(address)
		if err == nil && strings.Contains(expanded, ",") {
			j.warn(v.place(), "stands for several addresses, which are written out: in TOML a placeholder stands for one", "")
			addresses = append(addresses, properties.List(expanded)...)
			continue
		}
		addresses = append(addresses, address)
	}
	return addresses
}

// unseen is what an imported setting has whose text is behind a placeholder
// for more than itself.
const unseen = properties.Withheld

// isPlaceholder reports whether text is one placeholder of TOML and nothing else.
func isPlaceholder(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && placeholder.FindString(text) == text
}

// declaration is the shape of a set of flows: the most telling kind that has
// just these.
func declaration(ids []topology.FlowID, order []topology.Alias) topology.Declaration {
	involved := slices.DeleteFunc(slices.Clone(order), func(a topology.Alias) bool {
		return !slices.ContainsFunc(ids, func(id topology.FlowID) bool { return id.Source == a || id.Target == a })
	})
	candidates := []topology.Declaration{{Kind: topology.ActiveActive, Clusters: involved}}
	if len(ids) == 1 {
		candidates = []topology.Declaration{{Kind: topology.ActiveStandby, Active: ids[0].Source, Standby: ids[0].Target}}
	}
	for _, hub := range involved {
		spokes := slices.DeleteFunc(slices.Clone(involved), func(a topology.Alias) bool { return a == hub })
		for _, direction := range []topology.Direction{topology.In, topology.Out, topology.Both} {
			candidates = append(candidates, topology.Declaration{Kind: topology.HubAndSpoke, Hub: hub, Spokes: spokes, Direction: direction})
		}
	}
	for _, d := range candidates {
		if expanded, err := d.Expand(); err == nil && sameFlows(expanded, ids) {
			return d
		}
	}
	return topology.Declaration{Kind: topology.Custom, Flows: ids}
}

func sameFlows(a, b []topology.FlowID) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(id topology.FlowID) bool { return !slices.Contains(b, id) })
}
