package config

import (
	"slices"
	"strings"
	"time"

	"mm2/internal/connection"
	"mm2/internal/properties"
)

// readConnection reads [clusters.X].
func readConnection(t *tomlTable) connection.Connection {
	var c connection.Connection
	addresses, ok := t.texts("bootstrap")
	if !ok && !t.has("bootstrap") || ok && len(addresses) == 0 {
		at := t.here()
		at.key = dotted(t.name, "bootstrap")
		t.problem(at, `is missing: want the addresses of one or more brokers, for example ["kafka-1:9092"]`, "")
	}
	for _, it := range addresses {
		address, err := t.expand(it.text)
		if err == nil {
			err = properties.CheckAddress(address)
		}
		if err != nil {
			t.problem(it.at, err.Error(), "")
			continue
		}
		c.Bootstrap = append(c.Bootstrap, address)
	}
	t.client(&c.Client)
	if security := t.table("security"); security != nil {
		security.security(&c)
		security.finish(nil)
	}
	t.finish(nil)
	return c
}

func (t *tomlTable) client(c *connection.Client) {
	t.set("client_id", &c.ID)
	t.set("rack", &c.Rack)
	for key, value := range map[string]*time.Duration{
		"request_timeout":   &c.RequestTimeout,
		"dial_timeout":      &c.DialTimeout,
		"retry_backoff":     &c.RetryBackoff,
		"retry_backoff_max": &c.RetryBackoffMax,
		"metadata_max_age":  &c.MetadataMaxAge,
		"connection_idle":   &c.ConnIdle,
	} {
		if v, ok := t.duration(key, time.Millisecond, maxInterval); ok {
			*value = v
		}
	}
}

// set reads text into a field, if it is there.
func (t *tomlTable) set(key string, field *string) {
	if v, ok := t.text(key); ok {
		*field = v
	}
}

func (t *tomlTable) setSecret(key string, field *connection.Secret) {
	if v, ok := t.secret(key); ok {
		*field = v
	}
}

func (t *tomlTable) security(c *connection.Connection) {
	if v, ok := t.choice("protocol", properties.Protocols...); ok {
		c.Protocol = connection.Protocol(v)
	} else if !t.has("protocol") {
		at := t.here()
		at.key = dotted(t.name, "protocol")
		t.problem(at, "is missing: "+properties.OneOf(properties.Protocols), "")
	}
	t.tls(&c.TLS)
	t.sasl(&c.SASL)
	t.checkSecurity(c)
}

var (
	tlsKeys = []string{
		"ca", "ca_pem", "cert", "cert_pem", "key", "key_pem", "key_password", "truststore", "truststore_type", "truststore_password",
		"keystore", "keystore_type", "keystore_password", "skip_hostname_check", "min_version", "cipher_suites", "server_name",
	}
	saslKeys = []string{"mechanism", "username", "password", "token", "oauth"}
)

func (t *tomlTable) tls(c *connection.TLS) {
	t.store("ca", "truststore", &c.Trust)
	t.store("cert", "keystore", &c.Keys)
	t.set("key", &c.Keys.KeyFile)
	t.setSecret("key_password", &c.KeyPassword)
	if v, ok := t.boolean("skip_hostname_check"); ok {
		c.SkipHostnameCheck = v
	}
	if v, ok := t.choice("min_version", "TLSv1.2", "TLSv1.3"); ok {
		c.MinVersion = v
	}
	t.set("server_name", &c.ServerName)
	if v, ok := t.texts("cipher_suites"); ok {
		c.CipherSuites = texts(v)
	}
	t.pemText(c)
	t.pair("cert", "key")
	t.pair("cert_pem", "key_pem")
}

// pair reports one of the two halves of a client certificate without the other.
func (t *tomlTable) pair(cert, key string) {
	if t.has(cert) == t.has(key) {
		return
	}
	at := t.place(cert)
	if t.has(key) {
		at = t.place(key)
	}
	if strings.HasSuffix(key, "_pem") {
		at.value = ""
	}
	t.problem(at, "a client certificate needs both "+cert+" and "+key, "")
}

// pemText reads certificates and keys that stand in the file itself, or in
// what its placeholders name.
func (t *tomlTable) pemText(c *connection.TLS) {
	for _, s := range []struct {
		key    string
		others []string
		store  *connection.Store
	}{{"ca_pem", []string{"ca", "truststore"}, &c.Trust}, {"cert_pem", []string{"cert", "keystore"}, &c.Keys}} {
		v, ok := t.text(s.key)
		if !ok {
			continue
		}
		for _, other := range s.others {
			if t.has(other) {
				t.wrong(other, "want either "+s.key+" or "+other)
			}
		}
		*s.store = connection.Store{Type: connection.PEM, Certificates: v}
	}
	if v, ok := t.secret("key_pem"); ok {
		c.Keys.Key = v
	}
}

