package properties

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mm2/internal/connection"
)

// Reader reads client settings by their Kafka names. It keeps nothing: all
// fields but Withheld are needed.
type Reader struct {
	// Lookup is the value of a key, and whether it is set.
	Lookup func(key string) (value string, ok bool)
	// Problem is told what is wrong with the value of a key, and what may help;
	// suggestion may be empty. A secret is never part of either.
	Problem func(key, rule, suggestion string)
	// Withheld reports that a text only stands for a value that is not known
	// yet. Nil: none does.
	Withheld func(text string) bool
}

// Choices of client settings, as messages list them.
var (
	Protocols  = []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}
	Mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}
	StoreTypes = []string{"JKS", "PKCS12", "PEM"}
)

// MaxClientInterval is the longest time that a client setting may have.
const MaxClientInterval = 24 * time.Hour

func (r Reader) text(key string) string {
	v, _ := r.Lookup(key)
	return v
}

// Security reads security.protocol and those of ssl.* and sasl.* that the
// protocol uses.
func (r Reader) Security(c *connection.Connection) {
	if v, ok := r.Lookup("security.protocol"); ok {
		c.Protocol = connection.Protocol(strings.ToUpper(v))
		if !slices.Contains(Protocols, string(c.Protocol)) {
			r.Problem("security.protocol", OneOf(Protocols), DidYouMean(strings.ToUpper(v), Protocols))
		}
	}
	if c.Protocol == connection.SSL || c.Protocol == connection.SASLSSL {
		r.tls(&c.TLS)
	}
	if c.Protocol == connection.SASLPlaintext || c.Protocol == connection.SASLSSL {
		r.sasl(c)
	}
}

// Client reads the client settings that change an mm2 client.
func (r Reader) Client(c *connection.Client) {
	c.ID, c.Rack = r.text("client.id"), r.text("client.rack")
	for _, setting := range []struct {
		key   string
		field *time.Duration
	}{
		{"request.timeout.ms", &c.RequestTimeout},
		{"socket.connection.setup.timeout.ms", &c.DialTimeout},
		{"retry.backoff.ms", &c.RetryBackoff},
		{"retry.backoff.max.ms", &c.RetryBackoffMax},
		{"metadata.max.age.ms", &c.MetadataMaxAge},
		{"connections.max.idle.ms", &c.ConnIdle},
	} {
		text, ok := r.Lookup(setting.key)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > MaxClientInterval.Milliseconds() {
			r.Problem(setting.key, WholeNumber(0, MaxClientInterval.Milliseconds()), "")
			continue
		}
		*setting.field = time.Duration(n) * time.Millisecond
	}
}

func (r Reader) tls(c *connection.TLS) {
	c.Trust = r.store("ssl.truststore.")
	c.Trust.Certificates = r.text("ssl.truststore.certificates")
	c.Keys = r.store("ssl.keystore.")
	c.Keys.Certificates = r.text("ssl.keystore.certificate.chain")
	c.Keys.Key = connection.Secret(r.text("ssl.keystore.key"))
	for _, store := range []*connection.Store{&c.Trust, &c.Keys} {
		if store.Type == "" && store.Certificates != "" {
			store.Type = connection.PEM // as text there is nothing else
		}
	}
	c.KeyPassword = connection.Secret(r.text("ssl.key.password"))
	if v, ok := r.Lookup("ssl.endpoint.identification.algorithm"); ok {
		switch strings.ToLower(v) {
		case "":
			c.SkipHostnameCheck = true
		case "https":
		default:
			r.Problem("ssl.endpoint.identification.algorithm", "want https, or nothing to skip the check of host names", "")
		}
	}
	if v, ok := r.Lookup("ssl.enabled.protocols"); ok {
		c.MinVersion = r.minVersion(v)
	}
	c.CipherSuites = List(r.text("ssl.cipher.suites"))
	if r.text("ssl.engine.factory.class") != "" {
		r.Problem("ssl.engine.factory.class", "mm2 runs no Java code", "configure the stores of keys and certificates")
	}
}

// minVersion is the lowest enabled protocol that is still safe.
func (r Reader) minVersion(text string) string {
	enabled := List(text)
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		if slices.Contains(enabled, version) {
			return version
		}
	}
	r.Problem("ssl.enabled.protocols", "want TLSv1.2, TLSv1.3 or both", "")
	return ""
}

func (r Reader) store(prefix string) connection.Store {
	s := connection.Store{File: r.text(prefix + "location"), Password: connection.Secret(r.text(prefix + "password"))}
	if v, ok := r.Lookup(prefix + "type"); ok {
		kind := strings.ToUpper(v)
		if !slices.Contains(StoreTypes, kind) {
			r.Problem(prefix+"type", OneOf(StoreTypes), DidYouMean(kind, StoreTypes))
		}
		s.Type = connection.StoreType(kind)
	}
	return s
}
