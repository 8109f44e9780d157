// Package connection describes what it takes to reach one Kafka cluster, as
// plain values: addresses, transport security, authentication and client
// settings. It opens nothing and checks nothing; internal/config fills a
// [Connection], internal/kafka makes clients of it.
package connection

import "time"

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

// Connection is everything needed to build clients for one cluster. Parts that
// the protocol does not use are ignored, as Java's clients do.
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

// Store is a key store or a trust store: a file, or PEM text that stands in
// the configuration, never both. The zero Store means none: no client
// certificate, the system's roots.
type Store struct {
	// Type is what the file is said to be; empty means what it looks like. JKS
	// and PKCS12 stand for each other, as in Java.
	Type StoreType
	// File is the store. For PEM it has the certificates and, in a key store
	// without KeyFile, the private key.
	File string
	// Password opens a JKS or PKCS12 store. A JKS trust store opens without
	// it, unverified, as in Java. For an encrypted PEM key it is tried if TLS
	// has no KeyPassword.
	Password Secret
	// KeyFile has the private key of a PEM key store.
	KeyFile string
	// Certificates is PEM text: ssl.truststore.certificates or
	// ssl.keystore.certificate.chain. Blanks may stand for line ends.
	Certificates string
	// Key is PEM text: ssl.keystore.key.
	Key Secret
}

// TLS is the ssl.* part.
type TLS struct {
	Trust Store // who may sign the brokers' certificates
	Keys  Store // the client certificate: mutual TLS
	// KeyPassword is ssl.key.password: of the key in a JKS store, where it
	// differs from the store's, and of an encrypted PEM key.
	KeyPassword Secret
	// SkipHostnameCheck is ssl.endpoint.identification.algorithm set to the
	// empty string: certificates are verified, the names in them are not.
	SkipHostnameCheck bool
	MinVersion        string // "TLSv1.2" or "TLSv1.3"; empty means TLSv1.2
	// CipherSuites are IANA names; empty means Go's choice. Those of TLS 1.3
	// cannot be chosen among; with no others in the list, MinVersion is
	// TLSv1.3.
	CipherSuites []string
	ServerName   string // sent and checked instead of the broker's host name
}

// SASL is the sasl.* part. OAuth is used with [OAuthBearer], the other fields
// with the other mechanisms.
type SASL struct {
	Mechanism Mechanism
	Username  string
	Password  Secret
	Token     bool // Username and Password are a delegation token (tokenauth=true); SCRAM only
	OAuth     OAuth
}

// OAuth is the client-credentials grant of OAUTHBEARER (KIP-768).
type OAuth struct {
	TokenURL     string // sasl.oauthbearer.token.endpoint.url
	ClientID     string
	ClientSecret Secret
	Scope        string            // empty: none is asked for
	Extensions   map[string]string // sent to brokers along with the token
	// EncodeHeader is sasl.oauthbearer.header.urlencode: client id and secret
	// are URL-encoded before they go into the Authorization header.
	EncodeHeader bool
	Trust        Store // roots for the token endpoint; zero: the system's
}

// Client holds client settings that users tune. Zero values mean mm2's
// default. Negative durations mean "never", as in Java; values that the client
// library does not take are moved to the nearest one that it does.
type Client struct {
	ID              string        // client.id: first part of every client id; "mm2" by default
	Rack            string        // client.rack: fetch from the nearest replica (KIP-392)
	RequestTimeout  time.Duration // request.timeout.ms, on top of a request's own timeout
	DialTimeout     time.Duration // socket.connection.setup.timeout.ms
	RetryBackoff    time.Duration // retry.backoff.ms: the first delay
	RetryBackoffMax time.Duration // retry.backoff.max.ms: delays double up to it
	MetadataMaxAge  time.Duration // metadata.max.age.ms
	ConnIdle        time.Duration // connections.max.idle.ms
}
