package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"mm2/internal/connection"
	"mm2/topology"
)

// cluster writes [clusters.X] and what is below.
func (e *exporter) cluster(b *strings.Builder, alias topology.Alias, c connection.Connection) {
	s := settings{{key: "bootstrap", value: tomlList(c.Bootstrap)}}
	s.text("client_id", c.Client.ID, "")
	s.text("rack", c.Client.Rack, "")
	s.duration("request_timeout", c.Client.RequestTimeout, 0)
	s.duration("dial_timeout", c.Client.DialTimeout, 0)
	s.duration("retry_backoff", c.Client.RetryBackoff, 0)
	s.duration("retry_backoff_max", c.Client.RetryBackoffMax, 0)
	s.duration("metadata_max_age", c.Client.MetadataMaxAge, 0)
	s.duration("connection_idle", c.Client.ConnIdle, 0)
	table(b, dottedTable("clusters", string(alias)), changed(s))
	if c.Protocol == "" || c.Protocol == connection.Plaintext {
		return
	}
	s = settings{{key: "protocol", value: tomlText(string(c.Protocol))}}
	if c.Protocol == connection.SSL || c.Protocol == connection.SASLSSL {
		e.tls(&s, alias, c.TLS)
	}
	withOAuth := false
	if c.Protocol == connection.SASLPlaintext || c.Protocol == connection.SASLSSL {
		s.text("mechanism", string(c.SASL.Mechanism), "")
		if withOAuth = c.SASL.Mechanism == connection.OAuthBearer; !withOAuth {
			e.seen(&s, alias, "username", "USERNAME", c.SASL.Username)
			s = append(s, e.secret(alias, "password", "PASSWORD", c.SASL.Password, "the password in sasl.jaas.config"))
			s.boolean("token", c.SASL.Token, false)
		}
	}
	table(b, dottedTable("clusters", string(alias), "security"), changed(s))
	if withOAuth {
		e.oauth(b, alias, c.SASL.OAuth)
	}
}

// seen writes a text that is no secret, unless it was behind a placeholder for
// more than itself.
func (e *exporter) seen(s *settings, alias topology.Alias, key, what, value string) {
	if value == unseen {
		*s = append(*s, e.secret(alias, key, what, unseen, "the name in sasl.jaas.config"))
		return
	}
	s.text(key, value, "")
}

func (e *exporter) tls(s *settings, alias topology.Alias, c connection.TLS) {
	switch t := c.Trust; {
	case t.Certificates != "":
		s.text("ca_pem", t.Certificates, "")
	case t.Type == connection.PEM && t.Password == "":
		s.text("ca", t.File, "")
	default:
		e.store(s, alias, "truststore", "TRUSTSTORE_PASSWORD", t, "ssl.truststore.password")
	}
	if k := c.Keys; k.Certificates != "" || k.Key != "" {
		s.text("cert_pem", k.Certificates, "")
		if k.Key != "" {
			*s = append(*s, e.secret(alias, "key_pem", "KEY_PEM", k.Key, "ssl.keystore.key"))
		}
	} else {
		e.store(s, alias, "keystore", "KEYSTORE_PASSWORD", k, "ssl.keystore.password")
	}
	if c.KeyPassword != "" {
		*s = append(*s, e.secret(alias, "key_password", "KEY_PASSWORD", c.KeyPassword, "ssl.key.password"))
	}
	s.boolean("skip_hostname_check", c.SkipHostnameCheck, false)
	s.text("min_version", c.MinVersion, "")
	s.list("cipher_suites", c.CipherSuites, nil)
}

// store writes a store of Java's kind. A password without a store is of no use.
func (e *exporter) store(s *settings, alias topology.Alias, key, what string, store connection.Store, from string) {
	if store.File == "" {
		return
	}
	s.text(key, store.File, "")
	s.text(key+"_type", string(store.Type), "")
	if store.Password != "" {
		*s = append(*s, e.secret(alias, key+"_password", what, store.Password, from))
	}
}

func (e *exporter) oauth(b *strings.Builder, alias topology.Alias, c connection.OAuth) {
	var s settings
	s.text("token_url", c.TokenURL, "")
	e.seen(&s, alias, "client_id", "CLIENT_ID", c.ClientID)
	s = append(s, e.secret(alias, "client_secret", "CLIENT_SECRET", c.ClientSecret, "the secret of the OAuth client"))
	s.text("scope", c.Scope, "")
	s.boolean("encode_header", c.EncodeHeader, false)
	e.store(&s, alias, "truststore", "OAUTH_TRUSTSTORE_PASSWORD", c.Trust, "ssl.truststore.password in sasl.jaas.config")
	for _, name := range slices.Sorted(maps.Keys(c.Extensions)) {
		s = append(s, setting{key: dotted("extensions", name), value: tomlText(c.Extensions[name])})
	}
	table(b, dottedTable("clusters", string(alias), "security", "oauth"), changed(s))
}

// settings collects values beside their defaults.
type settings []setting

func (s *settings) add(key, value string, differs bool) {
	*s = append(*s, setting{key: key, value: value, standard: !differs})
}

// changed are the settings that need a line.
func changed(s settings) settings {
	return slices.DeleteFunc(s, func(s setting) bool { return s.standard })
}

func (s *settings) text(key, value, otherwise string) {
	s.add(key, tomlText(value), value != otherwise)
}

func (s *settings) boolean(key string, value, otherwise bool) {
	s.add(key, map[bool]string{true: "true", false: "false"}[value], value != otherwise)
}

func (s *settings) duration(key string, value, otherwise time.Duration) {
	s.add(key, tomlText(formatDuration(value)), value != otherwise)
}

func (s *settings) list(key string, value, otherwise []string) {
	s.add(key, tomlList(value), !slices.Equal(value, otherwise))
}
