package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"mm2/internal/connection"
	"mm2/topology"
)

// connection reads what reaches one cluster. Java can give each client of a
// cluster other credentials; mm2 has one connection for a cluster and refuses
// what would need several.
func (j *javaReader) connection(alias topology.Alias, props javaConfig) connection.Connection {
	c := connection.Connection{Bootstrap: j.bootstrap(alias, props)}
	if v, ok := props["security.protocol"]; ok {
		c.Protocol = connection.Protocol(strings.ToUpper(v.text))
		if !slices.Contains(protocolNames, string(c.Protocol)) {
			j.problem(v.place(), oneOf(protocolNames), didYouMean(strings.ToUpper(v.text), protocolNames))
		}
	}
	if c.Protocol == connection.SSL || c.Protocol == connection.SASLSSL {
		j.tls(props, &c.TLS)
	}
	if c.Protocol == connection.SASLPlaintext || c.Protocol == connection.SASLSSL {
		j.sasl(props, &c)
	}
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
		if err := checkAddress(address); err != nil {
			j.problem(v.place(), fmt.Sprintf("address %d: %s", i+1, err), "")
		}
	}
	return addresses
}

// oneConnection reports settings of single clients that differ from those of
// the cluster.
func (j *javaReader) oneConnection(alias topology.Alias, props javaConfig) {
	for role := range roles {
		for _, key := range actedClientKeys {
			v, ok := props[role+"."+key]
			if ok && v.text != props.text(key) {
				j.problem(v.place(), "mm2 has one connection for a cluster: "+role+"s cannot have their own",
					fmt.Sprintf("write %s.%s", alias, key))
			}
		}
	}
}

func (j *javaReader) tls(props javaConfig, c *connection.TLS) {
	c.Trust = j.store(props, "ssl.truststore.")
	c.Trust.Certificates = props.text("ssl.truststore.certificates")
	c.Keys = j.store(props, "ssl.keystore.")
	c.Keys.Certificates = props.text("ssl.keystore.certificate.chain")
	c.Keys.Key = connection.Secret(props.text("ssl.keystore.key"))
	for _, store := range []*connection.Store{&c.Trust, &c.Keys} {
		if store.Type == "" && store.Certificates != "" {
			store.Type = connection.PEM // as text there is nothing else
		}
	}
	c.KeyPassword = connection.Secret(props.text("ssl.key.password"))
	if v, ok := props["ssl.endpoint.identification.algorithm"]; ok {
		switch strings.ToLower(v.text) {
		case "":
			c.SkipHostnameCheck = true
		case "https":
		default:
			j.problem(v.place(), "want https, or nothing to skip the check of host names", "")
		}
	}
	if v, ok := props["ssl.enabled.protocols"]; ok {
		c.MinVersion = j.minVersion(v)
	}
	c.CipherSuites = splitList(props.text("ssl.cipher.suites"))
	if v, ok := props["ssl.engine.factory.class"]; ok && v.text != "" {
		j.problem(v.place(), "mm2 runs no Java code", "configure the stores of keys and certificates")
	}
}

// minVersion is the lowest enabled protocol that is still safe.
func (j *javaReader) minVersion(v javaValue) string {
	enabled := splitList(v.text)
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		if slices.Contains(enabled, version) {
			return version
		}
	}
	j.problem(v.place(), "want TLSv1.2, TLSv1.3 or both", "")
	return ""
}

func (j *javaReader) store(props javaConfig, prefix string) connection.Store {
	s := connection.Store{File: props.text(prefix + "location"), Password: connection.Secret(props.text(prefix + "password"))}
	if v, ok := props[prefix+"type"]; ok {
		kind := strings.ToUpper(v.text)
		if !slices.Contains(storeTypes, kind) {
			j.problem(v.place(), oneOf(storeTypes), didYouMean(kind, storeTypes))
		}
		s.Type = connection.StoreType(kind)
	}
	return s
}

// client reads settings that Java has for each kind of client. Of several
// kinds the consumer's count first, for reading is most of what mm2 does.
func (j *javaReader) client(props javaConfig, c *connection.Client) {
	merged := make(javaConfig)
	for _, role := range []string{"producer", "admin", "consumer"} {
		merged.merge(props.under(role + ".").where(func(key string) bool { return slices.Contains(commonRoleActed, key) }))
	}
	if id, ok := props["client.id"]; ok {
		merged.setDefault("client.id", id)
	}
	c.ID, c.Rack = merged.text("client.id"), merged.text("client.rack")
	for key, field := range map[string]*time.Duration{
		"request.timeout.ms":                 &c.RequestTimeout,
		"socket.connection.setup.timeout.ms": &c.DialTimeout,
		"retry.backoff.ms":                   &c.RetryBackoff,
		"retry.backoff.max.ms":               &c.RetryBackoffMax,
		"metadata.max.age.ms":                &c.MetadataMaxAge,
		"connections.max.idle.ms":            &c.ConnIdle,
	} {
		*field = j.javaMillis(merged, key, 0, maxInterval, 0)
	}
}
