// Package connection describes what it takes to reach one Kafka cluster as
// plain values: addresses, transport security, authentication and client
// settings. It opens nothing; internal/config fills it, internal/kafka uses it.
package connection

import (
	"log/slog"
	"time"
)

// Secret is a string that does not print itself.
type Secret string

const hidden = "[hidden]"

// String hides the value, so that a secret cannot be printed by accident.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value from JSON and TOML encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the value for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// Protocol is Kafka's security.protocol.
type Protocol string

// The four protocols of Kafka.
const (
	Plaintext     Protocol = "PLAINTEXT"
	SSL           Protocol = "SSL"
	SASLPlaintext Protocol = "SASL_PLAINTEXT"
	SASLSSL       Protocol = "SASL_SSL"
)

// Mechanism is Kafka's sasl.mechanism.
type Mechanism string

// The mechanisms that mm2 speaks.
const (
	Plain       Mechanism = "PLAIN"
	ScramSHA256 Mechanism = "SCRAM-SHA-256"
	ScramSHA512 Mechanism = "SCRAM-SHA-512"
	OAuthBearer Mechanism = "OAUTHBEARER"
)

// Connection is everything needed to build clients for one cluster.
type Connection struct {
	Bootstrap []string // host:port, at least one
	Protocol  Protocol // empty means Plaintext
	TLS       TLS      // used with SSL and SASLSSL
	SASL      SASL     // used with SASLPlaintext and SASLSSL
	Client    Client
}

// StoreType is the format of a key store or trust store.
type StoreType string

// The store formats of ssl.keystore.type and ssl.truststore.type.
const (
	PEM    StoreType = "PEM"
	JKS    StoreType = "JKS"
	PKCS12 StoreType = "PKCS12"
)

// Store is a key store or trust store. Either File or the inline PEM is set;
// a zero Store means: none (keys) or the system's roots (trust).
type Store struct {
	Type     StoreType // empty: by content
	File     string
	Password Secret
	// Inline PEM (ssl.truststore.certificates, ssl.keystore.certificate.chain
	// and ssl.keystore.key). For a PEM pair in two files, File holds the
	// certificate chain and KeyFile the private key.
	Certificates string
	Key          Secret
	KeyFile      string
}

// TLS is the ssl.* part.
type TLS struct {
	Trust       Store
	Keys        Store  // client certificate: mutual TLS
	KeyPassword Secret // ssl.key.password; also of an encrypted PEM key
	// SkipHostnameCheck is ssl.endpoint.identification.algorithm set to the
	// empty string: certificates are verified, host names are not.
	SkipHostnameCheck bool
	MinVersion        string   // "TLSv1.2" or "TLSv1.3"; empty: TLSv1.2
	CipherSuites      []string // IANA names; empty: Go's choice. TLS 1.2 only.
	ServerName        string   // overrides the name sent and checked
}

// SASL is the sasl.* part.
type SASL struct {
	Mechanism Mechanism
	Username  string
	Password  Secret
	Token     bool // SCRAM delegation token (tokenauth=true)
	OAuth     OAuth
}

// OAuth is the OAUTHBEARER client-credentials grant (KIP-768).
type OAuth struct {
	TokenURL     string
	ClientID     string
	ClientSecret Secret
	Scope        string
	Extensions   map[string]string
	// EncodeHeader is sasl.oauthbearer.header.urlencode: client id and secret
	// are URL-encoded before they go into the Authorization header.
	EncodeHeader bool
	Trust        Store // roots for the token endpoint; zero: the system's
}

// Client holds client settings that users tune. Zero values mean mm2's default.
type Client struct {
	ID              string // client.id prefix
	Rack            string // client.rack: follower fetching (KIP-392)
	RequestTimeout  time.Duration
	DialTimeout     time.Duration // socket.connection.setup.timeout.ms
	RetryBackoff    time.Duration // retry.backoff.ms: first delay
	RetryBackoffMax time.Duration
	MetadataMaxAge  time.Duration
	ConnIdle        time.Duration // connections.max.idle.ms
}
