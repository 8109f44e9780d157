package properties

import (
	"slices"
	"strings"

	"mm2/internal/connection"
)

const (
	securityPackage = "org.apache.kafka.common.security."
	jaasKey         = "sasl.jaas.config"
)

// loginModules are the login modules that mm2 stands in for, and the
// mechanisms each can be used with.
var loginModules = map[string][]connection.Mechanism{
	securityPackage + "plain.PlainLoginModule":             {connection.Plain},
	securityPackage + "scram.ScramLoginModule":             {connection.ScramSHA256, connection.ScramSHA512},
	securityPackage + "oauthbearer.OAuthBearerLoginModule": {connection.OAuthBearer},
}

func (r Reader) sasl(c *connection.Connection) {
	mechanism, ok := r.Lookup("sasl.mechanism")
	if !ok {
		r.Problem("security.protocol", "needs sasl.mechanism: Java's default is GSSAPI (Kerberos), which mm2 does not support",
			OneOf(Mechanisms))
		return
	}
	c.SASL.Mechanism = connection.Mechanism(strings.ToUpper(mechanism))
	if !slices.Contains(Mechanisms, string(c.SASL.Mechanism)) {
		suggestion := DidYouMean(mechanism, Mechanisms)
		if c.SASL.Mechanism == "GSSAPI" {
			suggestion = "mm2 does not support Kerberos: it would need a native library and a ticket cache"
		}
		r.Problem("sasl.mechanism", OneOf(Mechanisms), suggestion)
		return
	}
	r.callbackHandlers()
	jaas, ok := r.Lookup(jaasKey)
	entry := jaasEntry{}
	switch {
	case ok && r.Withheld != nil && r.Withheld(jaas):
		entry = unseenLogin()
	case ok:
		var err error
		if entry, err = parseJAAS(jaas); err != nil {
			r.Problem(jaasKey, err.Error(), `the form is: `+securityPackage+`plain.PlainLoginModule required username="…" password="…";`)
			return
		}
		if !r.checkModule(entry, c.SASL.Mechanism) {
			return
		}
	case c.SASL.Mechanism != connection.OAuthBearer:
		r.Problem("sasl.mechanism", "needs sasl.jaas.config with username and password", "")
		return
	}
	if c.SASL.Mechanism == connection.OAuthBearer {
		r.oauth(entry, &c.SASL.OAuth)
		return
	}
	r.user(entry, &c.SASL)
}

// callbackHandlers refuses code that would fetch credentials, except Java's
// own for the OAuth grant that mm2 speaks.
func (r Reader) callbackHandlers() {
	for _, key := range []string{"sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class"} {
		v := r.text(key)
		if v != "" && !strings.HasSuffix(v, ".OAuthBearerLoginCallbackHandler") {
			r.Problem(key, "mm2 runs no Java code", "")
		}
	}
}

func (r Reader) checkModule(entry jaasEntry, mechanism connection.Mechanism) bool {
	mechanisms, known := loginModules[entry.module]
	switch {
	case strings.HasSuffix(entry.module, ".Krb5LoginModule"):
		r.Problem(jaasKey, "mm2 does not support Kerberos", "use SCRAM, OAUTHBEARER or TLS certificates")
	case !known:
		r.Problem(jaasKey, "the login module is not one that mm2 knows", "known are PlainLoginModule, ScramLoginModule and OAuthBearerLoginModule of "+strings.TrimSuffix(securityPackage, "."))
	case !slices.Contains(mechanisms, mechanism):
		r.Problem(jaasKey, entry.module[strings.LastIndexByte(entry.module, '.')+1:]+" does not belong to sasl.mechanism "+string(mechanism), "")
	default:
		return true
	}
	return false
}

func (r Reader) user(entry jaasEntry, c *connection.SASL) {
	c.Username = entry.options["username"]
	c.Password = connection.Secret(entry.options["password"])
	c.Token = strings.EqualFold(entry.options["tokenauth"], "true")
	for _, option := range []string{"username", "password"} {
		if entry.options[option] == "" {
			r.Problem(jaasKey, "has no "+option, "")
		}
	}
}

// oauth reads the client credentials grant, from the keys that Kafka has for
// it and from the options of the login module.
func (r Reader) oauth(entry jaasEntry, c *connection.OAuth) {
	const prefix = "sasl.oauthbearer."
	first := func(key, option string) string {
		if v := r.text(prefix + key); v != "" {
			return v
		}
		return entry.options[option]
	}
	c.TokenURL = r.text(prefix + "token.endpoint.url")
	c.ClientID = first("client.credentials.client.id", "clientId")
	c.ClientSecret = connection.Secret(first("client.credentials.client.secret", "clientSecret"))
	c.Scope = first("scope", "scope")
	c.EncodeHeader = r.bool(prefix + "header.urlencode")
	for option, value := range entry.options {
		if name, ok := strings.CutPrefix(option, "extension_"); ok {
			if c.Extensions == nil {
				c.Extensions = make(map[string]string)
			}
			c.Extensions[name] = value
		}
		if strings.HasPrefix(option, "unsecuredLogin") {
			r.Problem(jaasKey, "unsecured tokens are not supported", "")
			return
		}
	}
	if file := entry.options["ssl.truststore.location"]; file != "" {
		c.Trust = connection.Store{
			Type: connection.StoreType(strings.ToUpper(entry.options["ssl.truststore.type"])),
			File: file, Password: connection.Secret(entry.options["ssl.truststore.password"]),
		}
	}
	at := jaasKey
	if _, ok := r.Lookup(at); !ok {
		at = "sasl.mechanism"
	}
	for _, need := range []struct{ value, what string }{
		{c.TokenURL, prefix + "token.endpoint.url"},
		{c.ClientID, "clientId, or " + prefix + "client.credentials.client.id"},
		{c.ClientSecret.Reveal(), "clientSecret, or " + prefix + "client.credentials.client.secret"},
	} {
		if need.value == "" {
			r.Problem(at, "the client credentials grant needs "+need.what, "")
		}
	}
}

func (r Reader) bool(key string) bool {
	text, ok := r.Lookup(key)
	if !ok {
		return false
	}
	value, valid := Bool(text)
	if !valid {
		r.Problem(key, "want true or false", "")
	}
	return value
}

// Withheld is what the parts of a login are whose text is withheld: a value
// for something that is not empty.
const Withheld = "\x00unseen"

// unseenLogin is the login of a sasl.jaas.config that is withheld.
func unseenLogin() jaasEntry {
	return jaasEntry{options: map[string]string{"username": Withheld, "password": Withheld, "clientId": Withheld, "clientSecret": Withheld}}
}
