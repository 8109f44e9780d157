package config

import (
	"cmp"
	"fmt"
	"slices"

	"mm2/internal/connection"
	"mm2/internal/properties"
	"mm2/topology"
)

// connection reads what reaches one cluster. Java can give each client of a
// cluster other credentials; mm2 has one connection for a cluster and refuses
// what would need several.
func (j *javaReader) connection(alias topology.Alias, props javaConfig) connection.Connection {
	c := connection.Connection{Bootstrap: j.bootstrap(alias, props)}
	j.reader(props).Security(&c)
	j.client(props, &c.Client)
	j.oneConnection(alias, props)
	return c
}

func (j *javaReader) bootstrap(alias topology.Alias, props javaConfig) []string {
	v, ok := props["bootstrap.servers"]
	addresses := j.addresses(v)
	if !ok || len(addresses) == 0 {
		j.problem(place{line: cmp.Or(v.line, j.raw["clusters"].line), key: string(alias) + ".bootstrap.servers"}, "is missing: want the addresses of one or more brokers", "")
		return nil
	}
	for i, address := range addresses {
		if j.importing && placeholder.MatchString(address) {
			continue
		}
		if err := properties.CheckAddress(address); err != nil {
			j.problem(v.place(), fmt.Sprintf("address %d: %s", i+1, err), "")
		}
	}
	return addresses
}

// oneConnection reports settings of single clients that differ from those of
// the cluster.
func (j *javaReader) oneConnection(alias topology.Alias, props javaConfig) {
	for role := range roles {
		for _, key := range properties.ActedConnectionKeys {
			v, ok := props[role+"."+key]
			if ok && v.text != props.text(key) {
				j.problem(v.place(), "mm2 has one connection for a cluster: "+role+"s cannot have their own",
					fmt.Sprintf("write %s.%s", alias, key))
			}
		}
	}
}

// reader reads the settings that all clients of Kafka have.
func (j *javaReader) reader(props javaConfig) properties.Reader {
	return properties.Reader{
		Lookup: func(key string) (string, bool) {
			v, ok := props[key]
			return v.text, ok
		},
		Problem:  func(key, rule, suggestion string) { j.problem(props[key].place(), rule, suggestion) },
		Withheld: func(text string) bool { return j.importing && isPlaceholder(text) },
	}
}

// client reads settings that Java has for each kind of client. Of several
// kinds the consumer's count first, for reading is most of what mm2 does.
func (j *javaReader) client(props javaConfig, c *connection.Client) {
	merged := make(javaConfig)
	for _, role := range []string{"producer", "admin", "consumer"} {
		merged.merge(props.under(role + ".").where(func(key string) bool { return slices.Contains(properties.ClientKeys, key) }))
	}
	if id, ok := props["client.id"]; ok {
		merged.setDefault("client.id", id)
	}
	j.reader(merged).Client(c)
}