// store reads a PEM file or a Java store, which exclude one another.
func (t *tomlTable) store(pem, java string, s *connection.Store) {
	if v, ok := t.text(pem); ok {
		*s = connection.Store{Type: connection.PEM, File: v}
	}
	file, ok := t.text(java)
	password, hasPassword := t.secret(java + "_password")
	kind, _ := t.choice(java+"_type", properties.StoreTypes...)
	switch {
	case ok && t.has(pem):
		t.wrong(java, "want either "+pem+" or "+java)
	case ok:
		*s = connection.Store{Type: connection.StoreType(kind), File: file, Password: password}
	case hasPassword || kind != "":
		at := t.here()
		at.key = dotted(t.name, java)
		t.problem(at, "is missing: its password or type is given", "")
	}
}

func (t *tomlTable) sasl(c *connection.SASL) {
	if v, ok := t.text("mechanism"); ok {
		if v = strings.ToUpper(v); !slices.Contains(properties.Mechanisms, v) {
			suggestion := properties.DidYouMean(v, properties.Mechanisms)
			if v == "GSSAPI" {
				suggestion = "Kerberos is not supported"
			}
			t.problem(t.place("mechanism"), properties.OneOf(properties.Mechanisms), suggestion)
		}
		c.Mechanism = connection.Mechanism(v)
	}
	t.set("username", &c.Username)
	t.setSecret("password", &c.Password)
	if v, ok := t.boolean("token"); ok {
		c.Token = v
	}
	if o := t.table("oauth"); o != nil {
		o.set("token_url", &c.OAuth.TokenURL)
		o.set("client_id", &c.OAuth.ClientID)
		o.setSecret("client_secret", &c.OAuth.ClientSecret)
		o.set("scope", &c.OAuth.Scope)
		if v, ok := o.boolean("encode_header"); ok {
			c.OAuth.EncodeHeader = v
		}
		o.store("ca", "truststore", &c.OAuth.Trust)
		if e := o.table("extensions"); e != nil {
			c.OAuth.Extensions = make(map[string]string)
			for name := range e.values {
				c.OAuth.Extensions[name], _ = e.text(name)
			}
		}
		o.finish(nil)
	}
}

// checkSecurity reports what does not go together.
func (t *tomlTable) checkSecurity(c *connection.Connection) {
	if c.Protocol == "" {
		return // said already
	}
	overTLS := c.Protocol == connection.SSL || c.Protocol == connection.SASLSSL
	withSASL := c.Protocol == connection.SASLPlaintext || c.Protocol == connection.SASLSSL
	if !overTLS {
		t.meaningless(c.Protocol, tlsKeys)
	}
	if !withSASL {
		t.meaningless(c.Protocol, saslKeys)
		return
	}
	needs := map[string]bool{"mechanism": true}
	switch c.SASL.Mechanism {
	case connection.Plain, connection.ScramSHA256, connection.ScramSHA512:
		needs["username"], needs["password"] = true, true
	case connection.OAuthBearer:
		needs["oauth"] = true
	}
	for _, key := range saslKeys {
		if needs[key] && !t.has(key) {
			at := t.here()
			at.key = dotted(t.name, key)
			rule := "is missing: protocol " + string(c.Protocol) + " needs it"
			if key != "mechanism" {
				rule = "is missing: mechanism " + string(c.SASL.Mechanism) + " needs it"
			}
			t.problem(at, rule, "")
		}
	}
	if oauth, ok := t.values["oauth"].(map[string]any); ok && needs["oauth"] {
		for _, key := range []string{"token_url", "client_id", "client_secret"} {
			if _, ok := oauth[key]; !ok {
				at := t.place("oauth")
				t.problem(place{line: at.line, key: dotted(at.key, key)}, "is missing: the client credentials grant needs it", "")
			}
		}
	}
}

func (t *tomlTable) meaningless(protocol connection.Protocol, keys []string) {
	for _, key := range keys {
		if t.has(key) {
			at := t.place(key)
			at.value = ""
			t.problem(at, "has no meaning with protocol "+string(protocol), "want SSL or SASL_SSL for TLS, SASL_PLAINTEXT or SASL_SSL for a user")
		}
	}
}
