package config

import (
	"slices"
	"strings"

	"mm2/internal/connection"
)

const securityPackage = "org.apache.kafka.common.security."

// loginModules are the login modules that mm2 stands in for, and the
// mechanisms each can be used with.
var loginModules = map[string][]connection.Mechanism{
	securityPackage + "plain.PlainLoginModule":             {connection.Plain},
	securityPackage + "scram.ScramLoginModule":             {connection.ScramSHA256, connection.ScramSHA512},
	securityPackage + "oauthbearer.OAuthBearerLoginModule": {connection.OAuthBearer},
}

func (j *javaReader) sasl(props javaConfig, c *connection.Connection) {
	mechanism, ok := props["sasl.mechanism"]
	if !ok {
		j.problem(props["security.protocol"].place(), "needs sasl.mechanism: Java's default is GSSAPI (Kerberos), which mm2 does not support",
			oneOf(mechanismNames))
		return
	}
	c.SASL.Mechanism = connection.Mechanism(strings.ToUpper(mechanism.text))
	if !slices.Contains(mechanismNames, string(c.SASL.Mechanism)) {
		suggestion := didYouMean(mechanism.text, mechanismNames)
		if c.SASL.Mechanism == "GSSAPI" {
			suggestion = "mm2 does not support Kerberos: it would need a native library and a ticket cache"
		}
		j.problem(mechanism.place(), oneOf(mechanismNames), suggestion)
		return
	}
	j.callbackHandlers(props)
	jaas, ok := props["sasl.jaas.config"]
	entry := jaasEntry{}
	switch {
	case ok && j.importing && isPlaceholder(jaas.text):
		entry = unseenLogin()
	case ok:
		var err error
		if entry, err = parseJAAS(jaas.text); err != nil {
			j.problem(jaas.place(), err.Error(), `the form is: `+securityPackage+`plain.PlainLoginModule required username="…" password="…";`)
			return
		}
		if !j.checkModule(jaas, entry, c.SASL.Mechanism) {
			return
		}
	case c.SASL.Mechanism != connection.OAuthBearer:
		j.problem(mechanism.place(), "needs sasl.jaas.config with username and password", "")
		return
	}
	if c.SASL.Mechanism == connection.OAuthBearer {
		j.oauth(props, jaas, entry, &c.SASL.OAuth)
		return
	}
	j.user(jaas, entry, &c.SASL)
}

// callbackHandlers refuses code that would fetch credentials, except Java's
// own for the OAuth grant that mm2 speaks.
func (j *javaReader) callbackHandlers(props javaConfig) {
	for _, key := range []string{"sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class"} {
		v, ok := props[key]
		if ok && v.text != "" && !strings.HasSuffix(v.text, ".OAuthBearerLoginCallbackHandler") {
			j.problem(v.place(), "mm2 runs no Java code", "")
		}
	}
}

func (j *javaReader) checkModule(jaas javaValue, entry jaasEntry, mechanism connection.Mechanism) bool {
	mechanisms, known := loginModules[entry.module]
	switch {
	case strings.HasSuffix(entry.module, ".Krb5LoginModule"):
		j.problem(jaas.place(), "mm2 does not support Kerberos", "use SCRAM, OAUTHBEARER or TLS certificates")
	case !known:
		j.problem(jaas.place(), "the login module is not one that mm2 knows", "known are PlainLoginModule, ScramLoginModule and OAuthBearerLoginModule of "+strings.TrimSuffix(securityPackage, "."))
	case !slices.Contains(mechanisms, mechanism):
		j.problem(jaas.place(), entry.module[strings.LastIndexByte(entry.module, '.')+1:]+" does not belong to sasl.mechanism "+string(mechanism), "")
	default:
		return true
	}
	return false
}

func (j *javaReader) user(jaas javaValue, entry jaasEntry, c *connection.SASL) {
	c.Username = entry.options["username"]
	c.Password = connection.Secret(entry.options["password"])
	c.Token = strings.EqualFold(entry.options["tokenauth"], "true")
	for _, option := range []string{"username", "password"} {
		if entry.options[option] == "" {
			j.problem(jaas.place(), "has no "+option, "")
		}
	}
}

// oauth reads the client credentials grant, from the keys that Kafka has for
// it and from the options of the login module.
func (j *javaReader) oauth(props javaConfig, jaas javaValue, entry jaasEntry, c *connection.OAuth) {
	const prefix = "sasl.oauthbearer."
	first := func(key, option string) string {
		if v := props.text(prefix + key); v != "" {
			return v
		}
		return entry.options[option]
	}
	c.TokenURL = props.text(prefix + "token.endpoint.url")
	c.ClientID = first("client.credentials.client.id", "clientId")
	c.ClientSecret = connection.Secret(first("client.credentials.client.secret", "clientSecret"))
	c.Scope = first("scope", "scope")
	c.EncodeHeader = j.javaBool(props, prefix+"header.urlencode", false)
	for option, value := range entry.options {
		if name, ok := strings.CutPrefix(option, "extension_"); ok {
			if c.Extensions == nil {
				c.Extensions = make(map[string]string)
			}
			c.Extensions[name] = value
		}
		if strings.HasPrefix(option, "unsecuredLogin") {
			j.problem(jaas.place(), "unsecured tokens are not supported", "")
			return
		}
	}
	if file := entry.options["ssl.truststore.location"]; file != "" {
		c.Trust = connection.Store{
			Type: connection.StoreType(strings.ToUpper(entry.options["ssl.truststore.type"])),
			File: file, Password: connection.Secret(entry.options["ssl.truststore.password"]),
		}
	}
	at := jaas.place()
	if jaas.key == "" {
		at = props["sasl.mechanism"].place()
	}
	for _, need := range []struct{ value, what string }{
		{c.TokenURL, prefix + "token.endpoint.url"},
		{c.ClientID, "clientId, or " + prefix + "client.credentials.client.id"},
		{c.ClientSecret.Reveal(), "clientSecret, or " + prefix + "client.credentials.client.secret"},
	} {
		if need.value == "" {
			j.problem(at, "the client credentials grant needs "+need.what, "")
		}
	}
}
